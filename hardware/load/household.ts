// A simulated household: the load of an emulated meter without a file of readings.

import { dayMs, localAheadMs, startOfHalfHour, weekdayOfDay } from '../../protocol/half-hour.ts'
import { randomAt } from '../emulator/random-at.ts'

// A stream of random numbers for each use, so that a change of one habit does not change the others.
const stream = { fridge: 1, noise: 2, kettle: 3, dinner: 4, laundry: 5, away: 6, house: 7, oven: 8 } as const

/** Watts of lights, screens and cooking at a local hour while people are at home and awake, before the season. */
function habitWatts(hour: number, isWeekend: boolean): number {
  if (isWeekend) {
    if (hour < 8) return 15
    if (hour < 11) return 260
    if (hour < 17) return 220
    return hour < 23.5 ? 400 : 90
  }
  if (hour < 6.5) return 15
  if (hour < 9) return 300
  if (hour < 16.5) return 90
  return hour < 23 ? 400 : 90
}

/** Energy of the fridge in a half-hour, 12 to 32 Wh, not rounded. A part of `householdWh`. */
export function fridgeWh(seed: number, halfHour: number): number {
  return 12 + 20 * randomAt(seed, halfHour, stream.fridge)
}

/**
 * Energy of one half-hour of a simulated household, in whole Wh.
 *
 * A pure function: the same seed and half-hour (number since 1970, UTC) always give the same value, in any order, on any
 * machine. Different seeds are different households. The habits follow British local time, the half-hours UTC.
 *
 * - Base load 70 to 110 W by household, always. Fridge 12 to 32 Wh a half-hour.
 * - At home, weekdays: 300 W from 06:30 to 09:00, 90 W until 16:30, 400 W until 23:00. Weekends: 260 W from 08:00,
 *   220 W from 11:00, 400 W from 17:00 to 23:30. Nights 15 W, the time before 90 W. Each half-hour 60 % to 140 % of that,
 *   by chance.
 * - Season: those habits and the dinner take 20 % more in mid-January and 20 % less in mid-July.
 * - Kettle: 110 Wh, by chance in 30 % of morning and 12 % of other waking half-hours.
 * - Dinner on 70 % of days, begun between 17:00 and 19:30: 600 Wh, then 350 Wh in the half-hour after.
 * - Washing on 3 days of 7: 420, 220 and 110 Wh in a row, begun between 09:00 and 19:30.
 * - In one week of 26 the house is empty: base load and fridge only.
 *
 * The mean over a year is 8 to 10 kWh a day, the most in a half-hour under 1.7 kWh (3.4 kW).
 * @param seed any whole number; its low 32 bits count
 */
export function householdWh(seed: number, halfHour: number): number {
  const atMs = startOfHalfHour(halfHour)
  const localMs = atMs + localAheadMs(atMs)
  const day = Math.floor(localMs / dayMs)
  const slot = Math.floor((localMs - day * dayMs) / (dayMs / 48))
  const weekday = weekdayOfDay(day)
  const base = (70 + 40 * randomAt(seed, 0, stream.house)) / 2
  const always = base + fridgeWh(seed, halfHour)
  if (randomAt(seed, Math.floor((day + 3) / 7), stream.away) < 1 / 26) return Math.round(always)

  const season = 1 + 0.2 * Math.cos((2 * Math.PI * (day - 14)) / 365.25)
  const noise = 0.6 + 0.8 * randomAt(seed, halfHour, stream.noise)
  const habit = (habitWatts(slot / 2, weekday === 0 || weekday === 6) / 2) * noise
  return Math.round(
    always + (habit + dinnerWh(seed, day, slot)) * season + kettleWh(seed, halfHour, slot) + washWh(seed, day, slot),
  )
}

function kettleWh(seed: number, halfHour: number, slot: number): number {
  if (slot < 13) return 0
  return randomAt(seed, halfHour, stream.kettle) < (slot < 19 ? 0.3 : 0.12) ? 110 : 0
}

function dinnerWh(seed: number, day: number, slot: number): number {
  if (randomAt(seed, day, stream.dinner) >= 0.7) return 0
  const begin = 34 + Math.floor(6 * randomAt(seed, day, stream.oven))
  return slot === begin ? 600 : slot === begin + 1 ? 350 : 0
}

function washWh(seed: number, day: number, slot: number): number {
  const draw = randomAt(seed, day, stream.laundry) * 7
  if (draw >= 3) return 0
  const begin = 18 + Math.floor((draw % 1) * 22)
  return [420, 220, 110][slot - begin] ?? 0
}
