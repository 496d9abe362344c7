// The runs of settlement: how many days after a Settlement Day each of them takes place. Dated data: which timetable holds
// depends on the Settlement Day.

import { dayMs } from '../../protocol/half-hour.ts'

/** A run and its distance from the Settlement Day: working days, or months of the calendar. */
export type SettlementRun = { readonly name: string } & ({ readonly workingDays: number } | { readonly months: number })

export interface SettlementTimetable {
  source: string
  /** From which Settlement Day each list of runs holds. */
  dated: readonly { readonly from: string; readonly runs: readonly SettlementRun[] }[]
}

const inForce: readonly SettlementRun[] = [
  { name: 'SF', workingDays: 16 },
  { name: 'R1', workingDays: 39 },
  { name: 'R2', workingDays: 84 },
  { name: 'R3', workingDays: 154 },
  { name: 'RF', workingDays: 292 },
]

const fromJuly2027: readonly SettlementRun[] = [
  { name: 'II', workingDays: 4 },
  { name: 'SF', workingDays: 7 },
  { name: 'R1', workingDays: 30 },
  { name: 'RF', workingDays: 84 },
  { name: 'DF', months: 20 },
]

export const settlementTimetables = {
  assessment: {
    source: 'design assumption DA2 of the impact assessment: SF 5 to 7 working days (7 is taken), RF four months',
    dated: [
      {
        from: '0001-01-01',
        runs: [
          { name: 'SF', workingDays: 7 },
          { name: 'RF', months: 4 },
        ],
      },
    ],
  },
  'in-force': {
    source: 'the timetable in force in 2026, for every Settlement Day',
    dated: [{ from: '0001-01-01', runs: inForce }],
  },
  'from-july-2027': {
    source: 'the timetable of Settlement Days from 2 July 2027, for every Settlement Day',
    dated: [{ from: '0001-01-01', runs: fromJuly2027 }],
  },
  dated: {
    source: 'the timetable in force, and from Settlement Day 2 July 2027 the new one',
    dated: [
      { from: '0001-01-01', runs: inForce },
      { from: '2027-07-02', runs: fromJuly2027 },
    ],
  },
} as const satisfies { readonly [name: string]: SettlementTimetable }

export type SettlementTimetableName = keyof typeof settlementTimetables

export const settlementTimetableNames = Object.keys(settlementTimetables) as SettlementTimetableName[]

/** Bank holidays of England and Wales that no rule gives. */
const extraHolidays = new Set(['2020-05-08', '2022-06-02', '2022-06-03', '2022-09-19', '2023-05-08'])
/** Rules that those days took the place of. */
const movedHolidays = new Set(['2020-05-04', '2022-05-30'])

const dateOf = (atMs: number) => new Date(atMs).toISOString().slice(0, 10)
const weekdayOf = (date: string) => new Date(`${date}T00:00Z`).getUTCDay()

/** Easter Sunday of a year (Meeus, Jones, Butcher), milliseconds UTC. */
function easterMs(year: number): number {
  const a = year % 19
  const b = Math.floor(year / 100)
  const c = year % 100
  const g = Math.floor((8 * b + 13) / 25)
  const h = (19 * a + b - Math.floor(b / 4) - g + 15) % 30
  const l = (32 + 2 * (b % 4) + 2 * Math.floor(c / 4) - h - (c % 4)) % 7
  const m = Math.floor((a + 11 * h + 19 * l) / 433)
  const month = Math.floor((h + l - 7 * m + 90) / 25)
  const day = (h + l - 7 * m + 33 * month + 19) % 32
  return Date.UTC(year, month - 1, day)
}

/** The n-th Monday of a month (from 1), or its last one with -1. */
function monday(year: number, month: number, n: number): string {
  const first = Date.UTC(year, month - 1, 1)
  const offset = (8 - new Date(first).getUTCDay()) % 7
  const mondays = [0, 1, 2, 3, 4].map((week) => first + (offset + 7 * week) * dayMs)
  const inMonth = mondays.filter((at) => new Date(at).getUTCMonth() === month - 1)
  return dateOf(inMonth.at(n < 0 ? n : n - 1) ?? first)
}

/** Bank holidays of England and Wales in a year: by the rules since 1978, and days proclaimed apart. */
export function bankHolidays(year: number): string[] {
  const easter = easterMs(year)
  const days = [
    dateOf(easter - 2 * dayMs),
    dateOf(easter + dayMs),
    monday(year, 5, 1),
    monday(year, 5, -1),
    monday(year, 8, -1),
  ]
  // A day on a weekend is made up for on the next weekday that is none already.
  for (const fixed of [`${year}-01-01`, `${year}-12-25`, `${year}-12-26`]) {
    let at = Date.parse(fixed)
    while ([0, 6].includes(new Date(at).getUTCDay()) || days.includes(dateOf(at))) at += dayMs
    days.push(dateOf(at))
  }
  const proclaimed = [...extraHolidays].filter((date) => date.startsWith(`${year}-`))
  return [...days.filter((date) => !movedHolidays.has(date)), ...proclaimed].sort()
}

const holidaysByYear = new Map<number, ReadonlySet<string>>()

export function isWorkingDay(date: string): boolean {
  const year = Number(date.slice(0, 4))
  const holidays = holidaysByYear.get(year) ?? new Set(bankHolidays(year))
  holidaysByYear.set(year, holidays)
  return weekdayOf(date) % 6 !== 0 && !holidays.has(date)
}

/** The date of a run for a Settlement Day. Months keep the day of the month, or take the last day of a shorter one. */
export function runDate(settlementDay: string, run: SettlementRun): string {
  const startMs = Date.parse(`${settlementDay}T00:00Z`)
  if ('months' in run) {
    const start = new Date(startMs)
    const target = Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + run.months + 1, 0)
    const last = new Date(target).getUTCDate()
    return dateOf(target - (last - Math.min(last, start.getUTCDate())) * dayMs)
  }
  let atMs = startMs
  for (let left = run.workingDays; left > 0; ) {
    atMs += dayMs
    if (isWorkingDay(dateOf(atMs))) left -= 1
  }
  return dateOf(atMs)
}

/** The runs of a Settlement Day, each with its date. */
export function runsOf(name: SettlementTimetableName, settlementDay: string): { name: string; date: string }[] {
  const { dated }: SettlementTimetable = settlementTimetables[name]
  const runs = dated.filter(({ from }) => from <= settlementDay).at(-1)?.runs ?? []
  return runs.map((run) => ({ name: run.name, date: runDate(settlementDay, run) }))
}
