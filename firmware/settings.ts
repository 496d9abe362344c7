// Who the meter is, and how it is set: identity and key, which nothing reads back, and the configuration with its version.
// Two pages, the newest valid one wins (DESIGN.md, "Settings").

import { copyOf, crc16, getU16, getU32, putU16, putU32 } from '../protocol/bytes.ts'
import { dailyReadsMax, tariffBytesMax } from '../protocol/limits.ts'
import { halfHourWhMax } from '../protocol/profile-coding.ts'
import { keyBytes } from '../protocol/seal.ts'
import type { Flash } from './board.ts'
import { commit, newestPage, pageHeaderBytes, pageKind, wholeWords, wornOut, writeHeader } from './flash-pages.ts'
import { isTariff } from './tariff.ts'

/** What the bridge may read and write (SPEC.md section 11). */
export interface Configuration {
  /** Pulses of the metrology for one kWh or kvarh, 1 to 1,000,000. */
  pulsesPerKwh: number
  /** Number of the device profile (device-profiles.ts). */
  deviceProfile: number
  /** Entries of the daily read log, 1 to 31; 0 leaves it to the device profile. */
  dailyReads: number
  /** Wh (varh) of a channel counted since the last record that are committed at once: the most that a power cut loses. */
  checkpointWh: number
  /** Day of the month at whose 00:00 UTC an entry of the billing data log is taken, 1 to 28; 0 for none. */
  billingDay: number
  /** Quirks (device-profiles.ts) beside the profile's own. */
  quirks: number
  /** The most Wh (varh) of a channel in a half-hour, 1 to 16,777,215: what is counted beyond is counted apart. */
  halfHourWhMax: number
  /** The tariff switching table. */
  tariff: Uint8Array
}

export interface Settings {
  /** EUI-64, 8 bytes, most significant first. */
  eui: Uint8Array
  /** The key shared with the DCO, 32 bytes. */
  key: Uint8Array
  /** Grows by one with every change of the configuration. */
  version: number
  configuration: Configuration
}

/** What a connection of 100 A on three phases of 230 V carries in half an hour, and a fifth more. */
export const connectionWhMax = 41400

/** A configuration as a meter comes with it. */
export function defaultConfiguration(): Configuration {
  return {
    pulsesPerKwh: 1000,
    deviceProfile: 0,
    dailyReads: 0,
    checkpointWh: 100,
    billingDay: 1,
    quirks: 0,
    halfHourWhMax: connectionWhMax,
    tariff: new Uint8Array(0),
  }
}

const headBytes = 8 + keyBytes + 4 + 2

/** Bytes of a configuration before its tariff switching table; in flash format 1, which had no `halfHourWhMax`. */
const fixedBytes = 14
const fixedBytes1 = 10

/** The bytes of a configuration, in flash and on the line. Values are within their limits. */
export function encodeConfiguration(from: Configuration): Uint8Array {
  const bytes = new Uint8Array(fixedBytes + from.tariff.length)
  putU32(bytes, 0, from.pulsesPerKwh)
  putU16(bytes, 4, from.checkpointWh)
  bytes[6] = from.deviceProfile
  bytes[7] = from.dailyReads
  bytes[8] = from.billingDay
  bytes[9] = from.quirks
  putU32(bytes, 10, from.halfHourWhMax)
  bytes.set(from.tariff, fixedBytes)
  return bytes
}

/** The configuration in bytes that are known to be one; `format` is that of the flash they are from. */
export function decodeConfiguration(bytes: Uint8Array, format: number): Configuration {
  const fixed = format === 1 ? fixedBytes1 : fixedBytes
  return {
    pulsesPerKwh: getU32(bytes, 0),
    checkpointWh: getU16(bytes, 4),
    deviceProfile: bytes[6]!,
    dailyReads: bytes[7]!,
    billingDay: bytes[8]!,
    quirks: bytes[9]!,
    halfHourWhMax: format === 1 ? connectionWhMax : getU32(bytes, 10),
    tariff: copyOf(bytes, fixed, bytes.length - fixed),
  }
}

/** True for bytes that are a configuration with every value within its limits. */
export function isConfiguration(bytes: Uint8Array): boolean {
  const pulses = bytes.length < fixedBytes ? 0 : getU32(bytes, 0)
  return (
    pulses > 0 &&
    pulses <= 1000000 &&
    getU16(bytes, 4) >= 10 &&
    getU16(bytes, 4) <= 60000 &&
    bytes[7]! <= dailyReadsMax &&
    bytes[8]! <= 28 &&
    getU32(bytes, 10) > 0 &&
    getU32(bytes, 10) <= halfHourWhMax &&
    isTariff(bytes.subarray(fixedBytes))
  )
}

/** The settings; `undefined` for a meter that was never provisioned, or whose newest settings do not prove themselves. */
export function readSettings(flash: Flash): Settings | undefined {
  const newest = newestPage(flash, 0, 2, pageKind.settings)
  if (newest.page < 0) return undefined
  const at = newest.page * flash.pageBytes + pageHeaderBytes
  const head = flash.read(at, headBytes)
  const length = headBytes + getU16(head, headBytes - 2)
  if (length > headBytes + fixedBytes + tariffBytesMax) return undefined
  const bytes = flash.read(at, length)
  if (crc16(bytes, 0, length) !== newest.extra) return undefined
  return {
    eui: copyOf(head, 0, 8),
    key: copyOf(head, 8, keyBytes),
    version: getU32(head, 8 + keyBytes),
    configuration: decodeConfiguration(bytes.subarray(headBytes), newest.format),
  }
}

/**
 * Writes settings beside the old ones, which hold until the new ones are whole.
 * @throws RangeError for an EUI-64, key or configuration that is none
 */
export function writeSettings(flash: Flash, settings: Settings): void {
  const configuration = encodeConfiguration(settings.configuration)
  if (settings.eui.length !== 8 || settings.key.length !== keyBytes || !isConfiguration(configuration))
    throw new RangeError('bad values')
  const length = headBytes + configuration.length
  const bytes = new Uint8Array(wholeWords(length)).fill(0xff)
  bytes.set(settings.eui, 0)
  bytes.set(settings.key, 8)
  putU32(bytes, 8 + keyBytes, settings.version)
  putU16(bytes, headBytes - 2, configuration.length)
  bytes.set(configuration, headBytes)
  const old = newestPage(flash, 0, 2, pageKind.settings)
  const page = old.page === 0 ? 1 : 0
  flash.erase(page)
  if (!commit(flash, page * flash.pageBytes + pageHeaderBytes, bytes)) throw new Error(wornOut)
  writeHeader(flash, page, pageKind.settings, old.sequence + 1, crc16(bytes, 0, length))
}
