// The board's side of `smets1 provision`: the settings files of meters, and the flash of the one that `up` makes.

import { existsSync } from 'node:fs'
import { deviceProfile, quirk } from '../../firmware/device-profiles.ts'
import { flashPagesFull, flashPagesMin, pageBytes } from '../../firmware/flash-map.ts'
import { defaultConfiguration, writeSettings } from '../../firmware/settings.ts'
import { euiToBytes } from '../../protocol/bytes.ts'
import { openFlashFile } from '../emulator/flash-file.ts'
import { readSettingsFile, writeSettingsFile } from '../settings/settings-file.ts'
import { type Flag, settingsFlags } from './meter-flags.ts'
import { whole } from './meter-options.ts'
import { readMeterSettings } from './meter-settings.ts'

/** KB of the smallest flash of a meter; what it lacks is history. */
export const flashKbMin = (flashPagesMin * pageBytes) / 1024

/** KB of a flash that keeps all that SMETS1 asks for. */
export const flashKbFull = (flashPagesFull * pageBytes) / 1024

/** Settings of a new meter: flags and defaults. */
export const newMeterFlags: readonly Flag[] = [
  ['--pulses-per-kwh <n>', 'pulses of the metrology for one kWh, 1 to 1000000 (1000 unless given)'],
  ...settingsFlags,
]

/** Writes the settings file of a meter. Not `durable`: the caller brings it to the disk. */
export type InstallSettings = (path: string, eui: string, key: Uint8Array, durable: boolean) => void

/** Writes settings files of new meters, set as the options have it. @throws Error for an option that is wrong, at once */
export function newSettings(options: Record<string, unknown>): InstallSettings {
  const pulsesPerKwh = whole(options, 'pulsesPerKwh', 1, 1000000) ?? defaultConfiguration().pulsesPerKwh
  const configuration = { ...defaultConfiguration(), ...readMeterSettings(options), pulsesPerKwh }
  return (path, eui, key, durable) => writeSettingsFile(path, { eui: euiToBytes(eui), key, configuration }, durable)
}

/**
 * What the stamps of a meter's half-hours are, by its profile and quirks; undefined when the options name neither. The
 * bridge writes them in responses as the device's row in the registry says (`stamps`).
 */
export function stampsOf(options: Record<string, unknown>): 'end' | 'start' | undefined {
  const { deviceProfile: profile, quirks } = readMeterSettings(options)
  if (profile === undefined && quirks === undefined) return undefined
  const all = deviceProfile(profile ?? 0).quirks | (quirks ?? 0)
  return (all & quirk.stampStart) === 0 ? 'end' : 'start'
}

/** Writes a settings file that changes the key alone. What is in one that was not taken yet stays. */
export const nextKeySettings: InstallSettings = (path, eui, key) => {
  const waiting = existsSync(path) ? readSettingsFile(path) : undefined
  writeSettingsFile(path, { ...waiting, eui: euiToBytes(eui), key })
}

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
