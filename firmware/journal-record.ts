// Records of the journal: 16 bytes each, as DESIGN.md "Journal" lays them out.

import { getU16, getU32, putU16, putU24, putU32 } from '../protocol/bytes.ts'
import { slotBytes } from './slot-log.ts'

/**
 * What a record says. `kept` is energy that the registers of its page hold already. 3 and 4 were `closing` and `billing` of
 * flash format 1, whose places do not fit pages of every size.
 */
export const recordType = {
  energy: 1,
  start: 2,
  closing1: 3,
  billing1: 4,
  clock: 5,
  registers: 6,
  kept: 7,
  closing: 8,
  billing: 9,
  segment: 10,
  segmentPlaces: 11,
  excess: 12,
} as const

/** What the energy of a record belongs to: the running half-hour, the half-hour that ends with it, or no half-hour. */
export const energyOf = { running: 0, ended: 1, none: 2 } as const

/** Flags of an energy record: the half-hour was not whole or not undisturbed; the values count units of 65,536 Wh. */
export const markedFlag = 64
export const highFlag = 128

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

export function getU48(bytes: Uint8Array, at: number): number {
  return getU32(bytes, at) + getU16(bytes, at + 4) * 0x100000000
}

function energyRecord(
  type: number,
  halfHour: number,
  flags: number,
  owner: number,
  wh: number[],
  unit: number,
): Uint8Array {
  const bytes = record(type, halfHour)
  bytes[4] = flags
  bytes[5] = owner
  for (let i = 0; i < 4; i++) putU16(bytes, 6 + 2 * i, Math.floor(wh[i]! / unit) & 0xffff)
  return bytes
}

/**
 * Calls `put` with the energy of the four channels, below 2^32 Wh each, as one record; as two when a channel has more than
 * 65,535 Wh, the larger units first. `owner` is one of `energyOf`, with the minute in bits 2 to 6. `wh` is zero afterwards.
 */
export function putEnergy(
  type: number,
  halfHour: number,
  flags: number,
  owner: number,
  wh: number[],
  put: (bytes: Uint8Array) => boolean,
): boolean {
  let isHigh = false
  for (let i = 0; i < 4; i++) if (wh[i]! > 0xffff) isHigh = true
  const first = (owner & 3) === energyOf.none ? owner : owner & ~3
  if (isHigh && !put(energyRecord(type, halfHour, flags | highFlag, first, wh, 0x10000))) return false
  const low = energyRecord(type, halfHour, flags, owner, wh, 1)
  wh.fill(0)
  return put(low)
}
