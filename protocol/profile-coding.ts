// Day blocks (SPEC.md section 8): a UTC day of half-hours in about 60 bytes, the same in flash and on the line.

import { crc16, getU16, putU16 } from './bytes.ts'
import { dayBlockBytesMax, halfHoursPerDay } from './limits.ts'

/** Largest value of a half-hour in a day block: 24 bits. */
export const halfHourWhMax = 0xffffff

/** One channel's half-hours of one UTC day. */
export interface ProfileDay {
  /** As in messages.ts: 0 active import, 1 active export, 2 reactive import, 3 reactive export. */
  channel: number
  /** Days since 1970-01-01, 1 to 65,534. */
  day: number
  /** 48 values in Wh (varh); -1 is a half-hour that was not recorded. */
  wh: Int32Array
  /** 48 flags; 1 is a half-hour that was recorded but not whole or not undisturbed. */
  marked: Uint8Array
  /** True when the day was not over. */
  open: boolean
}

// Forms: coding in bits 0-3, then these.
const missingMap = 16
const markedMap = 32
const openDay = 64
const otherChannel = 128
// Codings over the Rice parameters 0-12.
const raw16 = 13
const raw24 = 14

/** A day of active import of which nothing is recorded. */
export function emptyDay(day: number): ProfileDay {
  return {
    channel: 0,
    day: day,
    wh: new Int32Array(halfHoursPerDay).fill(-1),
    marked: new Uint8Array(halfHoursPerDay),
    open: false,
  }
}

/** Bits that the values take in one coding; Infinity when it cannot say them. */
function bitsOf(wh: Int32Array, code: number): number {
  let bits = 0
  for (let i = 0; i < halfHoursPerDay; i++) {
    const value = wh[i]!
    if (value < 0) continue
    if (code === raw24) bits += 24
    else if (code === raw16) bits += value > 0xffff ? Infinity : 16
    else bits += (value >>> code) + 1 + code
  }
  return bits
}

function shortestCoding(wh: Int32Array): number {
  let best = 0
  let bestBytes = Infinity
  for (let code = 0; code <= raw24; code++) {
    const bytes = Math.ceil(bitsOf(wh, code) / 8)
    if (bytes < bestBytes) {
      best = code
      bestBytes = bytes
    }
  }
  return best
}

function putBits(block: Uint8Array, bitAt: number, value: number, count: number): number {
  for (let i = count - 1; i >= 0; i--) {
    if ((value >>> i) & 1) block[bitAt >> 3] = block[bitAt >> 3]! | (128 >> (bitAt & 7))
    bitAt += 1
  }
  return bitAt
}

/** The block of a day. @throws RangeError for a value above 24 bits, a channel above 3 or a day outside 1 to 65,534 */
export function encodeDayBlock(profile: ProfileDay): Uint8Array {
  const wh = profile.wh
  if (profile.day < 1 || profile.day > 65534 || profile.channel < 0 || profile.channel > 3)
    throw new RangeError('day ' + profile.day)
  let missing = 0
  let marks = 0
  for (let i = 0; i < halfHoursPerDay; i++) {
    if (wh[i]! < 0) missing += 1
    else if (wh[i]! > halfHourWhMax) throw new RangeError(wh[i] + ' Wh')
    else if (profile.marked[i]) marks += 1
  }
  const code = shortestCoding(wh)
  const mapsAt = profile.channel > 0 ? 5 : 4
  const valuesAt = mapsAt + (missing > 0 ? 6 : 0) + (marks > 0 ? 6 : 0)
  const length = valuesAt + Math.ceil(bitsOf(wh, code) / 8) + 2
  const block = new Uint8Array(length)
  block[0] = length
  block[1] =
    code |
    (missing > 0 ? missingMap : 0) |
    (marks > 0 ? markedMap : 0) |
    (profile.open ? openDay : 0) |
    (mapsAt > 4 ? otherChannel : 0)
  putU16(block, 2, profile.day)
  if (mapsAt > 4) block[4] = profile.channel
  let bitAt = valuesAt * 8
  for (let i = 0; i < halfHoursPerDay; i++) {
    const value = wh[i]!
    const bit = 1 << (i & 7)
    if (value < 0) {
      block[mapsAt + (i >> 3)] = block[mapsAt + (i >> 3)]! | bit
      continue
    }
    if (profile.marked[i]) {
      const at = valuesAt - 6 + (i >> 3)
      block[at] = block[at]! | bit
    }
    if (code === raw24) bitAt = putBits(block, bitAt, value, 24)
    else if (code === raw16) bitAt = putBits(block, bitAt, value, 16)
    else {
      for (let ones = value >>> code; ones > 0; ones--) bitAt = putBits(block, bitAt, 1, 1)
      // The zero that ends the ones, then the low bits, in one go.
      bitAt = putBits(block, bitAt, value & ((1 << code) - 1), code + 1)
    }
  }
  putU16(block, length - 2, crc16(block, 0, length - 2))
  return block
}

