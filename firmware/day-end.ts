// What is done when a day ends, a billing date is reached, or the clock is set by days (DESIGN.md, "A day ends").

import { getU32 } from '../protocol/bytes.ts'
import { eventCode } from '../protocol/event-entry.ts'
import { dateOfDay, dayMs, dayOfDate, dayOfHalfHour, firstHalfHourOfDay } from '../protocol/half-hour.ts'
import { halfHoursPerDay } from '../protocol/limits.ts'
import { decodeDayBlock } from '../protocol/profile-coding.ts'
import { snapshotCause } from '../protocol/register-snapshot.ts'
import { addEvent } from './event-log.ts'
import { noteBilling, noteClosing, turnJournal } from './journal.ts'
import { forgetDay } from './journal-state.ts'
import {
  blockOfDay,
  followSegments,
  type Logs,
  lastNumber,
  noteOver,
  reopen,
  rightPlaces,
  ringsOf,
  snapshot,
} from './logs.ts'
import { appendRecord, keyOf, placeOf } from './record-ring.ts'
import { readRing } from './ring-reader.ts'
import { beginSegment, isInLast } from './segments.ts'

/** Takes an entry of the billing data log. Everything counted must be committed before. Answers its number, 0 for none. */
export function takeBilling(logs: Logs, cause: number, late: boolean, atSeconds: number): number {
  const number = lastNumber(logs.billing) + 1
  const entry = snapshot(logs, cause, late, number, atSeconds)
  if (!entry) {
    addEvent(logs.events, eventCode.snapshotTooLong, atSeconds, 0, cause)
    return 0
  }
  logs.journal.places[3] = placeOf(logs.billing)
  noteBilling(logs.journal, number)
  appendRecord(logs.billing, entry)
  addEvent(logs.events, eventCode.billing, atSeconds, number, cause)
  return number
}

/** The day of the latest billing date up to a day; 0 when there are none. */
function billingDate(billingDay: number, day: number): number {
  if (billingDay === 0) return 0
  const date = dateOfDay(day)
  const thisMonth = dayOfDate(date.year, date.month, billingDay)
  if (thisMonth <= day) return thisMonth
  return date.month === 1 ? dayOfDate(date.year - 1, 12, billingDay) : dayOfDate(date.year, date.month - 1, billingDay)
}

/** Notes in the journal where the rings stand, before a day becomes blocks and `enteredDay` has its daily read. */
function announce(logs: Logs, enteredDay: number): void {
  const rings = ringsOf(logs)
  for (let i = 0; i < rings.length; i++) logs.journal.places[i] = placeOf(rings[i]!)
  noteClosing(logs.journal, enteredDay)
}

/** Writes the blocks of the day being recorded, those that are not there yet. */
function appendBlocks(logs: Logs): void {
  const day = logs.journal.day
  if (logs.imports.lastKey < keyOf(day, 0)) appendRecord(logs.imports, blockOfDay(logs, 0, false))
  for (let channel = 1; channel < 4; channel++) {
    if (logs.others.lastKey < keyOf(day, channel)) appendRecord(logs.others, blockOfDay(logs, channel, false))
  }
}

/**
 * Does what is due when the meter's time is in `day` for the first time: turns the day being recorded into blocks, takes
 * the billing data log's entry if a billing date was reached, and the daily read of the midnight with which `day` began.
 * `late` says that the meter did not see that midnight pass. What is done already is not done again.
 */
export function enterDay(logs: Logs, day: number, late: boolean, billingDay: number): void {
  const journal = logs.journal
  const before = lastNumber(logs.dailyReads)
  const closing = journal.day > 0 && journal.day < day
  if (!closing && before >= day) return
  announce(logs, day)
  if (closing) {
    appendBlocks(logs)
    forgetDay(journal)
    noteOver(logs)
    turnJournal(journal)
  }
  if (before >= day) return
  const midnight = (day * dayMs) / 1000
  const due = billingDate(billingDay, day)
  const last = logs.billing.last
  const dueSeconds = (due * dayMs) / 1000
  if (before > 0 && due > before && (!last || getU32(last, 4) < dueSeconds)) {
    takeBilling(logs, snapshotCause.billingDate, late || due < day, dueSeconds)
  }
  const entry = snapshot(logs, snapshotCause.midnight, late, day, midnight)
  if (entry) appendRecord(logs.dailyReads, entry)
  else addEvent(logs.events, eventCode.snapshotTooLong, midnight, day, snapshotCause.midnight)
}

/** Takes what the blocks of a day hold of the half-hours before `halfHour` into the journal again. */
function resumeDay(logs: Logs, halfHour: number): void {
  const journal = logs.journal
  const day = dayOfHalfHour(halfHour)
  journal.newest = firstHalfHourOfDay(lastNumber(logs.imports) + 1) - 1
  if (lastNumber(logs.imports) !== day) return
  const before = halfHour - firstHalfHourOfDay(day)
  journal.newest = firstHalfHourOfDay(day) - 1
  for (let channel = 0; channel < 4; channel++) {
    const block = readRing(channel === 0 ? logs.imports : logs.others, channel, day, day, rightPlaces(logs, channel))()
    const profile = block ? decodeDayBlock(block) : undefined
    for (let i = 0; profile && i < before; i++) {
      const value = profile.wh[i]!
      if (value < 0) continue
      journal.day = day
      journal.wh[channel * halfHoursPerDay + i] = logs.averagePower ? Math.floor(value / 2) : value
      journal.marked[i] = profile.marked[i]!
      journal.newest = Math.max(journal.newest, firstHalfHourOfDay(day) + i)
    }
  }
  reopen(logs, day)
}

/**
 * The clock changes by days: what was recorded until now stays apart from what comes. `stepSeconds` is by how much, undefined
 * when nobody can say; `halfHour` runs afterwards. All of it counts at once, when the journal has turned its page; `change`
 * brings what else the journal holds up to date before.
 */
export function startSegment(logs: Logs, stepSeconds: number | undefined, halfHour: number, change: () => void): void {
  const journal = logs.journal
  if (journal.day > 0) {
    announce(logs, 0)
    appendBlocks(logs)
  }
  const rings = ringsOf(logs)
  const places: number[] = []
  const ends: number[] = []
  for (let i = 0; i < rings.length; i++) {
    const ring = rings[i]!
    places.push(placeOf(ring))
    ends.push(isInLast(journal.segments, i, placeOf(ring), ring.lastPlace) ? lastNumber(ring) : 0)
  }
  beginSegment(journal.segments, places, ends, stepSeconds)
  followSegments(logs, true)
  forgetDay(journal)
  resumeDay(logs, halfHour)
  journal.places[0] = places[0]!
  journal.places[1] = places[1]!
  journal.places[2] = places[2]!
  journal.closingDay = 0
  journal.enteredDay = 0
  change()
  turnJournal(journal)
}
