// Makes the flash of a new meter: its identity and its key, and nothing in its logs.

import { flashPagesFull, pageBytes } from '../../firmware/flash-map.ts'
import { defaultConfiguration, writeSettings } from '../../firmware/settings.ts'
import { openFlashFile } from '../flash-file.ts'

/**
 * Writes identity and key of a meter with the usual configuration into a flash file, which is made when it is not there.
 * @throws Error naming the file
 */
export function provisionFlash(
  path: string,
  identity: { eui: Uint8Array; key: Uint8Array; pulsesPerKwh: number },
): void {
  const flash = openFlashFile(path, { pageBytes, pages: flashPagesFull })
  try {
    const configuration = { ...defaultConfiguration(), pulsesPerKwh: identity.pulsesPerKwh }
    writeSettings(flash, { eui: identity.eui, key: identity.key, version: 1, configuration })
    flash.sync()
  } finally {
    flash.close()
  }
}
