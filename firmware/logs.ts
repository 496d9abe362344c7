// All the meter's logs together, and what is done when a day ends (DESIGN.md, "A day ends").

import { getU32 } from '../protocol/bytes.ts'
import { encodeDayPart, partHalfHoursMax } from '../protocol/day-part.ts'
import { eventCode } from '../protocol/event-entry.ts'
import { dateOfDay, dayMs, dayOfDate, dayOfHalfHour, firstHalfHourOfDay } from '../protocol/half-hour.ts'
import { billingEntriesMax, dayBlockBytesMax, halfHoursPerDay, snapshotBytesMax } from '../protocol/limits.ts'
import { dayBlockDay, encodeDayBlock } from '../protocol/profile-coding.ts'
import { decodeSnapshot, encodeSnapshot, snapshotCause } from '../protocol/register-snapshot.ts'
import type { Flash } from './board.ts'
import { addEvent, type EventLog, openEventLog } from './event-log.ts'
import { dailyReadPages, flashMapOf } from './flash-map.ts'
import { pageKind } from './flash-pages.ts'
import { countStart, dayOf, noteBilling, noteClosing, openJournal, turnJournal } from './journal.ts'
import { forgetDay, type Journal } from './journal-state.ts'
import { appendRecord, keyOf, type NextRecord, openRing, placeOf, type RecordRing, readRing } from './record-ring.ts'

export interface Logs {
  journal: Journal
  events: EventLog
  imports: RecordRing
  others: RecordRing
  dailyReads: RecordRing
  billing: RecordRing
  /** Half-hours are kept as average power, in W (device-profiles.ts). */
  averagePower: boolean
  /** Records of the journal and of the event log that could not be read at the start; whether nothing of the journal could. */
  spoilt: number
  isJournalLost: boolean
}

/** Number of the newest record of a ring of snapshots, 0 for none. */
export function lastNumber(ring: RecordRing): number {
  return ring.lastKey >> 2
}

/** A day that is a block is over: nothing more of it is recorded. */
function noteOver(logs: Logs): void {
  logs.journal.newest = Math.max(logs.journal.newest, firstHalfHourOfDay(lastNumber(logs.imports) + 1) - 1)
}

/**
 * When nothing of the journal could be read, the registers are those of the newest daily read, and the count of starts that of
 * the event log: nonces are not used again. A journal of which something was left out goes on in its other page.
 */
function recoverJournal(logs: Logs): void {
  const journal = logs.journal
  const last = logs.dailyReads.last
  logs.spoilt = journal.spoilt + logs.events.spoilt
  logs.isJournalLost = journal.boots === 0 && (logs.events.boots > 0 || last !== undefined)
  if (logs.isJournalLost) {
    const snapshot = last ? decodeSnapshot(last) : undefined
    journal.boots = logs.events.boots
    if (snapshot) {
      for (let i = 0; i < 4; i++) journal.registers[i] = snapshot.registers[i]!
      for (let i = 0; i < journal.matrix.length; i++) journal.matrix[i] = snapshot.matrix[i]!
      journal.aliveMs = snapshot.atSeconds * 1000
    }
  }
  if (journal.slots.page < 0 || journal.slots.torn || logs.isJournalLost || journal.spoilt > 0) turnJournal(journal)
}

/**
 * Opens the logs, finds what a power cut left, and counts this start. What was being written when power failed may lie
 * half done where the next record goes; it is made harmless before anything else is written.
 */
export function openLogs(flash: Flash): Logs {
  const map = flashMapOf(flash.pages)
  const journal = openJournal(flash, map.journal)
  const closing = keyOf(journal.closingDay, 0)
  const entered = keyOf(journal.enteredDay, 0)
  const billing = keyOf(journal.billingNumber, 0)
  const at = journal.places
  const kind = pageKind
  const logs: Logs = {
    journal: journal,
    imports: openRing(flash, map.imports, map.importPages, kind.imports, dayBlockBytesMax, at[0]!, closing),
    others: openRing(flash, map.others, map.othersPages, kind.others, dayBlockBytesMax, at[1]!, closing + 3),
    dailyReads: openRing(flash, map.dailyReads, dailyReadPages, kind.dailyReads, snapshotBytesMax, at[2]!, entered),
    billing: openRing(flash, map.billing, 2, kind.billing, snapshotBytesMax, at[3]!, billing),
    events: openEventLog(flash, map.events),
    averagePower: false,
    spoilt: 0,
    isJournalLost: false,
  }
  recoverJournal(logs)
  // A day that has all its blocks is over, whatever the journal still holds of it.
  if (logs.imports.lastKey >= keyOf(journal.day, 0) && logs.others.lastKey >= keyOf(journal.day, 3)) forgetDay(journal)
  noteOver(logs)
  countStart(journal)
  return logs
}

