// Settings of DCC schedules: the object `schedule` in config.json. Everything has a default; what no published text says
// is an assumption, named so below and in docs/reference/assumptions.md.

import { type DeviceDetails, deviceDefaults } from '../access/device-details.ts'
import { inScope, scopesOf, unknownScope } from './scopes.ts'
import { parseWindow, type Window } from './windows.ts'

export type ScheduleSettings = {
  /** Shifts the places of schedules in their windows. */
  seed: number
  /** Whether a start time that a User gave is exact, or is only the earliest in the window. */
  startTimes: 'exact' | 'window'
  /** By scope (scopes.ts); `MDR` is all traffic for settlement: of MDRs, and what a supplier marks ForSettlement. */
  windows: { [scope: string]: Window }
  /**
   * `scheduled`: windows are for schedules. `all`: traffic for settlement that is on demand or future-dated waits for
   * its window too, and schedules for settlement keep to it whatever start time they name (section 5.5).
   */
  settlementWindow: 'scheduled' | 'all'
  /** Scheduled requests under way at once. */
  underWayMax: number
  /** Runs missed while the bridge was off are caught up when they are no older than this. */
  catchUpHours: number
  /** Waits between tries of a run; the last one repeats until the target response time is over. */
  retryMinutes: readonly number[]
  /** The same by scope (scopes.ts), where it differs; the role is that of the schedule's owner. */
  retries: { [scope: string]: readonly number[] }
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
  'settlementWindow',
  'underWayMax',
  'catchUpHours',
  'retryMinutes',
  'retries',
  'cohortRates',
  'lineRate',
  'deleteCode',
]

const nightly = parseWindow('6h')!

export const defaultScheduleSettings: ScheduleSettings = {
  seed: 1,
  startTimes: 'exact',
  windows: { default: nightly, MDR: nightly },
  settlementWindow: 'scheduled',
  underWayMax: 16,
  catchUpHours: 24,
  retryMinutes: [1, 5, 15, 30, 60],
  retries: {},
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
    underWayMax: [1, 100_000],
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
    settlementWindow = settings.settlementWindow,
  } = value
  if (startTimes !== 'exact' && startTimes !== 'window') return bad('startTimes is "exact" or "window"')
  if (deleteCode !== 'I99' && deleteCode !== 'I0') return bad('deleteCode is "I99" or "I0"')
  if (settlementWindow !== 'scheduled' && settlementWindow !== 'all') {
    return bad('settlementWindow is "scheduled" or "all"')
  }
  const waits = readWaits(retryMinutes)
  if (waits === undefined) return bad('retryMinutes is a list of whole minutes from 1 to 1440')
  const retries = readNamed(value.retries, readWaits)
  if (retries === undefined) {
    return bad('retries gives each scope (a role, an S1SP, MDR/cohort:NAME, …) a list of whole minutes from 1 to 1440')
  }
  const windows = readNamed(value.windows, (one) => (typeof one === 'string' ? parseWindow(one) : undefined))
  if (windows === undefined) {
    return bad(
      'windows gives each scope (default, MDR, an S1SP, csp:NAME, cohort:NAME, MDR/cohort:NAME, …) a window: ' +
        '"22:00-04:00", 6h, 8h, 12h, 13h or 24h',
    )
  }
  const cohortRates = readNamed(value.cohortRates, (one) => (isWhole(one, 0, 60_000) ? one : undefined))
  if (cohortRates === undefined) return bad('cohortRates gives each cohort sessions a minute, 0 to 60000')
  return {
    ok: true,
    settings: {
      ...settings,
      startTimes,
      deleteCode,
      retryMinutes: waits,
      retries,
      settlementWindow,
      windows: { ...settings.windows, ...windows },
      cohortRates,
    },
  }
}

/** The window of a device's traffic, for settlement or not. */
export function windowFor(settings: ScheduleSettings, forSettlement: boolean, device: DeviceDetails): Window {
  return inScope(settings.windows, scopesOf(forSettlement ? 'MDR' : undefined, device)) ?? nightly
}

/** Waits between tries of a run, minutes, for the role of its owner and its device. */
export function retriesFor(
  settings: Pick<ScheduleSettings, 'retries' | 'retryMinutes'>,
  role: string,
  device: DeviceDetails,
): readonly number[] {
  return inScope(settings.retries, scopesOf(role, device)) ?? settings.retryMinutes
}

/** What of the settings can never apply to a device of the registry: a misspelt cohort, say. */
export function unknownNames(settings: ScheduleSettings, devices: readonly DeviceDetails[]): string[] {
  const problems: string[] = []
  for (const name of ['windows', 'retries'] as const) {
    for (const scope of Object.keys(settings[name])) {
      const unknown = unknownScope(scope, devices)
      if (unknown !== undefined) problems.push(`schedule.${name}["${scope}"]: ${unknown}`)
    }
  }
  for (const cohort of Object.keys(settings.cohortRates)) {
    // A device without a cohort counts for the one of its S1SP's name.
    if (devices.some((device) => (device.cohort ?? device.s1sp ?? deviceDefaults.s1sp) === cohort)) continue
    const unknown = unknownScope(`cohort:${cohort}`, devices) ?? 'no device counts for it'
    problems.push(`schedule.cohortRates["${cohort}"]: ${unknown}`)
  }
  return problems
}

/** Sessions a minute that a cohort may have; 0: no limit. */
export function cohortRate(settings: ScheduleSettings, cohort: string): number {
  return Object.hasOwn(settings.cohortRates, cohort) ? settings.cohortRates[cohort]! : 0
}

function readWaits(value: unknown): readonly number[] | undefined {
  if (!Array.isArray(value) || value.length === 0 || value.length > 100) return undefined
  return value.every((minutes) => isWhole(minutes, 1, 1440)) ? value : undefined
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
