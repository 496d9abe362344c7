// Part of a day (SPEC.md section 8): the half-hours that were asked for, where they are few.

import { crc16, getU16, putU16 } from './bytes.ts'
import { halfHoursPerDay } from './limits.ts'
import { dayBlockDay, decodeDayBlock, emptyDay, nextHalfHour, openDayBlock, type ProfileDay } from './profile-coding.ts'
import { putVarint, varintBytes } from './varint.ts'

/** Of a day of which at most so many half-hours are asked, only these are sent: in a whole day's block they are no shorter. */
export const partHalfHoursMax = 12

/** The coding in the form byte of a part. Bits 6 (the day was not over) and 7 (a channel byte follows) are as in a day block. */
export const partCoding = 15
const openDay = 64
const otherChannel = 128

/** `count` half-hours of a day block, from the half-hour `first` of the day on. The block's CRC is right. */
export function encodeDayPart(block: Uint8Array, first: number, count: number): Uint8Array {
  const reader = openDayBlock(block)
  const numbers: number[] = []
  const head = block[1]! & otherChannel ? 6 : 5
  let length = head + 2
  for (let i = 0; i < first + count; i++) {
    const number = nextHalfHour(reader)
    if (i < first) continue
    numbers.push(number)
    length += varintBytes(number)
  }
  const bytes = new Uint8Array(length)
  bytes.set(block.subarray(0, head - 1), 0)
  bytes[0] = length
  bytes[1] = partCoding | (block[1]! & (openDay | otherChannel))
  bytes[head - 1] = first
  let at = head
  for (let i = 0; i < count; i++) at = putVarint(bytes, at, numbers[i]!)
  putU16(bytes, at, crc16(bytes, 0, at))
  return bytes
}

/** A day, or part of one, as it comes over the line. */
export interface ReceivedDay extends ProfileDay {
  /** The half-hours of the day that were sent: `count` from `first` on. The others were not asked for. */
  first: number
  count: number
}

/** The part of a day in these bytes; `undefined` for anything that `encodeDayPart` does not write. */
function decodeDayPart(bytes: Uint8Array): ReceivedDay | undefined {
  const length = bytes.length
  const form = bytes[1]!
  if (length < 8 || bytes[0] !== length || (form & 63) !== partCoding) return undefined
  if (crc16(bytes, 0, length - 2) !== getU16(bytes, length - 2)) return undefined
  const isOther = (form & otherChannel) !== 0
  const head = isOther ? 6 : 5
  const profile = emptyDay(dayBlockDay(bytes, 0))
  profile.open = (form & openDay) !== 0
  profile.channel = isOther ? bytes[4]! : 0
  if (isOther && (profile.channel < 1 || profile.channel > 3)) return undefined
  if (profile.day < 1 || profile.day > 65534) return undefined
  const first = bytes[head - 1]!
  let index = first
  let at = head
  while (at < length - 2) {
    let number = 0
    let scale = 1
    let byte = 128
    while (byte >= 128) {
      // The shortest form only, and no more than 25 bits.
      if (at >= length - 2 || scale > 0x200000) return undefined
      byte = bytes[at]!
      at += 1
      number += (byte & 127) * scale
      scale *= 128
    }
    if ((byte === 0 && scale > 128) || number > 0x2000000 || index >= halfHoursPerDay) return undefined
    if (number > 0) {
      profile.wh[index] = (number - 1) >> 1
      profile.marked[index] = (number - 1) & 1
    }
    index += 1
  }
  if (index === first) return undefined
  return {
    channel: profile.channel,
    day: profile.day,
    wh: profile.wh,
    marked: profile.marked,
    open: profile.open,
    first: first,
    count: index - first,
  }
}

/** The day, or the part of one, that is in exactly these bytes; `undefined` when there is none. */
export function decodeReceivedDay(bytes: Uint8Array): ReceivedDay | undefined {
  if ((bytes[1]! & 15) === partCoding) return decodeDayPart(bytes)
  const profile = decodeDayBlock(bytes)
  if (!profile) return undefined
  return {
    channel: profile.channel,
    day: profile.day,
    wh: profile.wh,
    marked: profile.marked,
    open: profile.open,
    first: 0,
    count: halfHoursPerDay,
  }
}
