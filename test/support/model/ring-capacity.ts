// What a ring must still hold: a record is lost only when its page is reused.

import { flashMapOf } from '../../../firmware/flash-map.ts'
import { dayBlockBytesMax, snapshotBytesMax } from '../../../protocol/limits.ts'

/** Bytes of a page that are a header. */
const headerBytes = 16

const padded = (bytes: number) => Math.ceil(bytes / 4) * 4

/** Records of a day (or with a number) and the bytes each takes. */
export interface Taken {
  number: number
  bytes: readonly number[]
}

/**
 * The lowest number that a ring of `pages` pages holds for certain, if `taken` is what was written, oldest first, and `cuts` of
 * the records were cut off by a power cut. A page is left when the next record, of `bytesMax` at most, does not fit. A cut
 * costs the record that was torn, and what is burnt behind it, once when it is found and once because it was announced.
 */
function held(
  taken: readonly Taken[],
  pages: number,
  pageBytes: number,
  bytesMax: number,
  cuts: readonly number[],
): number {
  const room = (pages - 1) * (pageBytes - headerBytes - padded(bytesMax))
  let used = 0
  let oldest = Number.POSITIVE_INFINITY
  for (const { number, bytes } of [...taken].reverse()) {
    for (const one of bytes) used += padded(one)
    const cutSince = cuts.filter((cut) => cut >= number).length
    if (used + cutSince * 3 * padded(bytesMax) > room) return oldest
    oldest = number
  }
  return oldest
}

/** From which day or number on each ring must have everything. */
export interface Must {
  importDay: number
  otherDay: number
  dailyRead: number
  billing: number
}

/** A power cut in an act that wrote into rings: the day it was, and the number of the newest billing entry then. */
export interface RingCut {
  day: number
  billing: number
}

export interface Recorded {
  imports: readonly Taken[]
  others: readonly Taken[]
  dailyReads: readonly Taken[]
  billing: readonly Taken[]
}

export function mustOf(recorded: Recorded, pageBytes: number, pages: number, cuts: readonly RingCut[]): Must {
  const map = flashMapOf(pages)
  const days = cuts.map(({ day }) => day)
  const numbers = cuts.map(({ billing }) => billing)
  return {
    importDay: held(recorded.imports, map.importPages, pageBytes, dayBlockBytesMax, days),
    otherDay: held(recorded.others, map.othersPages, pageBytes, dayBlockBytesMax, days),
    dailyRead: held(recorded.dailyReads, 3, pageBytes, snapshotBytesMax, days),
    billing: held(recorded.billing, 2, pageBytes, snapshotBytesMax, numbers),
  }
}
