// Which entries of a log a read window selects.
//
// A ReadLogPeriod is closed at both ends: in the DCC's reference test data 09:30 to 09:30 the next day gives 49
// half-hours (ECS22a, 4.8.3), and 4.6.1 over two days three midnights (ECS21a). That is SMETS2 evidence; that a SMETS1
// response over DUIS has the same is an assumption.

import { dayMs, halfHourMs } from '../../protocol/half-hour.ts'

/** `closed`: start <= stamp <= end. `half-open`: 00:00 to 00:00 selects the 48 half-hours of one day. */
export type WindowEnds = 'closed' | 'half-open'

export const windowEnds: readonly WindowEnds[] = ['closed', 'half-open']

/** What the Timestamp of a half-hour is: its end or its start. A device profile's convention. */
export type StampConvention = 'end' | 'start'

/** Instants, milliseconds UTC. */
export type Window = { startMs: number; endMs: number }

/** Entries `first` to `first + count - 1`: half-hours, or UTC days by the midnight with which they begin. */
export type Entries = { first: number; count: number }

/** The stamp of a half-hour in a response, milliseconds UTC. */
export function stampOf(halfHour: number, stamps: StampConvention = 'end'): number {
  return (stamps === 'start' ? halfHour : halfHour + 1) * halfHourMs
}

/** The half-hours whose stamps, as the response shows them, lie in a window. `count` is 0 for a reversed window. */
export function halfHoursInWindow(window: Window, ends: WindowEnds, stamps: StampConvention = 'end'): Entries {
  const { first, last } = multiplesInWindow(window, halfHourMs, ends, stamps)
  return entries(stamps === 'start' ? first : first - 1, stamps === 'start' ? last : last - 1)
}

/** The half-hours that lie in a window from their start to their end, whatever their stamps. */
export function halfHoursInside({ startMs, endMs }: Window): Entries {
  return entries(Math.ceil(startMs / halfHourMs), Math.floor(endMs / halfHourMs) - 1)
}

/** The midnights (00:00 UTC) in a window, as days. */
export function midnightsInWindow(window: Window, ends: WindowEnds): Entries {
  const { first, last } = multiplesInWindow(window, dayMs, ends, 'end')
  return entries(first, last)
}

/** The multiples of `stepMs` in a window. A half-open window leaves out its start, or its end when stamps are starts. */
function multiplesInWindow({ startMs, endMs }: Window, stepMs: number, ends: WindowEnds, stamps: StampConvention) {
  const withoutStart = ends === 'half-open' && stamps === 'end'
  const withoutEnd = ends === 'half-open' && stamps === 'start'
  return {
    first: withoutStart ? Math.floor(startMs / stepMs) + 1 : Math.ceil(startMs / stepMs),
    last: withoutEnd ? Math.ceil(endMs / stepMs) - 1 : Math.floor(endMs / stepMs),
  }
}

function entries(first: number, last: number): Entries {
  return { first, count: Math.max(0, last - first + 1) }
}
