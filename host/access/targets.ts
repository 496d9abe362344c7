// What a request to a device targets: the entries that it reads, and the Settlement Days for which its sender must be
// registered.
//
// A closed window that begins at 00:00 selects one half-hour of the day before: the one stamped 00:00 (with stamps at the
// start, the last entry belongs to the day after). A party that is not registered for that day gets the window without
// that entry.

import { dayMs, startOfHalfHour } from '../../protocol/half-hour.ts'
import {
  type Entries,
  halfHoursInside,
  halfHoursInWindow,
  midnightsInWindow,
  type Window,
  type WindowEnds,
} from '../catalogue/read-window.ts'
import type { SrvRow } from '../catalogue/srv-table.ts'
import type { Device } from './parties.ts'
import { settlementDayOf } from './settlement-day.ts'

/**
 * Who may have the daily read of 00:00 UTC on the day on which a registration changes (the EFD): the incoming party,
 * the outgoing one, or both. In summer it is taken at 01:00 local time, so that it holds one hour of the incoming party's
 * day. No source decides it: an assumption.
 */
export type ChangeOfAgentRead = 'both' | 'incoming' | 'outgoing'

export const changeOfAgentReads: readonly ChangeOfAgentRead[] = ['both', 'incoming', 'outgoing']

/** First and last Settlement Day. */
export type SettlementDays = { first: string; last: string }

export interface Target {
  days: SettlementDays
  /** What is read of the log; absent for a request without a period. */
  entries?: Entries
  /** The entry that the window selects and this target does not have. */
  leftOut?: 'first' | 'last'
}

export interface TargetPolicy {
  windowEnds: WindowEnds
  changeOfAgentRead: ChangeOfAgentRead
}

/**
 * The targets that a request may be served with, the one with most entries first. A request without a period (4.1.1, 4.2)
 * targets the Settlement Day of `nowMs`; a window without entries the day of its start.
 */
export function targetsOf(
  row: Pick<SrvRow, 'channels'>,
  period: Window | undefined,
  nowMs: number,
  device: Pick<Device, 'stamps'>,
  policy: TargetPolicy,
): [Target, ...Target[]] {
  if (period === undefined) return [{ days: dayOnly(nowMs) }]
  const targets = row.channels === undefined ? midnightTargets(period, policy) : halfHourTargets(period, device, policy)
  const [best, ...others] = targets
  return best === undefined ? [{ days: dayOnly(period.startMs), entries: { first: 0, count: 0 } }] : [best, ...others]
}

function dayOnly(atMs: number): SettlementDays {
  const day = settlementDayOf(atMs)
  return { first: day, last: day }
}

function halfHourTargets(period: Window, { stamps }: Pick<Device, 'stamps'>, { windowEnds }: TargetPolicy): Target[] {
  const all = halfHoursInWindow(period, windowEnds, stamps)
  const inside = halfHoursInside(period)
  if (all.count === 0) return []
  const whole = { days: daysOfHalfHours(all), entries: all }
  if (inside.count === 0 || inside.count >= all.count) return [whole]
  const leftOut = inside.first > all.first ? 'first' : 'last'
  return [whole, { days: daysOfHalfHours(inside), entries: inside, leftOut }]
}

function daysOfHalfHours({ first, count }: Entries): SettlementDays {
  return { first: settlementDayOf(startOfHalfHour(first)), last: settlementDayOf(startOfHalfHour(first + count - 1)) }
}

/** The date of a midnight is the Settlement Day that begins there; the read closes the day before. */
function midnightTargets(period: Window, { windowEnds, changeOfAgentRead }: TargetPolicy): Target[] {
  const all = midnightsInWindow(period, windowEnds)
  if (all.count === 0) return []
  const last = all.first + all.count - 1
  const opening = { days: daysFromTo(all.first, last), entries: all }
  const closing = { days: daysFromTo(all.first - 1, last - 1), entries: all }
  if (changeOfAgentRead === 'both') {
    if (all.count === 1) return [opening, closing]
    return [{ days: daysFromTo(all.first, last - 1), entries: all }]
  }
  const whole = changeOfAgentRead === 'incoming' ? opening : closing
  if (all.count === 1 || windowEnds === 'half-open') return [whole]
  const days = daysFromTo(all.first, last - 1)
  return changeOfAgentRead === 'incoming'
    ? [whole, { days, entries: { first: all.first, count: all.count - 1 }, leftOut: 'last' }]
    : [whole, { days, entries: { first: all.first + 1, count: all.count - 1 }, leftOut: 'first' }]
}

function daysFromTo(first: number, last: number): SettlementDays {
  return { first: settlementDayOf(first * dayMs), last: settlementDayOf(last * dayMs) }
}
