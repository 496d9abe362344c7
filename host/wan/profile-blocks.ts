// What answers to a profile read hold, and which half-hours are still to be asked for when some were lost.

import { copyOf } from '../../protocol/bytes.ts'
import { firstHalfHourOfDay } from '../../protocol/half-hour.ts'
import { answerBlocksMax, halfHoursPerDay } from '../../protocol/limits.ts'
import { decodeDayBlock } from '../../protocol/profile-coding.ts'
import type { Reading } from './reading.ts'

/** Half-hours `first` to `first + count - 1`. */
export interface HalfHourRange {
  first: number
  count: number
}

/** One answer frame's worth of days. */
export interface Block {
  /** Half-hours of the first and after the last day in the block; equal when it holds none. */
  fromHalfHour: number
  toHalfHour: number
  /** Half-hours recorded. */
  readings: Reading[]
}

/** The day blocks that lie one after the other in `bytes`; `undefined` when they are not whole, or out of order. */
export function readBlocks(bytes: Uint8Array): Block | undefined {
  const block: Block = { fromHalfHour: 0, toHalfHour: 0, readings: [] }
  for (let at = 0; at < bytes.length; at += bytes[at]!) {
    const profile = decodeDayBlock(copyOf(bytes, at, Math.min(bytes[at]!, bytes.length - at)))
    if (profile === undefined) return undefined
    const from = firstHalfHourOfDay(profile.day)
    if (at > 0 && from < block.toHalfHour) return undefined
    if (at === 0) block.fromHalfHour = from
    block.toHalfHour = from + halfHoursPerDay
    for (let i = 0; i < halfHoursPerDay; i++) {
      if (profile.wh[i]! < 0) continue
      block.readings.push({ halfHour: from + i, wh: profile.wh[i]!, marked: profile.marked[i] === 1 })
    }
  }
  return block
}

/**
 * The parts of `range` about which the blocks received say nothing. Blocks are in the order of days, so a run of them
 * without a hole settles everything up to its last day; the last block settles the rest.
 */
export function uncovered(
  range: HalfHourRange,
  blocks: Map<number, Block>,
  lastBlock: number | undefined,
): HalfHourRange[] {
  const left: HalfHourRange[] = []
  const end = range.first + range.count
  const push = (from: number, to: number) => {
    const upTo = Math.min(to, end)
    if (upTo > from) left.push({ first: from, count: upTo - from })
  }
  let settled = range.first
  let expected = 0
  for (const number of [...blocks.keys()].sort((a, b) => a - b)) {
    const block = blocks.get(number)!
    if (block.readings.length === 0 && block.toHalfHour === 0) {
      // An empty answer: the meter has nothing of the range.
      expected = number + 1
      continue
    }
    if (number !== expected) push(settled, block.fromHalfHour)
    settled = Math.max(settled, block.toHalfHour)
    expected = number + 1
  }
  // The last block number there can be ends an answer only because the number is full.
  const ended = lastBlock !== undefined && expected === lastBlock + 1 && lastBlock < answerBlocksMax - 1
  if (!ended) push(settled, end)
  return left
}
