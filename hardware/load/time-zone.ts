// Local clocks: which instants a clock's time names, on days on which clocks change too.

import { dayMs, halfHourMs } from '../../protocol/half-hour.ts'

export interface TimeZone {
  name: string
  /** Milliseconds that local time is ahead of UTC at an instant. */
  aheadMs: (atMs: number) => number
}

/** An offset such as +01:00 is a zone too. */
const offset = /^(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d{2}))?$/i

function ofOffset(name: string): TimeZone | undefined {
  const found = offset.exec(name)
  if (found === null) return undefined
  const minutes = Number(found[2]) * 60 + Number(found[3] ?? 0)
  if (minutes > 14 * 60 || Number(found[3] ?? 0) > 59) return undefined
  const ahead = (found[1] === '-' ? -minutes : minutes) * 60000
  return { name, aheadMs: () => ahead }
}

/** The zone of an IANA name (Europe/London, UTC) or an offset (+01:00); undefined when there is none of that name. */
export function timeZone(name: string): TimeZone | undefined {
  const fixed = ofOffset(name)
  if (fixed !== undefined) return fixed
  let format: Intl.DateTimeFormat
  try {
    format = new Intl.DateTimeFormat('en-GB', {
      timeZone: name,
      hourCycle: 'h23',
      ...{ year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric' },
    })
  } catch {
    return undefined
  }
  const compute = (atMs: number) => {
    const part = Object.fromEntries(format.formatToParts(atMs).map(({ type, value }) => [type, Number(value)]))
    const { year = 0, month = 0, day = 0, hour = 0, minute = 0 } = part
    return Date.UTC(year, month - 1, day, hour, minute) - Math.floor(atMs / 60000) * 60000
  }
  // By days: a file asks for the same ones over and over. No day has two changes.
  const days = new Map<number, number>()
  const atDay = (day: number) => {
    const known = days.get(day) ?? compute(day * dayMs)
    days.set(day, known)
    return known
  }
  const halfHours = new Map<number, number>()
  const atHalfHour = (halfHour: number) => {
    const known = halfHours.get(halfHour) ?? compute(halfHour * halfHourMs)
    halfHours.set(halfHour, known)
    return known
  }
  return {
    name,
    aheadMs(atMs) {
      const day = Math.floor(atMs / dayMs)
      const ahead = atDay(day)
      return ahead === atDay(day + 1) ? ahead : atHalfHour(Math.floor(atMs / halfHourMs))
    },
  }
}

/**
 * The instants at which a clock of the zone shows a time, earliest first: one as a rule, none for a time that is skipped
 * in spring, two for one that comes twice in autumn.
 * @param wallMs what the clock shows, as if it were UTC
 */
export function instantsOf(zone: TimeZone, wallMs: number): number[] {
  const before = zone.aheadMs(wallMs - dayMs)
  const after = zone.aheadMs(wallMs + dayMs)
  const candidates = before === after ? [wallMs - before] : [wallMs - before, wallMs - after].sort((a, b) => a - b)
  return candidates.filter((atMs) => atMs + zone.aheadMs(atMs) === wallMs)
}

/** The instant at which a local day begins; where midnight is skipped, the first instant of the day. */
export function startOfLocalDay(zone: TimeZone, wallDayMs: number): number {
  return instantsOf(zone, wallDayMs)[0] ?? wallDayMs - zone.aheadMs(wallDayMs - dayMs)
}
