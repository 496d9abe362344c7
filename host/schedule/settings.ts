// Settings of DCC schedules: the object `schedule` in config.json. Everything has a default; what no published text says
// is an assumption, named so below and in the README.

import { parseWindow, type Window } from './windows.ts'

export type ScheduleSettings = {
  /** Turns where in their windows schedules go. */
  seed: number
  /** Whether a start time that a User gave is kept to the second, or is only the earliest in the window. */
  startTimes: 'exact' | 'window'
  /** By name of an S1SP, `MDR` for schedules of meter data retrievers, `default` for all others. */
  windows: { [name: string]: Window }
  /** Scheduled requests under way at once. */
  underWayMax: number
  /** Runs missed while the bridge was off are made up for when they are no older than this. */
  catchUpHours: number
  /** Waits between tries of a run; the last one repeats until the target response time is over. */
  retryMinutes: readonly number[]
  /** Sessions with meters a minute: by cohort (risk R4), and on any one line. 0: no limit. */
  cohortRates: { [cohort: string]: number }
  lineRate: number
  /** Success of 5.3: I99, because it has no data to return, or I0. */
  deleteCode: 'I99' | 'I0'
}

const known = [
  'seed',
  'startTimes',
  'windows',
  'underWayMax',
  'catchUpHours',
  'retryMinutes',
  'cohortRates',
  'lineRate',
  'deleteCode',
]

const nightly = parseWindow('6h')!

export const defaultScheduleSettings: ScheduleSettings = {
  seed: 1,
  startTimes: 'exact',
  windows: { default: nightly, MDR: nightly },
  underWayMax: 16,
  catchUpHours: 24,
  retryMinutes: [1, 5, 15, 30, 60],
  cohortRates: {},
  lineRate: 0,
  deleteCode: 'I99',
}

type Read = { ok: true; settings: ScheduleSettings } | { ok: false; detail: string }

/** Reads the object. `detail` says which setting is wrong and what it may be. */
export function readScheduleSettings(value: unknown): Read {
  if (value === undefined) return { ok: true, settings: defaultScheduleSettings }
  if (!isObject(value)) return bad(`expected an object of ${known.join(', ')}`)
  const unknown = Object.keys(value).find((name) => !known.includes(name))
  if (unknown !== undefined) return bad(`there is no setting "${unknown}"; there are ${known.join(', ')}`)
  const settings: ScheduleSettings = { ...defaultScheduleSettings }
  const numbers = {
    seed: [0, 0xffff_ffff],
    underWayMax: [1, 1024],
    catchUpHours: [0, 24],
    lineRate: [0, 60_000],
  } as const
  for (const [name, [from, to]] of Object.entries(numbers) as [keyof typeof numbers, [number, number]][]) {
    if (value[name] === undefined) continue
    if (!isWhole(value[name], from, to)) return bad(`${name} is a whole number from ${from} to ${to}`)
    settings[name] = value[name]
  }
  const {
    startTimes = settings.startTimes,
    deleteCode = settings.deleteCode,
    retryMinutes = settings.retryMinutes,
  } = value
  if (startTimes !== 'exact' && startTimes !== 'window') return bad('startTimes is "exact" or "window"')
  if (deleteCode !== 'I99' && deleteCode !== 'I0') return bad('deleteCode is "I99" or "I0"')
  const waits = Array.isArray(retryMinutes) && retryMinutes.length > 0 && retryMinutes.length <= 100
  if (!waits || !retryMinutes.every((minutes) => isWhole(minutes, 1, 1440))) {
    return bad('retryMinutes is a list of whole minutes from 1 to 1440')
  }
  const windows = readNamed(value.windows, (one) => (typeof one === 'string' ? parseWindow(one) : undefined))
  if (windows === undefined) {
    return bad('windows gives each name (an S1SP, MDR, default) a window: "22:00-04:00", 6h, 8h, 12h, 13h or 24h')
  }
  const cohortRates = readNamed(value.cohortRates, (one) => (isWhole(one, 0, 60_000) ? one : undefined))
  if (cohortRates === undefined) return bad('cohortRates gives each cohort sessions a minute, 0 to 60000')
  return {
    ok: true,
    settings: {
      ...settings,
      startTimes,
      deleteCode,
      retryMinutes,
      windows: { ...settings.windows, ...windows },
      cohortRates,
    },
  }
}

/** The window of a schedule: the MDRs' for an MDR, the S1SP's where it has one, the default one otherwise. */
export function windowFor(settings: ScheduleSettings, role: string, s1sp: string): Window {
  const name = role === 'MDR' ? 'MDR' : Object.hasOwn(settings.windows, s1sp) ? s1sp : 'default'
  return settings.windows[name]!
}

/** Sessions a minute that a cohort may have; 0: no limit. */
export function cohortRate(settings: ScheduleSettings, cohort: string): number {
  return Object.hasOwn(settings.cohortRates, cohort) ? settings.cohortRates[cohort]! : 0
}

function readNamed<T>(value: unknown, read: (one: unknown) => T | undefined): { [name: string]: T } | undefined {
  if (value === undefined) return {}
  if (!isObject(value)) return undefined
  const found = Object.entries(value).map(([name, one]) => [name, read(one)] as const)
  return found.some(([, one]) => one === undefined) ? undefined : (Object.fromEntries(found) as { [name: string]: T })
}

function isObject(value: unknown): value is { [name: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isWhole(value: unknown, from: number, to: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= from && value <= to
}

function bad(detail: string): Read {
  return { ok: false, detail }
}
