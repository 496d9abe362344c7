// The DCC schedules of an agreement: half-hours every day, what was before the first run once, registers every month.

import { dayMs, halfHourMs } from '../../protocol/half-hour.ts'
import type { StampConvention } from '../catalogue/read-window.ts'
import { serviceReferenceOf } from '../catalogue/service-reference.ts'
import { type PeriodOffset, type ScheduleDetails, scheduleLimits } from '../duis/non-device-fields.ts'
import { placeInWindow, type Window } from '../schedule/windows.ts'
import { type Agreement, boundsOf } from './portfolio.ts'

/** `days`: a UTC day's half-hours each day; `before`: once, those before the first run of `days`; `registers`: midnights. */
export type PlanName = 'days' | 'before' | 'registers' | 'first registers'

export interface Plan {
  name: PlanName
  details: ScheduleDetails
}

export interface PlanSettings {
  /** The part of the day, UTC, over which runs are spread. */
  window: Window
  /** What the stamps of the meter are. */
  stamps: StampConvention
}

/** 4.6.1 carries so many midnights at most. */
export const midnightsMax = 31

/** How a schedule reads each variant. */
const readNames: { readonly [variant: string]: string } = {
  '4.6.1': 'DSPRetrieveImportDailyReadLog',
  '4.8.1': 'DSPReadActiveImportProfileData',
  '4.8.3': 'DSPReadExportProfileData',
}

/** The variant that has an agreement's half-hours; undefined where its consent allows none. Export is always half-hourly. */
export function profileVariant({ direction, consent }: Pick<Agreement, 'direction' | 'consent'>): string | undefined {
  if (direction === 'export') return '4.8.3'
  return consent === 'H' ? '4.8.1' : undefined
}

/** The period that selects the half-hours from `startMs` to `endMs`, by their stamps, in a window closed at both ends. */
export function periodOfHalfHours(startMs: number, endMs: number, stamps: StampConvention) {
  return stamps === 'end' ? { startMs: startMs + halfHourMs, endMs } : { startMs, endMs: endMs - halfHourMs }
}

/** Days before the day of a run, and times of day. */
function offsetOf(period: { startMs: number; endMs: number }, runDay: number): PeriodOffset {
  const [startDay, endDay] = [Math.floor(period.startMs / dayMs), Math.floor(period.endMs / dayMs)]
  return {
    startDays: startDay - runDay,
    startTimeMs: period.startMs - startDay * dayMs,
    endDays: endDay - runDay,
    endTimeMs: period.endMs - endDay * dayMs,
  }
}

/** The first of the month in which a day lies; with `months` 1 that of the next month. */
export function firstOfMonth(day: number, months = 0): number {
  const date = new Date(day * dayMs)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months, 1) / dayMs
}

const nextFirst = (day: number) => firstOfMonth(day, 1)

/** When the run of a day goes out, ms of UTC, whole seconds: agreements are spread evenly over the window by their number. */
export function executionMs(place: number, { window }: Pick<PlanSettings, 'window'>): number {
  return (Math.floor((window.startMs + placeInWindow(place, 0) * window.lengthMs) / 1000) * 1000) % dayMs
}

/**
 * The schedules to make at `nowMs`, when the agreement has begun. `place`: the number of the agreement, from which its time in
 * the window comes.
 */
export function plansOf(agreement: Agreement, place: number, nowMs: number, settings: PlanSettings): Plan[] {
  const { startMs, endMs } = boundsOf(agreement)
  const executionTimeMs = executionMs(place, settings)
  const today = Math.floor(nowMs / dayMs)
  // A run of today that is about to go out may come before its schedule is there.
  const soonest = today * dayMs + executionTimeMs > nowMs + 10 * 60_000 ? today : today + 1
  const variant = profileVariant(agreement)
  const about = { executionTimeMs, deviceEui: agreement.device }
  const plans: Plan[] = []

  function add(
    name: PlanName,
    srv: string,
    when: Pick<ScheduleDetails, 'frequency' | 'startDay' | 'endDay'>,
    period: PeriodOffset,
  ) {
    const reads = { serviceReference: serviceReferenceOf(srv), variant: srv, readName: readNames[srv] ?? '' }
    plans.push({ name, details: { ...when, ...about, ...reads, period } })
  }

  const lastDay = Number.isFinite(endMs) ? { endDay: Math.ceil(endMs / dayMs) } : {}
  if (variant !== undefined) {
    // The first run has the first UTC day that begins within the agreement, or yesterday.
    const startDay = Math.max(soonest, Math.ceil(startMs / dayMs) + 1)
    const ofRun = (day: number) => periodOfHalfHours((day - 1) * dayMs, day * dayMs, settings.stamps)
    if (lastDay.endDay === undefined || startDay <= lastDay.endDay) {
      add('days', variant, { frequency: 'Daily', startDay, ...lastDay }, offsetOf(ofRun(startDay), startDay))
    }
    const untilMs = Math.min((startDay - 1) * dayMs, endMs)
    const fromMs = Math.max(startMs, (startDay + scheduleLimits.offsetDaysMin + 1) * dayMs)
    // One half-hour alone would be a period that ends when it begins; the bridge demands one that goes forward.
    if (untilMs - fromMs > halfHourMs) {
      const runDay = Math.max(soonest, Math.floor(untilMs / dayMs))
      const period = periodOfHalfHours(fromMs, untilMs, settings.stamps)
      add('before', variant, { frequency: 'Daily', startDay: runDay, endDay: runDay }, offsetOf(period, runDay))
    }
  }
  if (agreement.direction === 'import' && (agreement.consent === 'H' || agreement.consent === 'D')) {
    const firstMidnight = Math.ceil(startMs / dayMs)
    const first = nextFirst(Math.max(soonest, firstMidnight) - 1)
    const isWhole = first - firstMidnight >= midnightsMax - 1
    const monthly = isWhole ? first : nextFirst(first)
    const midnights = (days: number): PeriodOffset => ({ startDays: -days, startTimeMs: 0, endDays: 0, endTimeMs: 0 })
    if (!isWhole && first > firstMidnight)
      add(
        'first registers',
        '4.6.1',
        { frequency: 'Daily', startDay: first, endDay: first },
        midnights(first - firstMidnight),
      )
    if (lastDay.endDay === undefined || monthly <= lastDay.endDay)
      add('registers', '4.6.1', { frequency: 'Monthly', startDay: monthly, ...lastDay }, midnights(midnightsMax - 1))
  }
  return plans
}
