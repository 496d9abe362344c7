// Dates and times as people's files write them. Nothing here throws, whatever the text is.

import { dayMs } from '../../protocol/half-hour.ts'

/** A date and a time of day. Days are the instants of 00:00 UTC of the date, in milliseconds. */
export interface Stamp {
  /** The date; with two numbers of which either may be the month, day first. Not a number when there is no such date. */
  dayMs: number
  /** The date with the month first, where the text leaves that open. */
  monthFirstDayMs?: number
  /** Milliseconds after midnight. */
  timeMs: number
  /** Minutes ahead of UTC, where the text says so. */
  zoneMinutes?: number
  /** `timeMs` is time passed since local midnight, as Settlement Periods count, and not what a clock shows. */
  isElapsed?: true
  /** The text is a date alone. */
  isBareDate?: true
}

// Nothing longer is a stamp; it also keeps hostile lines cheap.
const lengthMax = 60

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const monthNumber = (name: string) => months.indexOf(name.slice(0, 3).toLowerCase()) + 1

/** 00:00 UTC of a date from 2000 to 2099; not a number when there is no such date. */
function dayOf(year: number, month: number, day: number): number {
  if (year < 2000 || year > 2099) return Number.NaN
  const date = new Date(Date.UTC(year, month - 1, day))
  // Date carries 31 February over into March.
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? date.getTime() : Number.NaN
}

type DateText = Pick<Stamp, 'dayMs' | 'monthFirstDayMs'>

const yearFirst = /^(\d{4})([-/.])(\d{1,2})\2(\d{1,2})$/
const yearLast = /^(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})$/
const compact = /^(\d{4})(\d{2})(\d{2})$/
const monthName = '(jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec)[a-z]*\\.?'
const namedDayFirst = new RegExp(`^(\\d{1,2})(?:st|nd|rd|th)?[- /]?${monthName},?[- /]?(\\d{4}|\\d{2})$`, 'i')
const namedMonthFirst = new RegExp(`^${monthName}[- ](\\d{1,2})(?:st|nd|rd|th)?,?[- ](\\d{4})$`, 'i')

/** A date, or undefined; a date that the calendar does not have is not a number. */
function readDateText(text: string): DateText | undefined {
  const first = yearFirst.exec(text) ?? compact.exec(text)
  if (first !== null) {
    const [, year, ...rest] = first
    const [month, day] = rest.slice(-2)
    return { dayMs: dayOf(Number(year), Number(month), Number(day)) }
  }
  const last = yearLast.exec(text)
  if (last !== null) {
    const [one, separator, two, written] = last.slice(1)
    const year = Number(written) + (written?.length === 2 ? 2000 : 0)
    const date = { dayMs: dayOf(year, Number(two), Number(one)) }
    // With dots the day is always first.
    return separator === '.' ? date : { ...date, monthFirstDayMs: dayOf(year, Number(one), Number(two)) }
  }
  const named = namedDayFirst.exec(text)
  if (named !== null) {
    const [day, month = '', written] = named.slice(1)
    return { dayMs: dayOf(Number(written) + (written?.length === 2 ? 2000 : 0), monthNumber(month), Number(day)) }
  }
  const american = namedMonthFirst.exec(text)
  if (american === null) return undefined
  const [month = '', day, year] = american.slice(1)
  return { dayMs: dayOf(Number(year), monthNumber(month), Number(day)) }
}

