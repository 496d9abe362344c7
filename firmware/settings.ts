// Who the meter is: identity, key, pulses per kWh. Two pages, the newest valid one wins.

import { copyOf, crc16, getU32, putU32 } from '../protocol/bytes.ts'
import { keyBytes } from '../protocol/seal.ts'
import type { Flash } from './board.ts'
import { flashMap } from './flash-map.ts'
import { clearPage, commit, pageHeaderBytes, pageKind, readHeader, writeHeader } from './flash-pages.ts'

export interface Settings {
  /** EUI-64, 8 bytes, most significant first. */
  eui: Uint8Array
  /** The key shared with the DCO, 32 bytes. */
  key: Uint8Array
  /** Pulses of the metrology for one kWh, 1 to 1,000,000. */
  pulsesPerKwh: number
}

const settingsBytes = 8 + keyBytes + 4

function read(flash: Flash, page: number, extra: number): Settings | undefined {
  const bytes = flash.read(page * flash.pageBytes + pageHeaderBytes, settingsBytes)
  if (crc16(bytes, 0, settingsBytes) !== extra) return undefined
  return { eui: copyOf(bytes, 0, 8), key: copyOf(bytes, 8, keyBytes), pulsesPerKwh: getU32(bytes, 8 + keyBytes) }
}

/** The page that holds the newest valid settings and its sequence; page -1 when there is none. */
function newest(flash: Flash): { page: number; sequence: number; settings: Settings | undefined } {
  const found: { page: number; sequence: number; settings: Settings | undefined } = {
    page: -1,
    sequence: 0,
    settings: undefined,
  }
  for (let i = 0; i < flashMap.settingsPages; i++) {
    const page = flashMap.settingsAt + i
    const header = readHeader(flash, page, pageKind.settings)
    if (header === undefined || header.sequence <= found.sequence) continue
    const settings = read(flash, page, header.extra)
    if (settings !== undefined) {
      found.page = page
      found.sequence = header.sequence
      found.settings = settings
    }
  }
  return found
}

/** The settings; `undefined` for a meter that was never provisioned. */
export function readSettings(flash: Flash): Settings | undefined {
  return newest(flash).settings
}

/** Writes settings beside the old ones, which hold until the new ones are whole. @throws RangeError for wrong sizes */
export function writeSettings(flash: Flash, settings: Settings): void {
  if (settings.eui.length !== 8 || settings.key.length !== keyBytes)
    throw new RangeError('EUI-64 has 8 bytes, a key 32')
  if (settings.pulsesPerKwh < 1 || settings.pulsesPerKwh > 1000000) {
    throw new RangeError('pulses per kWh are 1 to 1,000,000, not ' + settings.pulsesPerKwh)
  }
  const old = newest(flash)
  const page = old.page === flashMap.settingsAt ? flashMap.settingsAt + 1 : flashMap.settingsAt
  const bytes = new Uint8Array(settingsBytes)
  bytes.set(settings.eui, 0)
  bytes.set(settings.key, 8)
  putU32(bytes, 8 + keyBytes, settings.pulsesPerKwh)
  clearPage(flash, page)
  commit(flash, page * flash.pageBytes + pageHeaderBytes, bytes)
  writeHeader(flash, page, pageKind.settings, old.sequence + 1, crc16(bytes, 0, settingsBytes))
}
