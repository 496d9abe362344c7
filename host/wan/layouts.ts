// Reads of ranges: half-hours of the profile data log, entries of the daily read log.

import { copyOf } from '../../protocol/bytes.ts'
import { decodeReceivedDay } from '../../protocol/day-part.ts'
import { firstHalfHourOfDay } from '../../protocol/half-hour.ts'
import { decodeAnswer, encodeAsk } from '../../protocol/messages.ts'
import { decodeSnapshots, type RegisterSnapshot } from '../../protocol/register-snapshot.ts'
import type { Conversation } from './conversation.ts'
import { gather, type Layout, type Part } from './gather.ts'
import type { Reading } from './reading.ts'

/** Reads consecutive day blocks of a channel; `undefined` when one is incomplete or out of order. */
export function readBlocks(bytes: Uint8Array, channel: number): Part<Reading> | undefined {
  const part: Part<Reading> = { from: 0, to: 0, items: [] }
  for (let at = 0, length = 0; at < bytes.length; at += length) {
    length = bytes[at] ?? 0
    const profile = decodeReceivedDay(copyOf(bytes, at, Math.min(length, bytes.length - at)))
    if (profile === undefined || profile.channel !== channel) return undefined
    const day = firstHalfHourOfDay(profile.day)
    const from = day + profile.first
    if (at > 0 && from < part.to) return undefined
    if (at === 0) part.from = from
    part.to = from + profile.count
    for (let i = profile.first; i < profile.first + profile.count; i++) {
      const wh = profile.wh[i] ?? -1
      if (wh >= 0) part.items.push({ halfHour: day + i, wh, marked: profile.marked[i] === 1 })
    }
  }
  return part
}

function profileLayout(channel: number): Layout<Reading> {
  return {
    ask: ({ first, count }) => encodeAsk('readProfile', { channel, firstHalfHour: first, count }),
    read(message) {
      const decoded = decodeAnswer('readProfile', message)
      if (decoded === undefined || 'error' in decoded) return decoded
      return readBlocks(decoded.fields.blocks, channel)
    },
  }
}

const dailyReadLayout: Layout<RegisterSnapshot> = {
  ask: ({ first, count }) => encodeAsk('readDailyReads', { firstDay: first, count }),
  read(message) {
    const decoded = decodeAnswer('readDailyReads', message)
    if (decoded === undefined || 'error' in decoded) return decoded
    const items = decodeSnapshots(decoded.fields.snapshots)
    const isUnordered = items?.some(({ number }, i) => number <= (items[i - 1]?.number ?? -1))
    if (items === undefined || isUnordered) return undefined
    return { from: items[0]?.number ?? 0, to: (items.at(-1)?.number ?? -1) + 1, items }
  },
}

/**
 * Half-hours `first` to `first + count - 1` of a channel, one reading each, in order; `wh` is undefined for those that
 * the meter has not recorded. @throws ReadError
 */
export async function readHalfHours(
  conversation: Conversation,
  channel: number,
  first: number,
  count: number,
): Promise<Reading[]> {
  const items = await gather(conversation, { first, count }, profileLayout(channel))
  const found = new Map(items.map((reading) => [reading.halfHour, reading]))
  return Array.from(
    { length: count },
    (_, i) => found.get(first + i) ?? { halfHour: first + i, wh: undefined, marked: false },
  )
}

/** Daily reads of the midnights with which the days `first` to `first + count - 1` begin, oldest first. @throws ReadError */
export async function readDailyReads(
  conversation: Conversation,
  first: number,
  count: number,
): Promise<RegisterSnapshot[]> {
  const items = await gather(conversation, { first, count }, dailyReadLayout)
  const found = new Map(items.map((entry) => [entry.number, entry]))
  const wanted = [...found.values()].filter(({ number }) => number >= first && number < first + count)
  return wanted.sort((a, b) => a.number - b.number)
}