const clock = /^(\d{1,2})(?::(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?\s*([ap])?\.?(?:m\.?)?$/i
const compactClock = /^(\d{2})(\d{2})(\d{2})?$/

/** Milliseconds after midnight of HH:MM[:SS[.fraction]], of 12 hours with AM or PM, or of HHMM[SS]; 24:00 is the end. */
export function readTimeText(text: string): number | undefined {
  const digits = compactClock.exec(text)
  const found = digits ?? clock.exec(text)
  if (found === null) return undefined
  const half = digits === null ? found[5]?.toLowerCase() : undefined
  // A bare number is no time.
  if (digits === null && found[2] === undefined && half === undefined) return undefined
  let hour = Number(found[1])
  const minute = Number(found[2] ?? 0)
  const second = Number(found[3] ?? 0)
  const millisecond = digits === null ? Math.round(Number(`0.${found[4] ?? 0}`) * 1000) : 0
  if (half !== undefined) {
    if (hour < 1 || hour > 12) return undefined
    hour = (hour % 12) + (half === 'p' ? 12 : 0)
  }
  const pastHour = minute * 60000 + second * 1000 + millisecond
  if (minute > 59 || second > 59 || hour > 24 || (hour === 24 && pastHour > 0)) return undefined
  return hour * 3600000 + pastHour
}

const zone = /\s*(?:(Z|UTC|GMT|BST)|(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d{2}))?)(?:\s*(?:\[[\w/+-]+\]|UTC|GMT))?$/i

/** Cuts a zone from the end of a stamp: Z, UTC, GMT, BST, +01:00, +0100, +00, `+01:00[Europe/London]`. */
function cutZone(text: string): { rest: string; zoneMinutes?: number } {
  const found = zone.exec(text)
  if (found === null || found.index === 0) return { rest: text }
  const [, name, sign, hours, minutes = '0'] = found
  const rest = text.slice(0, found.index)
  if (name !== undefined) return { rest, zoneMinutes: name.toUpperCase() === 'BST' ? 60 : 0 }
  // The end of a date, 26-11-2026, looks like a zone; before a zone there is a time.
  if (!/\d:\d{2}|T\d{4}|[ap]\.?m\.?$/i.test(rest)) return { rest: text }
  const ahead = Number(hours) * 60 + Number(minutes)
  return { rest, zoneMinutes: sign === '-' ? -ahead : ahead }
}

/** Days between Excel's day 0, 1899-12-30, and 1970. */
const excelDaysBefore1970 = 25569
/** Serial days are written with as few as five decimals: 0.4 s. */
const excelRoundingMs = 5000

/** Epoch seconds or milliseconds, Excel serial days, or YYYYMMDDHHMM[SS]. */
function readNumber(text: string): Stamp | undefined {
  const number = Number(text)
  if (/^\d{9,10}(?:\.\d+)?$/.test(text)) return stampOfInstant(number * 1000)
  if (/^\d{12,13}$/.test(text) && number >= Date.UTC(2000, 0) && number <= Date.UTC(2100, 0))
    return stampOfInstant(number)
  const joined = /^(\d{8})(\d{4}(?:\d{2})?)$/.exec(text)
  if (joined !== null) return joinedStamp(joined[1] ?? '', joined[2] ?? '')
  if (!/^\d{5}(?:[.,]\d+)?$/.test(text)) return undefined
  const serialMs = (Number(text.replace(',', '.')) - excelDaysBefore1970) * dayMs
  const minuteMs = Math.round(serialMs / 60000) * 60000
  const atMs = Math.abs(serialMs - minuteMs) <= excelRoundingMs ? minuteMs : Math.round(serialMs)
  const day = Math.floor(atMs / dayMs) * dayMs
  const year = new Date(day).getUTCFullYear()
  if (year < 2000 || year > 2099) return undefined
  // A file of serials has whole numbers at midnight.
  return { dayMs: day, timeMs: atMs - day, ...(/[.,]/.test(text) ? {} : { isBareDate: true as const }) }
}

/** The stamp of an instant, in milliseconds UTC; undefined outside 2000 to 2099. */
export function stampOfInstant(atMs: number): Stamp | undefined {
  const day = Math.floor(atMs / dayMs) * dayMs
  const year = new Date(day).getUTCFullYear()
  return year >= 2000 && year <= 2099 ? { dayMs: day, timeMs: atMs - day, zoneMinutes: 0 } : undefined
}

function joinedStamp(date: string, time: string): Stamp | undefined {
  const day = readDateText(date)
  const timeMs = readTimeText(time)
  return day === undefined || timeMs === undefined || Number.isNaN(day.dayMs) ? undefined : { ...day, timeMs }
}

const weekday = /^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+/i

function isNoDate({ dayMs: day, monthFirstDayMs }: DateText): boolean {
  return Number.isNaN(day) && (monthFirstDayMs === undefined || Number.isNaN(monthFirstDayMs))
}

/**
 * Reads a date and time of day, or a date alone: ISO 8601, DD/MM/YYYY or MM/DD/YYYY, 26-Nov-2026, Nov 26, 2026,
 * YYYYMMDD; with HH:MM[:SS[.fraction]], 12-hour times, and a zone if there is one; epoch seconds and milliseconds; Excel
 * serial days. Dates from 2000 to 2099. Undefined for anything else.
 */
export function readStamp(text: string): Stamp | undefined {
  if (text.length === 0 || text.length > lengthMax) return undefined
  const number = readNumber(text)
  if (number !== undefined) return number
  const { rest, zoneMinutes } = cutZone(text.replace(weekday, '').replace(/\s+/g, ' '))
  const whole = readDateText(rest)
  if (whole !== undefined) {
    return isNoDate(whole) || zoneMinutes !== undefined ? undefined : { ...whole, timeMs: 0, isBareDate: true }
  }
  // The date ends at a T or at a blank; a named date has blanks of its own, so the last place that works is taken.
  const cuts = [...rest.matchAll(/(?<=\d)T(?=\d)|,? |(?<=\d{4}):(?=\d\d:)/gi)].reverse()
  for (const cut of cuts.slice(0, 6)) {
    const date = readDateText(rest.slice(0, cut.index))
    const timeMs = readTimeText(rest.slice(cut.index + cut[0].length))
    if (date !== undefined && timeMs !== undefined && !isNoDate(date)) {
      return { ...date, timeMs, ...(zoneMinutes === undefined ? {} : { zoneMinutes }) }
    }
  }
  return undefined
}

/** A date alone, for a column of dates. A time of midnight may stand behind it. */
export function readDate(text: string): Stamp | undefined {
  const stamp = readStamp(text)
  return stamp !== undefined && stamp.timeMs === 0 ? stamp : undefined
}
