// Simulated solar panels: generation, and the part of it that is exported.

import { dayMs, halfHourMs, startOfHalfHour } from '../../protocol/half-hour.ts'
import { randomAt } from '../emulator/random-at.ts'

/** Peak watts of a typical British installation: within G98 (16 A per phase, 3,680 W), which needs no prior approval. */
export const typicalPeakW = 3600

const stream = { sky: 11, cloud: 12, kind: 13 } as const

const degree = Math.PI / 180
/** Slightly north of London. */
const latitude = 52 * degree
/** A roof that faces south with a pitch of 35 degrees. */
const tilt = 35 * degree
/** Performance ratio: losses of inverter, wiring, temperature and dirt. */
const performance = 0.85

/**
 * Irradiance on the panels under a clear sky, in W/m2; 0 while the sun is below the horizon.
 *
 * Declination by day of the year; solar time is UTC (the equation of time, 16 minutes at most, is left out). Direct light
 * after Meinel, 1353 x 0.7^(m^0.678) for an air mass m; a tenth of it more is diffuse.
 */
function clearLight(atMs: number): number {
  const day = Math.floor(atMs / dayMs)
  const declination = -23.44 * degree * Math.cos((2 * Math.PI * (day + 10)) / 365.2425)
  const hourAngle = ((atMs - day * dayMs) / dayMs - 0.5) * 2 * Math.PI
  function cosineOver(angle: number): number {
    return Math.sin(angle) * Math.sin(declination) + Math.cos(angle) * Math.cos(declination) * Math.cos(hourAngle)
  }
  const height = cosineOver(latitude)
  if (height <= 0) return 0
  const direct = 1353 * 0.7 ** ((1 / Math.max(height, 0.02)) ** 0.678)
  // A roof tilted to the south is equivalent to a flat one further south.
  return direct * Math.max(0, cosineOver(latitude - tilt)) + direct * 0.1
}

/** Part of the clear-sky irradiance in a half-hour, 0.05 to 1. Days are overcast, broken or clear. */
function through(seed: number, halfHour: number): number {
  const day = Math.floor((halfHour * halfHourMs) / dayMs)
  const kind = randomAt(seed, day, stream.kind)
  const sky = randomAt(seed, day, stream.sky)
  const cloud = randomAt(seed, halfHour, stream.cloud)
  const overcast = 0.35 + 0.15 * Math.cos((2 * Math.PI * (day - 14)) / 365.25)
  if (kind < overcast) return (0.1 + 0.25 * sky) * (0.5 + cloud)
  if (kind < overcast + 0.4) return Math.min(1, (0.4 + 0.35 * sky) * (0.4 + 1.2 * cloud))
  return 0.88 + 0.08 * sky + 0.04 * cloud
}

/**
 * Energy that panels of `peakW` watts peak make in a half-hour, in whole Wh. A pure function, as `householdWh` is; the
 * same seed has the same weather whatever the roof.
 *
 * Season, sun height and length of day are those of 52 degrees north. Of days in January half are overcast, in July a
 * fifth; four in ten are broken, the rest clear, by chance. Never more than the rating. 1,000 W make 900 to 1,060 kWh a
 * year, and in June 3.5 to 7.5 times as much as in December.
 */
export function solarWh(seed: number, peakW: number, halfHour: number): number {
  const light = clearLight(startOfHalfHour(halfHour) + halfHourMs / 2)
  if (light === 0) return 0
  const watts = Math.min(peakW, peakW * (light / 1000) * performance * through(seed, halfHour))
  return Math.round(watts / 2)
}

/**
 * Active export of a half-hour, in whole Wh: what is left after the house's own share, which is the first 200 W and
 * 15 % of what is more: of a roof of 3,600 W a third in a year. The rule is an assumption, and so is the third.
 *
 * The own share is use that the household has on top of what it takes from the mains. So the roof changes the export
 * alone: `householdWh`, and readings of a real import, stay as they are. A real house would draw less at noon.
 */
export function solarExportWh(seed: number, peakW: number, halfHour: number): number {
  const made = solarWh(seed, peakW, halfHour)
  const own = Math.min(made, 100 + 0.15 * Math.max(0, made - 100))
  return Math.round(made - own)
}
