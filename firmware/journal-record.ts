// Records of the journal: 16 bytes each, as DESIGN.md "Journal" lays them out.

import { putU16, putU24, putU32 } from '../protocol/bytes.ts'
import { slotBytes } from './slot-log.ts'

/** What a record says. `kept` is energy that the registers of its page hold already, `excess` energy that no register has. */
export const recordType = {
  energy: 1,
  start: 2,
  closing: 3,
  billing: 4,
  clock: 5,
  registers: 6,
  kept: 7,
  excess: 8,
} as const

/** Whose the energy of a record is: the running half-hour's, the half-hour's that ends with it, or no half-hour's. */
export const energyOf = { running: 0, ended: 1, none: 2 } as const

/** Flag of a half-hour that was not whole or not undisturbed. */
export const markedFlag = 64

/** A record of which nothing but type and number is said. */
export function record(type: number, number: number): Uint8Array {
  const bytes = new Uint8Array(slotBytes).fill(0xff)
  bytes[0] = type
  putU24(bytes, 1, number)
  return bytes
}

export function putU48(bytes: Uint8Array, at: number, value: number): void {
  putU32(bytes, at, value % 0x100000000)
  putU16(bytes, at + 4, Math.floor(value / 0x100000000))
}

/** The 48-bit number in three words. */
export function u48(words: Uint16Array, at: number): number {
  return words[at]! + words[at + 1]! * 0x10000 + words[at + 2]! * 0x100000000
}

/** Energy as a record of at most 65,535 Wh a channel; what is over stays in `wh`. Answers true when all of it is in. */
function energyRecord(
  type: number,
  halfHour: number,
  flags: number,
  whose: number,
  wh: number[],
): { bytes: Uint8Array; all: boolean } {
  const bytes = record(type, halfHour)
  let all = true
  for (let i = 0; i < 4; i++) {
    const part = Math.min(wh[i]!, 0xffff)
    putU16(bytes, 6 + 2 * i, part)
    wh[i] = wh[i]! - part
    if (wh[i]! > 0) all = false
  }
  bytes[4] = flags
  bytes[5] = all ? whose : whose === energyOf.none ? energyOf.none : energyOf.running | (whose & ~3)
  return { bytes: bytes, all: all }
}

/** Calls `put` with as many records as the energy takes; stops when `put` answers false. */
export function eachEnergyRecord(
  type: number,
  halfHour: number,
  flags: number,
  whose: number,
  wh: number[],
  put: (bytes: Uint8Array) => boolean,
): boolean {
  for (;;) {
    const made = energyRecord(type, halfHour, flags, whose, wh)
    if (!put(made.bytes)) return false
    if (made.all) return true
  }
}