/** Length of the block that begins at `at`, or 0 when its CRC says that there is none. */
export function dayBlockLength(bytes: Uint8Array, at: number): number {
  const length = bytes[at]!
  if (at >= bytes.length || length < 6 || length > dayBlockBytesMax || at + length > bytes.length) return 0
  return crc16(bytes, at, at + length - 2) === getU16(bytes, at + length - 2) ? length : 0
}

/** Day number of a block, from its first four bytes. */
export function dayBlockDay(bytes: Uint8Array, at: number): number {
  return getU16(bytes, at + 2)
}

/** Channel of a block, from its first five bytes. */
export function dayBlockChannel(bytes: Uint8Array, at: number): number {
  return bytes[at + 1]! & otherChannel ? bytes[at + 4]! : 0
}

/** Where reading a block has come to. */
export interface DayReader {
  block: Uint8Array
  /** Coding of the values, and where the maps begin; 0 for none. */
  code: number
  missingAt: number
  markedAt: number
  /** The next half-hour, and the first bit of its value. */
  index: number
  bitAt: number
}

/** Begins to read a block whose CRC is right. */
export function openDayBlock(block: Uint8Array): DayReader {
  const form = block[1]!
  const mapsAt = form & otherChannel ? 5 : 4
  const markedAt = mapsAt + (form & missingMap ? 6 : 0)
  return {
    block: block,
    code: form & 15,
    missingAt: form & missingMap ? mapsAt : 0,
    markedAt: form & markedMap ? markedAt : 0,
    index: 0,
    bitAt: (markedAt + (form & markedMap ? 6 : 0)) * 8,
  }
}

/** The next bits as a number; zeros behind the end of the values. */
function takeBits(reader: DayReader, count: number): number {
  const block = reader.block
  let value = 0
  for (let i = 0; i < count; i++) {
    const at = reader.bitAt >> 3
    value = value * 2 + (at < block.length - 2 ? (block[at]! >> (7 - (reader.bitAt & 7))) & 1 : 0)
    reader.bitAt += 1
  }
  return value
}

/** The next half-hour as one number: 0 when it was not recorded, otherwise 1 + 2 * Wh, and 1 more when it is marked. */
export function nextHalfHour(reader: DayReader): number {
  const byte = reader.index >> 3
  const bit = 1 << (reader.index & 7)
  reader.index += 1
  if (reader.missingAt && reader.block[reader.missingAt + byte]! & bit) return 0
  let value = 0
  if (reader.code > 12) value = takeBits(reader, reader.code === raw24 ? 24 : 16)
  else {
    while (takeBits(reader, 1)) value += 1
    value = value * (1 << reader.code) + takeBits(reader, reader.code)
  }
  return 1 + value * 2 + (reader.markedAt && reader.block[reader.markedAt + byte]! & bit ? 1 : 0)
}

/** The day in a block; `undefined` when the bytes are not one whole block as `encodeDayBlock` writes it. */
export function decodeDayBlock(block: Uint8Array): ProfileDay | undefined {
  const length = dayBlockLength(block, 0)
  if (length === 0 || length !== block.length) return undefined
  const reader = openDayBlock(block)
  const endBit = (length - 2) * 8
  if (reader.code > raw24 || reader.bitAt > endBit) return undefined
  const profile = emptyDay(dayBlockDay(block, 0))
  profile.channel = dayBlockChannel(block, 0)
  profile.open = (block[1]! & openDay) !== 0
  if (profile.day < 1 || profile.day > 65534 || profile.channel > 3) return undefined
  // Active import has one form only: without the byte.
  if (block[1]! & otherChannel && profile.channel === 0) return undefined
  for (let i = 0; i < halfHoursPerDay; i++) {
    const number = nextHalfHour(reader)
    if (number > 0) {
      profile.wh[i] = (number - 1) >>> 1
      profile.marked[i] = (number - 1) & 1
    } else if (reader.markedAt && block[reader.markedAt + (i >> 3)]! & (1 << (i & 7))) return undefined
  }
  // Exactly the bytes that were needed, filled up with zeros.
  if (reader.bitAt > endBit || endBit - reader.bitAt > 7 || takeBits(reader, endBit - reader.bitAt) !== 0)
    return undefined
  return profile
}
