// A meter's configuration in plain form, for the model; and as the firmware reads it.

import { type Configuration, defaultConfiguration } from '../../../firmware/settings.ts'

/** Register from each quarter of an hour of the day on, in order, the first at 0. */
export type DayProfile = readonly (readonly [quarter: number, register: number])[]

export interface PlainTariff {
  /** Switches follow British local time, not UTC. */
  local: boolean
  profiles: readonly DayProfile[]
  /** Which profile holds on a weekday, at the weekend, and on dates of every year. */
  weekday: number
  weekend: number
  dates: readonly { month: number; day: number; profile: number }[]
}

export interface PlainSettings {
  pulsesPerKwh: number
  deviceProfile: number
  dailyReads: number
  checkpointWh: number
  billingDay: number
  halfHourWhMax: number
  tariff: PlainTariff | undefined
}

export const plainSettings: PlainSettings = {
  pulsesPerKwh: 1000,
  deviceProfile: 0,
  dailyReads: 14,
  checkpointWh: 100,
  billingDay: 1,
  halfHourWhMax: 41400,
  tariff: undefined,
}

/** Device profile whose midnight snapshots continue by an estimate of the time. */
export const secureProfile = 2

/** Eight registers, switched inside half-hours too. */
export const richTariff: PlainTariff = {
  local: true,
  profiles: [
    [
      [0, 0],
      [27, 5],
      [33, 1],
      [64, 2],
      [77, 47],
    ],
    [
      [0, 0],
      [35, 3],
      [79, 4],
    ],
    [[0, 6]],
  ],
  weekday: 0,
  weekend: 1,
  dates: [{ month: 12, day: 25, profile: 2 }],
}

/** SPEC.md section 11. */
export function tariffTable(tariff: PlainTariff | undefined): Uint8Array {
  if (tariff === undefined) return new Uint8Array(0)
  const bytes = [tariff.local ? 1 : 0, tariff.weekday, tariff.weekend, tariff.dates.length]
  for (const { month, day, profile } of tariff.dates) {
    const everyYear = 0x8000 + month * 32 + day
    bytes.push(everyYear & 255, everyYear >> 8, profile)
  }
  for (const profile of tariff.profiles) bytes.push(profile.length, ...profile.flat())
  return Uint8Array.from(bytes)
}

export function toConfiguration(plain: PlainSettings): Configuration {
  const { tariff, ...same } = plain
  return { ...defaultConfiguration(), ...same, tariff: tariffTable(tariff) }
}

/** British summer time, from the calendar: the last Sundays of March and October, at 01:00 UTC. */
export function isSummer(atMs: number): boolean {
  const year = new Date(atMs).getUTCFullYear()
  const change = (month: number) => {
    const last = new Date(Date.UTC(year, month, 31, 1))
    return last.getTime() - last.getUTCDay() * 86400000
  }
  return atMs >= change(2) && atMs < change(9)
}

/** The register that counts at an instant. */
export function plainRegister(tariff: PlainTariff | undefined, atMs: number): number {
  if (tariff === undefined) return 0
  const local = new Date(atMs + (tariff.local && isSummer(atMs) ? 3600000 : 0))
  const date = tariff.dates.find(({ month, day }) => month === local.getUTCMonth() + 1 && day === local.getUTCDate())
  const atWeekend = local.getUTCDay() % 6 === 0
  const profile = tariff.profiles[date?.profile ?? (atWeekend ? tariff.weekend : tariff.weekday)]!
  const quarter = local.getUTCHours() * 4 + Math.floor(local.getUTCMinutes() / 15)
  return profile.filter(([from]) => from <= quarter).at(-1)![1]
}
