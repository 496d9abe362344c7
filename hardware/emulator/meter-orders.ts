// What the program that has started an emulated meter may order while it runs: faults of its power and clock, and a new life.

import type { Flash } from '../../firmware/board.ts'
import { readSettings, writeSettings } from '../../firmware/settings.ts'
import { fromHex } from '../../protocol/bytes.ts'

/** One JSON object a line, on the meter's standard input. */
export type MeterOrder =
  /** Cuts the power for so long, milliseconds; 0: the meter starts again at once. */
  | { order: 'cut'; ms: number }
  /** Steps the board's clock. */
  | { order: 'step'; seconds: number }
  /** Makes flash, and so the meter, as it was when the meter was ready, with another key (hexadecimal): no nonce comes again. */
  | { order: 'renew'; key: string }

export interface OrderedMeter {
  cut(ms: number): void
  step(seconds: number): void
  renew(key: Uint8Array): void
}

/** The order of a line; undefined for what is none. */
export function readOrder(line: string): MeterOrder | undefined {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null || !('order' in value)) return undefined
  const { order } = value
  if (order === 'cut' && 'ms' in value && typeof value.ms === 'number' && value.ms >= 0) return { order, ms: value.ms }
  if (order === 'step' && 'seconds' in value && Number.isFinite(value.seconds))
    return { order, seconds: Number(value.seconds) }
  if (order === 'renew' && 'key' in value && typeof value.key === 'string' && /^[0-9a-f]{64}$/.test(value.key))
    return { order, key: value.key }
  return undefined
}

export function execute(order: MeterOrder, meter: OrderedMeter): void {
  if (order.order === 'cut') meter.cut(order.ms)
  else if (order.order === 'step') meter.step(order.seconds)
  else meter.renew(fromHex(order.key))
}

/** All that a flash holds. */
export function bytesOf(flash: Flash): Uint8Array {
  return flash.read(0, flash.pageBytes * flash.pages)
}

/** Makes a flash hold what it held, with another key of the meter. @throws Error when that has no settings */
export function renewFlash(flash: Flash, remembered: Uint8Array, key: Uint8Array): void {
  const { pageBytes, pages } = flash
  for (let page = 0; page < pages; page++) {
    const address = page * pageBytes
    const wanted = remembered.subarray(address, address + pageBytes)
    if (Buffer.compare(flash.read(address, pageBytes), wanted) === 0) continue
    flash.erase(page)
    flash.program(address, wanted)
  }
  const settings = readSettings(flash)
  if (settings === undefined) throw new Error('the flash that was remembered has no settings')
  writeSettings(flash, { ...settings, key, version: settings.version + 1 })
}
