// All the meter's logs together, and how they are opened.

import { firstHalfHourOfDay } from '../protocol/half-hour.ts'
import { dayBlockBytesMax, halfHoursPerDay, snapshotBytesMax } from '../protocol/limits.ts'
import { encodeDayBlock } from '../protocol/profile-coding.ts'
import { decodeSnapshot, encodeSnapshot, snapshotCause } from '../protocol/register-snapshot.ts'
import type { Flash } from './board.ts'
import { type EventLog, openEventLog } from './event-log.ts'
import { dailyReadPages, flashMapOf } from './flash-map.ts'
import { pageKind } from './flash-pages.ts'
import { countStart, dayOf, openJournal, turnJournal } from './journal.ts'
import { forgetDay, type Journal } from './journal-state.ts'
import { keyOf, nothingAnnounced, openRing, placeOf, type RecordRing } from './record-ring.ts'
import { areAllRight, isInLast, isRightPlace, lastRightNumber } from './segments.ts'

export interface Logs {
  journal: Journal
  events: EventLog
  imports: RecordRing
  others: RecordRing
  dailyReads: RecordRing
  billing: RecordRing
  /** Half-hours are kept as average power, in W (device-profiles.ts). */
  averagePower: boolean
  /** True when this start found logs and no journal that could be read. */
  isJournalLost: boolean
}

/** Number of the newest record of a ring of snapshots, 0 for none. */
export function lastNumber(ring: RecordRing): number {
  return ring.lastKey >> 2
}

/** A day that is a block is over: nothing more of it is recorded. */
export function noteOver(logs: Logs): void {
  logs.journal.newest = Math.max(logs.journal.newest, firstHalfHourOfDay(lastNumber(logs.imports) + 1) - 1)
}

/** The rings that follow the clock, in the order of a segment's places. */
export function ringsOf(logs: Logs): RecordRing[] {
  return [logs.imports, logs.others, logs.dailyReads]
}

/** Key of the last record of a ring with this number. */
function lastKeyOf(ring: RecordRing, number: number): number {
  return keyOf(number, ring.kind === pageKind.others && number > 0 ? 3 : 0)
}

/**
 * Brings what the rings know of their last record in line with the segments: a record by a clock that was wrong is none.
 * `isNew` says that a segment begins, of which no ring has anything.
 */
export function followSegments(logs: Logs, isNew: boolean): void {
  const segments = logs.journal.segments
  if (segments.length === 0) return
  const rings = ringsOf(logs)
  for (let i = 0; i < rings.length; i++) {
    const ring = rings[i]!
    const from = segments[segments.length - 1]!.places[i]!
    // Once the ring has turned over, all that it holds is of the segment that runs.
    const hasTurned = (((ring.sequence & 1023) - (from >> 14)) & 1023) >= ring.pages
    ring.isOrdered = hasTurned || areAllRight(segments)
    if (isNew || !isInLast(segments, i, placeOf(ring), ring.lastPlace)) {
      ring.lastKey = lastKeyOf(ring, lastRightNumber(segments, i))
      ring.last = undefined
      // The day being recorded was taken up again: its block of before is superseded when it ends.
      const day = logs.journal.day
      if (day > 0 && i < 2) ring.lastKey = Math.min(ring.lastKey, keyOf(day, 0) - 1)
    }
  }
}

/** Key of the record that the journal announced; one that no record has when nobody knows what was announced. */
function announcedKey(journal: Journal, number: number, channel: number): number {
  if (journal.isNew) return keyOf(65536, 0)
  return number > 0 ? keyOf(number, channel) : nothingAnnounced
}

/** Starts that a journal which cannot be read may have counted beyond what the event log says. */
const bootsBeyond = 0x10000

/**
 * Opens the logs, finds what a power cut left, and counts this start. What was being written when power failed may lie
 * half done where the next record goes; it is passed over before anything else is written.
 */
export function openLogs(flash: Flash): Logs {
  const map = flashMapOf(flash.pages)
  const journal = openJournal(flash, map.journal)
  const closing = announcedKey(journal, journal.closingDay, 0)
  const closing3 = announcedKey(journal, journal.closingDay, 3)
  const entered = announcedKey(journal, journal.enteredDay, 0)
  const billing = announcedKey(journal, journal.billingNumber, 0)
  const at = journal.places
  const kind = pageKind
  const logs: Logs = {
    journal: journal,
    imports: openRing(flash, map.imports, map.importPages, kind.imports, dayBlockBytesMax, at[0]!, closing),
    others: openRing(flash, map.others, map.othersPages, kind.others, dayBlockBytesMax, at[1]!, closing3),
    dailyReads: openRing(flash, map.dailyReads, dailyReadPages, kind.dailyReads, snapshotBytesMax, at[2]!, entered),
    billing: openRing(flash, map.billing, 2, kind.billing, snapshotBytesMax, at[3]!, billing),
    events: openEventLog(flash, map.events),
    averagePower: false,
    isJournalLost: false,
  }
  followSegments(logs, false)
  if (journal.closingDay > 0 && journal.enteredDay === 0 && journal.day === journal.closingDay) {
    // Power failed while the clock was being set by days: the day is not over, its blocks are written again.
    reopen(logs, journal.day)
  }
  // A day that has all its blocks is over, whatever the journal still holds of it.
  if (logs.imports.lastKey >= keyOf(journal.day, 0) && logs.others.lastKey >= keyOf(journal.day, 3)) forgetDay(journal)
  noteOver(logs)
  logs.isJournalLost = journal.isNew && (logs.events.boots > 0 || logs.imports.page >= 0 || logs.dailyReads.page >= 0)
  if (logs.isJournalLost) restoreJournal(logs)
  countStart(journal)
  return logs
}

/** A journal that cannot be read: registers go on from the last daily read, and no number of a start is used twice. */
function restoreJournal(logs: Logs): void {
  const journal = logs.journal
  const last = logs.dailyReads.last ? decodeSnapshot(logs.dailyReads.last) : undefined
  if (last) {
    journal.registers = last.registers
    journal.matrix.set(last.matrix, 0)
    journal.aliveMs = last.atSeconds * 1000
  }
  journal.boots = logs.events.boots + bootsBeyond
  turnJournal(journal)
}

/** Takes a day as not over: the blocks that it has in the rings are superseded when it ends. */
export function reopen(logs: Logs, day: number): void {
  logs.imports.lastKey = Math.min(logs.imports.lastKey, keyOf(day, 0) - 1)
  logs.others.lastKey = Math.min(logs.others.lastKey, keyOf(day, 0) - 1)
}

/** The block of the day being recorded, of one channel. */
export function blockOfDay(logs: Logs, channel: number, open: boolean): Uint8Array {
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
export function snapshot(
  logs: Logs,
  cause: number,
  late: boolean,
  number: number,
  atSeconds: number,
): Uint8Array | undefined {
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

/** Which places of a channel's ring hold what was recorded by the right time. */
export function rightPlaces(logs: Logs, channel: number): (place: number) => boolean {
  return isRightIn(logs, channel === 0 ? 0 : 1)
}

/** The same of the ring with this number. */
export function isRightIn(logs: Logs, index: number): (place: number) => boolean {
  const segments = logs.journal.segments
  const ring = ringsOf(logs)[index]!
  if (ring.isOrdered) return () => true
  const tail = placeOf(ring)
  return (place) => isRightPlace(segments, index, tail, place)
}
