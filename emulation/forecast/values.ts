// The values that a user types for the forecast's parameters: shares, hours, windows, counts and ranges of them.

import type { Range } from './forecast.ts'
import { type ParameterName, parameterFacts, parameterProblem } from './parameters.ts'

/** @throws Error that says what is wrong and what is taken */
export class ValueError extends Error {}

const suffixes: { readonly [suffix in string]?: number } = { k: 1e3, m: 1e6, M: 1e6, bn: 1e9 }

/** Minutes since midnight of `HH:MM`, up to 24:00. */
function minuteOfDay(text: string): number | undefined {
  const [, hours, minutes] = /^(\d{1,2}):([0-5]\d)$/.exec(text) ?? []
  const minute = Number(hours) * 60 + Number(minutes)
  return hours !== undefined && minute <= 1440 ? minute : undefined
}

/** Hours of `6h`, `6`, `360min`, `00:00-06:00` or `22:00-04:00`. */
function hoursOf(text: string): number | undefined {
  const [from, to] = text.split('-').map(minuteOfDay)
  if (from !== undefined && to !== undefined) return ((to - from + 1440) % 1440 || 1440) / 60
  const [, number, unit] = /^(\d+(?:\.\d+)?)(h|min)?$/.exec(text) ?? []
  return number === undefined ? undefined : Number(number) / (unit === 'min' ? 60 : 1)
}

/** A number with an optional %, k, M or bn; `percent` is true where a range's other end had the sign. */
function numberOf(text: string, percent: boolean): number | undefined {
  const [, number, suffix] =
    /^(\d+(?:\.\d+)?(?:e\d+)?)(%|k|m|M|bn)?$/.exec(text.replaceAll('_', '').replaceAll(',', '')) ?? []
  if (number === undefined) return undefined
  if (suffix === '%' || (suffix === undefined && percent)) return Number(number) / 100
  return Number(number) * (suffixes[suffix ?? ''] ?? 1)
}

function parseOne(name: ParameterName, text: string, percent: boolean): number {
  const { flag, max } = parameterFacts[name]
  const value = name === 'windowHours' ? hoursOf(text) : numberOf(text, percent && max === 1)
  if (value === undefined) {
    const forms = name === 'windowHours' ? '6h, 360min or 00:00-06:00' : max === 1 ? '0.2 or 20%' : '1200, 1.2k or 30M'
    throw new ValueError(`--${flag} takes ${forms}, or a range such as ${rangeForm(name)}, not "${text}"`)
  }
  const shown = max === 1 && value > 1 && !text.includes('%') ? ` (did you mean ${text}%?)` : ''
  const problem = parameterProblem(name, value)
  if (problem !== undefined) throw new ValueError(problem + shown)
  return value
}

const rangeForm = (name: ParameterName) =>
  name === 'windowHours' ? '6..13h' : parameterFacts[name].max === 1 ? '20..40%' : '1..2'

/** One value or a range `low..high` of a parameter. @throws ValueError */
export function parseValue(name: ParameterName, text: string): Range {
  const [low = '', high, ...rest] = text.trim().split('..')
  if (rest.length > 0) throw new ValueError(`--${parameterFacts[name].flag} is one range, not "${text}"`)
  const percent = text.trim().endsWith('%')
  const from = parseOne(name, low.trim(), percent)
  const to = high === undefined ? from : parseOne(name, high.trim(), percent)
  if (from > to) throw new ValueError(`--${parameterFacts[name].flag} ${text}: the lower end comes first`)
  return { low: from, high: to }
}

const sweepSteps = 10
const sweepMax = 200

/** The parameter and values of `--sweep window=6h,8h,12h` or `--sweep cache=0..100%`. @throws ValueError */
export function parseSweep(text: string): { name: ParameterName; values: number[] } {
  const [, flag, list] = /^([a-z0-9-]+)=(.+)$/.exec(text.trim()) ?? []
  const names = Object.keys(parameterFacts) as ParameterName[]
  const name = names.find((one) => parameterFacts[one].flag === flag)
  if (name === undefined || list === undefined) {
    const flags = names.map((one) => parameterFacts[one].flag).join(', ')
    throw new ValueError(`--sweep is KEY=v1,v2,… or KEY=low..high with KEY one of ${flags}, not "${text}"`)
  }
  const values = list.split(',').flatMap((part) => {
    const { low, high } = parseValue(name, part)
    if (low === high) return [low]
    return Array.from({ length: sweepSteps + 1 }, (_, i) => low + ((high - low) * i) / sweepSteps)
  })
  if (values.length > sweepMax) throw new ValueError(`--sweep takes at most ${sweepMax} values, not ${values.length}`)
  return { name, values }
}
