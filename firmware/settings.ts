// Who the meter is, and how it is set: identity and key, which nothing reads back, and the configuration with its version.
// Two pages, the newest valid one wins (DESIGN.md, "Settings").

import { copyOf, crc16, getU16, getU32, putU16, putU32 } from '../protocol/bytes.ts'
import { decodeCbor, encodeCbor } from '../protocol/cbor.ts'
import { dailyReadsMax } from '../protocol/limits.ts'
import { keyBytes } from '../protocol/seal.ts'
import type { Flash } from './board.ts'
import { clearPage, commit, newestPage, pageHeaderBytes, pageKind, wholeWords, writeHeader } from './flash-pages.ts'
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

/** A configuration as a meter comes with it. */
export function defaultConfiguration(): Configuration {
  return {
    pulsesPerKwh: 1000,
    deviceProfile: 0,
    dailyReads: 0,
    checkpointWh: 100,
    billingDay: 1,
    quirks: 0,
    tariff: new Uint8Array(0),
  }
}

const headBytes = 8 + keyBytes + 4 + 2
/** The configuration goes over the line in one message beside its version. */
const configurationBytesMax = 222

export function encodeConfiguration(from: Configuration): Uint8Array {
  return encodeCbor([
    from.pulsesPerKwh,
    from.deviceProfile,
    from.dailyReads,
    from.checkpointWh,
    from.billingDay,
    from.quirks,
    from.tariff,
  ])
}

/** The configuration in these bytes; `undefined` when they are not one, or hold a value outside its limits. */
export function decodeConfiguration(bytes: Uint8Array): Configuration | undefined {
  const items = bytes.length > configurationBytesMax ? undefined : decodeCbor(bytes)
  if (!Array.isArray(items) || items.length !== 7) return undefined
  const limits = [1, 1000000, 0, 255, 0, dailyReadsMax, 10, 60000, 0, 28, 0, 255]
  for (let i = 0; i < 6; i++) {
    const value = items[i]
    if (typeof value !== 'number' || value < limits[2 * i]! || value > limits[2 * i + 1]!) return undefined
  }
  const tariff = items[6]
  if (!(tariff instanceof Uint8Array) || !isTariff(tariff)) return undefined
  return {
    pulsesPerKwh: items[0] as number,
    deviceProfile: items[1] as number,
    dailyReads: items[2] as number,
    checkpointWh: items[3] as number,
    billingDay: items[4] as number,
    quirks: items[5] as number,
    tariff: tariff,
  }
}

/** The settings in a page, if they are the ones its header vouches for. */
function read(flash: Flash, page: number, extra: number): Settings | undefined {
  const at = page * flash.pageBytes + pageHeaderBytes
  const length = getU16(flash.read(at + headBytes - 2, 2), 0)
  if (length > configurationBytesMax) return undefined
  const bytes = flash.read(at, headBytes + length)
  const configuration = decodeConfiguration(copyOf(bytes, headBytes, length))
  if (configuration === undefined || crc16(bytes, 0, bytes.length) !== extra) return undefined
  return {
    eui: copyOf(bytes, 0, 8),
    key: copyOf(bytes, 8, keyBytes),
    version: getU32(bytes, 8 + keyBytes),
    configuration: configuration,
  }
}

/** The settings; `undefined` for a meter that was never provisioned. */
export function readSettings(flash: Flash): Settings | undefined {
  const newest = newestPage(flash, 0, 2, pageKind.settings)
  return newest.page < 0 ? undefined : read(flash, newest.page, newest.extra)
}

/**
 * Writes settings beside the old ones, which hold until the new ones are whole.
 * @throws RangeError for an EUI-64, key or configuration that is none
 */
export function writeSettings(flash: Flash, settings: Settings): void {
  const configuration = encodeConfiguration(settings.configuration)
  if (settings.eui.length !== 8 || settings.key.length !== keyBytes)
    throw new RangeError('EUI-64 has 8 bytes, a key 32')
  if (decodeConfiguration(configuration) === undefined)
    throw new RangeError('a value of the configuration is outside its limits: ' + settings.configuration.pulsesPerKwh)
  const bytes = new Uint8Array(wholeWords(headBytes + configuration.length)).fill(0xff)
  const length = headBytes + configuration.length
  bytes.set(settings.eui, 0)
  bytes.set(settings.key, 8)
  putU32(bytes, 8 + keyBytes, settings.version)
  putU16(bytes, headBytes - 2, configuration.length)
  bytes.set(configuration, headBytes)
  const old = newestPage(flash, 0, 2, pageKind.settings)
  const page = old.page === 0 ? 1 : 0
  clearPage(flash, page)
  if (!commit(flash, page * flash.pageBytes + pageHeaderBytes, bytes))
    throw new Error('page ' + page + ' does not take the settings: the flash is worn out')
  writeHeader(flash, page, pageKind.settings, old.sequence + 1, crc16(bytes, 0, length))
}
