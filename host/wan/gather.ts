// Messages that are answered in many frames: a range of half-hours, of days, of entries. What is lost on the line is asked
// for again, and only that.

import { answerBlocksMax } from '../../protocol/limits.ts'
import type { Conversation } from './conversation.ts'
import { ReadError } from './read-error.ts'

/** Numbers `first` to `first + count - 1`, of half-hours or whatever is read. */
export interface Range {
  first: number
  count: number
}

/** What one frame of an answer holds. It settles the numbers `from` up to, but not including, `to`; none when equal. */
export interface Part<T> {
  from: number
  to: number
  items: T[]
}

/** How a range is asked for, and what an open message of the answer holds: a part, or the error that it refuses with. */
export interface Layout<T> {
  ask(range: Range): Uint8Array
  /** `undefined` for what is no answer to it. */
  read(message: Uint8Array): Part<T> | { error: number } | undefined
}

/** An ask under way: what was asked, and the parts that came for it by their place. */
interface IncomingRequest<T> {
  range: Range
  parts: Map<number, Part<T>>
  last: number | undefined
}

/**
 * The parts of `range` about which the frames received say nothing. They are in order, so a run of them without a hole
 * settles everything up to its end; the last frame settles the rest.
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
    // An empty answer: the meter has nothing of the range.
    if (part.from < part.to) {
      if (place !== expected) push(settled, part.from)
      settled = Math.max(settled, part.to)
    }
    expected = place + 1
  }
  // The last place there can be ends an answer only because the number is full.
  const ended = last !== undefined && expected === last + 1 && last < answerBlocksMax - 1
  if (!ended) push(settled, end)
  return left
}

function isWhole<T>(asked: IncomingRequest<T>): boolean {
  return asked.last !== undefined && asked.parts.size === asked.last + 1
}

function covers(outer: Range, inner: Range): boolean {
  return outer.first <= inner.first && outer.first + outer.count >= inner.first + inner.count
}

/** Asks for a range and takes what comes until no more will. Answers what is still missing. */
async function askFor<T>(
  talk: Conversation,
  range: Range,
  layout: Layout<T>,
  asked: Map<number, IncomingRequest<T>>,
): Promise<{ left: Range[]; progress: boolean }> {
  const mine: IncomingRequest<T> = { range, parts: new Map(), last: undefined }
  asked.set(await talk.send(layout.ask(range)), mine)
  let progress = false
  const wanted = (number: number, block: number) => asked.get(number)?.parts.has(block) === false
  for (;;) {
    const opened = await talk.receive(wanted)
    if (opened === undefined) return { left: unsettled(mine.range, mine.parts, mine.last), progress }
    const part = layout.read(opened.message)
    if (part === undefined)
      throw new ReadError('malformed', 'the meter sealed an answer that is not what was asked for')
    if ('error' in part) throw new ReadError('refused', `the meter refuses the read with error ${part.error}`)
    // A slow meter may be answering an earlier ask of this session: what it says is as good.
    const one = asked.get(opened.ask) ?? mine
    one.parts.set(opened.block, part)
    if (opened.last) one.last = opened.block
    progress = true
    // Frames do not overtake each other: after the last one there is no more to wait for, lost ones included.
    const over = one === mine ? opened.last : isWhole(one) && covers(one.range, range)
    if (over) return { left: unsettled(one.range, one.parts, one.last), progress }
  }
}

/**
 * Reads a range: every item that the meter has of it, in the order in which they came. @throws ReadError
 */
export async function gather<T>(talk: Conversation, range: Range, layout: Layout<T>): Promise<T[]> {
  const asked = new Map<number, IncomingRequest<T>>()
  const left: Range[] = [range]
  for (let next = left.shift(); next !== undefined; next = left.shift()) {
    const result = await askFor(talk, next, layout, asked)
    left.unshift(...result.left)
    if (!result.progress) await talk.silent()
  }
  return [...asked.values()].flatMap(({ parts }) => [...parts.values()].flatMap(({ items }) => items))
}
