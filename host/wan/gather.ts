// Reads with an answer of many frames: a range of half-hours, days or entries. Only what was lost on the line is
// requested again.

import { answerBlocksMax } from '../../protocol/limits.ts'
import type { Conversation } from './conversation.ts'
import { ReadError } from './read-error.ts'

/** Numbers `first` to `first + count - 1` of half-hours, days or entries. */
export interface Range {
  first: number
  count: number
}

/** The content of one frame. It covers the numbers from `from` (included) to `to` (excluded); none when equal. */
export interface Part<T> {
  from: number
  to: number
  items: T[]
}

/** How a range is asked for, and how a message of the answer is read: as a part, or the error code of a refusal. */
export interface Layout<T> {
  ask(range: Range): Uint8Array
  /** `undefined` when the message is not an answer to this ask. */
  read(message: Uint8Array): Part<T> | { error: number } | undefined
}

/** An ask without a complete answer: its range, and the parts received, by position. */
interface PendingAsk<T> {
  range: Range
  parts: Map<number, Part<T>>
  last: number | undefined
}

/**
 * The parts of `range` that the received frames do not cover. Frames are in order of time, so a run of frames without a
 * gap covers everything up to its end, and the last frame covers the rest.
 */
export function unsettled<T>(range: Range, parts: ReadonlyMap<number, Part<T>>, last: number | undefined): Range[] {
  const left: Range[] = []
  const end = range.first + range.count
  const push = (from: number, to: number) => {
    const upTo = Math.min(to, end)
    if (upTo > from) left.push({ first: from, count: upTo - from })
  }
  let settled = range.first
  let expected = 0
  for (const [place, part] of [...parts].sort(([a], [b]) => a - b)) {
    // An empty part: the meter has nothing in the range.
    if (part.from < part.to) {
      if (place !== expected) push(settled, part.from)
      settled = Math.max(settled, part.to)
    }
    expected = place + 1
  }
  // A frame at the last possible position may end the answer only because there are no more positions.
  const ended = last !== undefined && expected === last + 1 && last < answerBlocksMax - 1
  if (!ended) push(settled, end)
  return left
}

function countOf(ranges: readonly Range[]): number {
  return ranges.reduce((sum, { count }) => sum + count, 0)
}

function isWhole<T>(pending: PendingAsk<T>): boolean {
  return pending.last !== undefined && pending.parts.size === pending.last + 1
}

function covers(outer: Range, inner: Range): boolean {
  return outer.first <= inner.first && outer.first + outer.count >= inner.first + inner.count
}

/** Asks for a range and receives frames until the last. Returns the ranges that are still missing. */
async function askFor<T>(
  conversation: Conversation,
  range: Range,
  layout: Layout<T>,
  pending: Map<number, PendingAsk<T>>,
): Promise<{ left: Range[]; progress: boolean }> {
  const mine: PendingAsk<T> = { range, parts: new Map(), last: undefined }
  pending.set(await conversation.send(layout.ask(range)), mine)
  let progress = false
  let open = range.count
  const wanted = (number: number, block: number) => pending.get(number)?.parts.has(block) === false
  for (;;) {
    const opened = await conversation.receive(wanted)
    if (opened === undefined) return { left: unsettled(mine.range, mine.parts, mine.last), progress }
    const part = layout.read(opened.message)
    if (part === undefined)
      throw new ReadError('malformed', 'the meter sealed an answer that is not what was requested')
    if ('error' in part) throw new ReadError('refused', `the meter refuses the read with error ${part.error}`)
    // A slow meter may answer an earlier ask of this session; that answer is as good.
    const one = pending.get(opened.ask) ?? mine
    one.parts.set(opened.block, part)
    if (opened.last) one.last = opened.block
    // Progress is what settles more of the range. Empty, repeated and overlapping frames are none.
    const stillOpen = countOf(unsettled(one.range, one.parts, one.last))
    if (stillOpen < open) {
      open = stillOpen
      progress = true
      conversation.progressed()
    }
    // Frames arrive in order: after the last one nothing more is to be expected, lost frames included.
    const over = one === mine ? opened.last : isWhole(one) && covers(one.range, range)
    if (over) return { left: unsettled(one.range, one.parts, one.last), progress }
  }
}

/**
 * Reads a range. Returns every item that the meter has in it, in order of arrival. @throws ReadError
 */
export async function gather<T>(conversation: Conversation, range: Range, layout: Layout<T>): Promise<T[]> {
  const pending = new Map<number, PendingAsk<T>>()
  const left: Range[] = [range]
  for (let next = left.shift(); next !== undefined; next = left.shift()) {
    const result = await askFor(conversation, next, layout, pending)
    left.unshift(...result.left)
    if (!result.progress) await conversation.silent()
  }
  return [...pending.values()].flatMap(({ parts }) => [...parts.values()].flatMap(({ items }) => items))
}
