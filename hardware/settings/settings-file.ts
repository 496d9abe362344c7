// The settings file of a meter, as `smets1 provision` writes it: identity, key and configuration. Boards, Pis and emulated
// meters copy the same file to their flash, once (WIRING.md, "Settings file").

import { closeSync, fchmodSync, fstatSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import type { Flash } from '../../firmware/board.ts'
import { isSettledBlank, newestPage, pageKind } from '../../firmware/flash-pages.ts'
import {
  type Configuration,
  decodeConfiguration,
  defaultConfiguration,
  encodeConfiguration,
  isConfiguration,
  readSettings,
  writeSettings,
} from '../../firmware/settings.ts'
import { euiFromBytes, euiToBytes, fromHex, sameBytes, toHex } from '../../protocol/bytes.ts'
import { keyBytes } from '../../protocol/seal.ts'

/** Version of the file. In version 1 the configuration is as in flash format 1. */
const version = 2
const fileBytesMax = 4096

export interface MeterSettings {
  /** EUI-64, 8 bytes, most significant first. */
  eui: Uint8Array
  /** The key shared with the DCO, 32 bytes. */
  key: Uint8Array
  /** Absent: the meter keeps its own, or a new meter gets the default. Used to change only the key. */
  configuration?: Configuration
}

/**
 * Writes the file atomically, with mode 0600.
 * @param durable false where many are written: the caller brings them to the disk
 */
export function writeSettingsFile(path: string, { eui, key, configuration }: MeterSettings, durable = true): void {
  const value = {
    smets1MeterSettings: version,
    eui: euiFromBytes(eui),
    key: toHex(key),
    ...(configuration && { configuration: toHex(encodeConfiguration(configuration)) }),
  }
  const file = openSync(`${path}.new`, 'w', 0o600)
  try {
    fchmodSync(file, 0o600)
    writeSync(file, `${JSON.stringify(value, null, 2)}\n`)
    if (durable) fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(`${path}.new`, path)
}

function readText(path: string): string {
  const file = openSync(path, 'r')
  try {
    const stats = fstatSync(file)
    if ((stats.mode & 0o077) !== 0) {
      throw new Error(
        `it holds a key and others may read it (mode ${(stats.mode & 0o777).toString(8)}): chmod 600 ${path}`,
      )
    }
    if (stats.size > fileBytesMax)
      throw new Error(`it has ${stats.size} bytes; a settings file has ${fileBytesMax} at most`)
    return readFileSync(file, 'utf8')
  } finally {
    closeSync(file)
  }
}

function bytesIn(value: unknown, what: string): Uint8Array {
  if (typeof value !== 'string' || !/^([0-9a-f]{2})+$/.test(value)) throw new Error(`its ${what} is not hexadecimal`)
  return fromHex(value)
}

function settingsIn(text: string): MeterSettings {
  let value: Record<string, unknown> | null
  try {
    value = JSON.parse(text)
  } catch {
    // The error of JSON.parse quotes the text, which contains a key.
    throw new Error('it is not JSON')
  }
  const written = value?.smets1MeterSettings
  if (value === null || (written !== 1 && written !== version))
    throw new Error(`it is not a settings file of version 1 or ${version}`)
  const { eui, key: keyText, configuration } = value
  if (typeof eui !== 'string' || !/^[0-9A-F]{2}(-[0-9A-F]{2}){7}$/.test(eui)) throw new Error('its EUI-64 is not valid')
  const key = bytesIn(keyText, 'key')
  if (key.length !== keyBytes) throw new Error(`its key is not ${keyBytes} bytes`)
  const settings = { eui: euiToBytes(eui), key }
  if (configuration === undefined) return settings
  const bytes = bytesIn(configuration, 'configuration')
  const decoded = decodeConfiguration(bytes, written)
  if (bytes.length < 10 || !isConfiguration(encodeConfiguration(decoded)))
    throw new Error('its configuration is not valid (protocol/SPEC.md section 11)')
  return { ...settings, configuration: decoded }
}

/** Reads the file. @throws Error with its path, what is wrong and the fix; never quotes the key */
export function readSettingsFile(path: string): MeterSettings {
  try {
    return settingsIn(readText(path))
  } catch (error) {
    throw new Error(`${path} cannot be used: ${(error as Error).message}. smets1 provision writes one.`)
  }
}

/**
 * Writes settings to the flash of a meter. A blank flash becomes a new meter; a meter with the same EUI-64 gets the key and,
 * if the settings contain one, the configuration. Only pages 0 and 1 of the flash are used, so a copy of these two is
 * enough. When the key is replaced, the old one is erased from both.
 * @throws Error when the flash belongs to another meter, or cannot be written
 */
export function takeSettings(flash: Flash, settings: MeterSettings): 'made' | 'changed' | 'as they were' {
  const { eui, key } = settings
  const found = readSettings(flash)
  if (found === undefined) {
    writeSettings(flash, { eui, key, version: 1, configuration: settings.configuration ?? defaultConfiguration() })
    return 'made'
  }
  if (!sameBytes(found.eui, eui)) {
    throw new Error(`the flash is that of ${euiFromBytes(found.eui)}, the settings are for ${euiFromBytes(eui)}`)
  }
  const configuration = settings.configuration ?? found.configuration
  const isSet = sameBytes(encodeConfiguration(configuration), encodeConfiguration(found.configuration))
  const isKeyed = sameBytes(found.key, key)
  const isChanged = !isSet || !isKeyed
  if (isChanged) writeSettings(flash, { eui, key, version: found.version + (isSet ? 0 : 1), configuration })
  // The other page may hold the key of before, also when this was cut off and is run again.
  eraseOtherPage(flash)
  return isChanged ? 'changed' : 'as they were'
}

/** Erases the page of settings that is not in use, unless it is blank. */
function eraseOtherPage(flash: Flash): void {
  const page = newestPage(flash, 0, 2, pageKind.settings).page === 0 ? 1 : 0
  if (!isSettledBlank(flash, page * flash.pageBytes, flash.pageBytes)) flash.erase(page)
}
