// Part of a day (SPEC.md section 8): the half-hours that were asked for, where they are few.

import { crc16, getU16, putU16 } from './bytes.ts'
import { halfHoursPerDay } from './limits.ts'
import { dayBlockDay, decodeDayBlock, emptyDay, type ProfileDay } from './profile-coding.ts'
import { putVarint, varintBytes } from './varint.ts'

/** Of a day of which at most so many half-hours are asked, only these are sent: in a whole day's block they are no shorter. */
export const partHalfHoursMax = 12

// The form byte: coding 15, and whether the day was not over and whether a channel byte follows, as in a day block.
const part = 15
const openDay = 64
const otherChannel = 128

/** A half-hour as one number: 0 when it was not recorded, otherwise 1 + 2 * Wh, and 1 more when it is marked. */
function numberOf(profile: ProfileDay, index: number): number {
  const wh = profile.wh[index]!
  return wh < 0 ? 0 : 1 + 2 * wh + (profile.marked[index] ? 1 : 0)
}

/** `count` half-hours of a day block, from the half-hour `first` of the day on. The block is one that is whole. */
export function encodeDayPart(block: Uint8Array, first: number, count: number): Uint8Array {
  const profile = decodeDayBlock(block)!
  const head = profile.channel > 0 ? 6 : 5
  let length = head + 2
  for (let i = first; i < first + count; i++) length += varintBytes(numberOf(profile, i))
  const bytes = new Uint8Array(length)
  bytes[0] = length
  bytes[1] = part | (profile.open ? openDay : 0) | (profile.channel > 0 ? otherChannel : 0)
  putU16(bytes, 2, profile.day)
  if (profile.channel > 0) bytes[4] = profile.channel
  bytes[head - 1] = first
  let at = head
  for (let i = first; i < first + count; i++) at = putVarint(bytes, at, numberOf(profile, i))
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
  if (length < 8 || bytes[0] !== length || (form & 63) !== part) return undefined
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
  if ((bytes[1]! & 15) === part) return decodeDayPart(bytes)
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
