// Stretches of time with one setting of the clock (DESIGN.md, "A clock that was wrong by days"). When the clock is set by a
// day or more, what was recorded before, or what is recorded from then on, has a wrong time. Which of the two is known when
// the clock is set again: the last setting is right, and so is every stretch whose clock differs from it by less than a day.

import { getU16, getU24, getU32, putU16, putU24, putU32 } from '../protocol/bytes.ts'
import { record, recordType } from './journal-record.ts'

/** A clock that differs by so many seconds is wrong: what was recorded by it is left out of every answer. */
export const wrongBySeconds = 86400

/** The most stretches that are kept apart; then the two oldest become one. */
const segmentsMax = 8

export interface Segment {
  /** By how many seconds its clock is ahead of that of the first stretch. */
  offset: number
  /** True once its clock cannot be compared with later ones any more; then `isWrong` is for good. */
  isFrozen: boolean
  isWrong: boolean
  /** Where it begins in the rings (placeOf): day blocks of active import, of the others, daily reads. */
  places: number[]
  /** The number of the last record in each ring when it ended, 0 for none. */
  ends: number[]
}

function newSegment(offset: number, places: number[]): Segment {
  return { offset: offset, isFrozen: false, isWrong: false, places: places, ends: [0, 0, 0] }
}

/** True for a stretch with the right time. */
export function isRightSegment(segments: Segment[], index: number): boolean {
  const segment = segments[index]!
  if (segment.isFrozen) return !segment.isWrong
  return Math.abs(segments[segments.length - 1]!.offset - segment.offset) < wrongBySeconds
}

/** The number of the last record of a ring with the right time, before the stretch that runs; 0 for none. */
export function lastRightNumber(segments: Segment[], ring: number): number {
  for (let i = segments.length - 2; i >= 0; i--) {
    if (isRightSegment(segments, i) && segments[i]!.ends[ring]! > 0) return segments[i]!.ends[ring]!
  }
  return 0
}

/** True when nothing was recorded by a clock that was wrong. */
export function areAllRight(segments: Segment[]): boolean {
  for (let i = 0; i < segments.length; i++) if (!isRightSegment(segments, i)) return false
  return true
}

/**
 * Begins a stretch at `places`, its clock `stepSeconds` ahead of that of the one before; `undefined` when that is not known,
 * because the clock was lost or power was off for a day or more. `ends` are the last records of the one before.
 */
export function beginSegment(
  segments: Segment[],
  places: number[],
  ends: number[],
  stepSeconds: number | undefined,
): void {
  if (segments.length === 0) segments.push(newSegment(0, [0, 0, 0]))
  const last = segments[segments.length - 1]!
  last.ends = ends
  if (stepSeconds === undefined) {
    // Each against the last one, so the last one is frozen last.
    for (let i = 0; i < segments.length; i++) segments[i]!.isWrong = !isRightSegment(segments, i)
    for (let i = 0; i < segments.length; i++) segments[i]!.isFrozen = true
    if (areAllRight(segments)) {
      for (let i = 0; i < 3; i++) if (last.ends[i] === 0) last.ends[i] = lastRightNumber(segments, i)
      last.places = segments[0]!.places
      segments.splice(0, segments.length - 1)
    }
  }
  segments.push(newSegment(last.offset + (stepSeconds === undefined ? 0 : stepSeconds), places))
  if (segments.length <= segmentsMax) return
  const first = segments[0]!
  const second = segments[1]!
  const areRight = isRightSegment(segments, 0) && isRightSegment(segments, 1)
  for (let i = 0; i < 3; i++) if (second.ends[i]! > 0) first.ends[i] = second.ends[i]!
  first.isFrozen = true
  first.isWrong = !areRight
  segments.splice(1, 1)
}

/** How far a place lies behind another that is later. Places grow modulo 2^24. */
function behind(later: number, place: number): number {
  return (later - place) & 0xffffff
}

/** True when a place in a ring lies in the stretch that runs; `tail` is where the ring's next record goes. */
export function isInLast(segments: Segment[], ring: number, tail: number, place: number): boolean {
  if (segments.length === 0) return true
  return behind(tail, place) <= behind(tail, segments[segments.length - 1]!.places[ring]!)
}

/** True when what lies at a place in a ring was recorded by the right time. */
export function isRightPlace(segments: Segment[], ring: number, tail: number, place: number): boolean {
  const back = behind(tail, place)
  for (let i = segments.length - 1; i > 0; i--) {
    if (back <= behind(tail, segments[i]!.places[ring]!)) return isRightSegment(segments, i)
  }
  return segments.length === 0 || isRightSegment(segments, 0)
}

/** The two journal records of a stretch. */
export function segmentRecords(segment: Segment): Uint8Array[] {
  const bytes = record(recordType.segment, (segment.isWrong ? 1 : 0) | (segment.isFrozen ? 2 : 0))
  putU32(bytes, 4, segment.offset + 0x80000000)
  const places = record(recordType.segmentPlaces, 0)
  for (let i = 0; i < 3; i++) {
    putU16(bytes, 8 + 2 * i, segment.ends[i]!)
    putU24(places, 5 + 3 * i, segment.places[i]!)
  }
  return [bytes, places]
}

/** Takes one of the two records into account; they come in the order of `segmentRecords`. */
export function replaySegment(segments: Segment[], bytes: Uint8Array, at: number): void {
  if (bytes[at] === recordType.segment) {
    const segment = newSegment(getU32(bytes, at + 4) - 0x80000000, [0, 0, 0])
    segment.isWrong = (bytes[at + 1]! & 1) !== 0
    segment.isFrozen = (bytes[at + 1]! & 2) !== 0
    for (let i = 0; i < 3; i++) segment.ends[i] = getU16(bytes, at + 8 + 2 * i)
    segments.push(segment)
  } else if (segments.length > 0) {
    const places = segments[segments.length - 1]!.places
    for (let i = 0; i < 3; i++) places[i] = getU24(bytes, at + 5 + 3 * i)
  }
}
