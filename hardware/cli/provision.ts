// Makes the flash of a new meter: its identity and its key, and nothing in its logs.

import { flashPagesFull, flashPagesMin, pageBytes } from '../../firmware/flash-map.ts'
import { defaultConfiguration, writeSettings } from '../../firmware/settings.ts'
import { openFlashFile } from '../flash-file.ts'

/** KB of the smallest flash of a meter; what it lacks is history. */
export const flashKbMin = (flashPagesMin * pageBytes) / 1024

/** KB of a flash that keeps all that SMETS1 asks for. */
export const flashKbFull = (flashPagesFull * pageBytes) / 1024

/**
 * Writes identity and key of a meter with the usual configuration into a flash file, which is made when it is not there.
 * Of `flashKb` (`flashKbFull` unless given) whole pages are used.
 * @throws Error naming the file
 */
export function provisionFlash(
  path: string,
  meter: { eui: Uint8Array; key: Uint8Array; pulsesPerKwh: number; flashKb?: number | undefined },
): void {
  const pages = Math.floor(((meter.flashKb ?? flashKbFull) * 1024) / pageBytes)
  const flash = openFlashFile(path, { pageBytes, pages })
  try {
    const configuration = { ...defaultConfiguration(), pulsesPerKwh: meter.pulsesPerKwh }
    writeSettings(flash, { eui: meter.eui, key: meter.key, version: 1, configuration })
    flash.sync()
  } finally {
    flash.close()
  }
}