/** The block of the day being recorded, of one channel. */
function blockOfDay(logs: Logs, channel: number, open: boolean): Uint8Array {
  const profile = dayOf(logs.journal, channel)
  profile.open = open
  if (logs.averagePower) {
    const watts = new Int32Array(halfHoursPerDay)
    for (let i = 0; i < halfHoursPerDay; i++) {
      const wh = profile.wh[i]!
      watts[i] = wh < 0 ? wh : Math.min(wh * 2, 0xffffff)
    }
    profile.wh = watts
  }
  return encodeDayBlock(profile)
}

/** Every register as it is committed, as a record; `undefined` when it does not fit one, which is an event. */
function snapshot(logs: Logs, cause: number, late: boolean, number: number, atSeconds: number): Uint8Array | undefined {
  const registers: number[] = []
  const matrix: number[] = []
  for (let i = 0; i < 4; i++) registers.push(logs.journal.registers[i]!)
  for (let i = 0; i < logs.journal.matrix.length; i++) matrix.push(logs.journal.matrix[i]!)
  return encodeSnapshot({
    cause: cause,
    late: late,
    number: number,
    atSeconds: atSeconds,
    registers: registers,
    matrix: matrix,
  })
}

/** The registers at an instant, as one record. Everything counted must be committed before. */
export function snapshotNow(logs: Logs, atSeconds: number): Uint8Array | undefined {
  return snapshot(logs, snapshotCause.now, false, 0, atSeconds)
}

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
  journal.places[0] = placeOf(logs.imports)
  journal.places[1] = placeOf(logs.others)
  journal.places[2] = placeOf(logs.dailyReads)
  noteClosing(journal, day)
  if (closing) {
    if (logs.imports.lastKey < keyOf(journal.day, 0)) appendRecord(logs.imports, blockOfDay(logs, 0, false))
    for (let channel = 1; channel < 4; channel++) {
      if (logs.others.lastKey < keyOf(journal.day, channel)) appendRecord(logs.others, blockOfDay(logs, channel, false))
    }
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

/** Day blocks of a channel that touch `count` half-hours from `first` on, oldest first; of today what is complete so far. */
export function readProfile(logs: Logs, channel: number, first: number, count: number): NextRecord {
  const journal = logs.journal
  const fromDay = dayOfHalfHour(first)
  const toDay = dayOfHalfHour(first + count - 1)
  const past = readRing(channel === 0 ? logs.imports : logs.others, channel, fromDay, toDay)
  let given = 0

  /** Of a day of which few half-hours are asked, only these. */
  function asked(block: Uint8Array): Uint8Array {
    const start = firstHalfHourOfDay(given)
    const from = Math.max(first, start)
    const to = Math.min(first + count, start + halfHoursPerDay)
    return to - from > partHalfHoursMax ? block : encodeDayPart(block, from - start, to - from)
  }

  return () => {
    const block = past()
    if (block) {
      given = dayBlockDay(block, 0)
      return asked(block)
    }
    // The day may have become a block while this read went on; then the ring has given it already.
    if (journal.day <= given || journal.day < fromDay || journal.day > toDay) return undefined
    given = journal.day
    return asked(blockOfDay(logs, channel, true))
  }
}

/** Daily reads of the midnights of `count` days from `firstDay` on, oldest first, of the newest `keep`. */
export function readDailyReads(logs: Logs, firstDay: number, count: number, keep: number): NextRecord {
  const ring = logs.dailyReads
  // The ring holds more than the log has entries, and days without power have none: look back until there are enough.
  let oldest = lastNumber(ring) + 1
  let found = 0
  for (let back = keep; found < keep && oldest > 0; back *= 2) {
    oldest = Math.max(0, lastNumber(ring) + 1 - back)
    const next = readRing(ring, 0, oldest, 65535)
    for (found = 0; next(); ) found += 1
  }
  const next = readRing(ring, 0, oldest, firstDay + count - 1)
  for (; found > keep; found--) next()

  return () => {
    let entry = next()
    while (entry && dayBlockDay(entry, 0) < firstDay) entry = next()
    return entry
  }
}

/** The newest 12 entries of the billing data log from a number on, oldest first. */
export function readBilling(logs: Logs, firstNumber: number): NextRecord {
  const oldest = lastNumber(logs.billing) - billingEntriesMax + 1
  return readRing(logs.billing, 0, Math.max(firstNumber, oldest), 65535)
}
