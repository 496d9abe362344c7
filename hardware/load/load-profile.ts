// Readings as the load of a meter, and their shift to end yesterday.

import { firstHalfHourOfDay } from '../../protocol/half-hour.ts'
import { halfHoursPerDay } from '../../protocol/limits.ts'

/** Readings, oldest first; a half-hour that is not there is a gap. */
export interface LoadProfile {
  /** Numbers of half-hours since 1970, ascending. */
  halfHours: Int32Array
  /** Whole Wh of each. */
  wh: Int32Array
}

/** The load that a profile is: Wh by half-hour, `undefined` in a gap and outside. */
export function loadOf(profile: LoadProfile): (halfHour: number) => number | undefined {
  const { halfHours, wh } = profile
  return (halfHour) => {
    let low = 0
    let high = halfHours.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (halfHours[middle]! < halfHour) low = middle + 1
      else high = middle
    }
    return halfHours[low] === halfHour ? wh[low] : undefined
  }
}

/** The readings, so many days later. */
export function shiftProfile(profile: LoadProfile, days: number): LoadProfile {
  return { halfHours: profile.halfHours.map((halfHour) => halfHour + days * halfHoursPerDay), wh: profile.wh }
}

export interface ShiftedLoad {
  profile: LoadProfile
  /** Whole days added to every reading; weekdays move unless 7 divides it. */
  days: number
  /** Readings after the last day that the file has to its end, left out. */
  cut: number
}

/**
 * Shifts a profile by whole days so that the last UTC day that it has to its end is the day before `today`. Readings of a
 * day begun after that are left out, so that the profile ends exactly with yesterday.
 * @param today number of the UTC day since 1970
 * @returns `undefined` when the profile has no day to its end
 */
export function shiftToYesterday(profile: LoadProfile, today: number): ShiftedLoad | undefined {
  const end = (profile.halfHours.at(-1) ?? 0) + 1
  const lastDay = Math.floor(end / halfHoursPerDay) - 1
  const first = firstHalfHourOfDay(lastDay + 1)
  const kept = profile.halfHours.filter((halfHour) => halfHour < first).length
  if (kept === 0) return undefined
  const days = today - 1 - lastDay
  const whole = { halfHours: profile.halfHours.subarray(0, kept), wh: profile.wh.slice(0, kept) }
  return {
    profile: shiftProfile(whole, days),
    days,
    cut: profile.halfHours.length - kept,
  }
}
