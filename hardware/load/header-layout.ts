// The layout of a table by the names of its columns.

import {
  type ColumnRole,
  minutesOf,
  periodOf,
  quantityOf,
  roleOf,
  saysLocal,
  saysUtc,
  unitBehindName,
} from './column-names.ts'
import { type LoadError, safe } from './series.ts'
import {
  type CommonColumns,
  type DayRows,
  noColumns,
  type ReadingRows,
  type Refused,
  readingRows,
  type TableLayout,
} from './table-columns.ts'

/** Minutes of each of so many values a day, days on which clocks change among them. */
function minutesOfCount(count: number): number | undefined {
  return [60, 30, 15, 10, 5].find((minutes) => {
    const anHour = 60 / minutes
    return count >= 23 * anHour && count <= 25 * anHour
  })
}

function refuse(code: LoadError['code'], message: string): Refused {
  return { refused: { code, message } }
}

/** The unit that the names of a day's columns say: "HH1 (Wh)"; kWh where they say none. */
function slotUnits(names: string[]): { kwhEach: number; isUnitAssumed: boolean } | Refused {
  const found = new Set<number>()
  for (const name of names) {
    const isNamed = periodOf(name) !== undefined || minutesOf(name) !== undefined
    const quantity = quantityOf(isNamed ? unitBehindName(name) : name)
    if (quantity?.kind === 'other') return refuse('unit', `"${safe(name)}" is ${quantity.what}, not kWh, Wh or MWh.`)
    if (quantity?.kind === 'energy') found.add(quantity.kwhEach)
  }
  const [kwhEach = 1, ...more] = found
  return more.length === 0
    ? { kwhEach, isUnitAssumed: found.size === 0 }
    : refuse('unit', 'the columns of a day have different units.')
}

/** The columns of a row a day, if the header is one. */
function daysOf(names: string[], common: CommonColumns): DayRows | Refused | undefined {
  const periods = names.map(periodOf)
  const times = names.map(minutesOf)
  const isNamed = (i: number) => periods[i] !== undefined || times[i] !== undefined
  const roles = names.map((name, i) => (isNamed(i) ? undefined : roleOf(name)))
  const date = roles.findIndex((role) => role === 'date' || role === 'stamp' || role === 'start')
  if (date < 0) return undefined
  let slots = names.map((_, i) => i).filter(isNamed)
  // Columns of which nothing is known but that there is one for each half-hour.
  if (slots.length < 23) {
    slots = names
      .map((_, i) => i)
      .filter((i) => i > date && roles[i] === undefined && quantityOf(names[i] ?? '')?.kind !== 'other')
    if (slots.length < 46) return undefined
  }
  const minutes = minutesOfCount(slots.length)
  if (minutes === undefined) {
    return refuse('unrecognised', `the header has ${slots.length} columns of values a day; half-hours are 46 to 50.`)
  }
  const units = slotUnits(slots.map((column) => names[column] ?? ''))
  if ('refused' in units) return units
  const isClock = slots.every((i) => times[i] !== undefined)
  const isSettlement = slots.some((i) => /^(?:sp|hh|settlement|sett)/i.test(names[i] ?? ''))
  const isLocal = common.isLocal || isSettlement || saysLocal(names[date] ?? '')
  const name = `a row a day, ${slots.length} columns`
  return {
    ...common,
    ...units,
    kind: 'days',
    name,
    date,
    slots,
    slotMinutes: minutes,
    isClock,
    isLocal,
    endsWithTotal: false,
  }
}

/** Which column holds the energy, and what one of its unit is in kWh. */
interface Value {
  column: number
  kwhEach: number
  isUnitAssumed: boolean
  register: 'no' | 'perhaps' | 'yes'
}

/**
 * @param direction of the energy that is wanted
 * @param isUnitElsewhere a column or a line before the header says the unit
 */
function energyColumn(names: string[], direction: 'import' | 'export', isUnitElsewhere: boolean): Value | Refused {
  const quantities = names.map((name, column) => ({ name, column, quantity: quantityOf(name) }))
  const energy = quantities.flatMap(({ name, column, quantity }) =>
    quantity?.kind === 'energy' ? [{ name, column, ...quantity }] : [],
  )
  const quoted = (list: { name: string }[]) => list.map(({ name }) => `"${safe(name)}"`).join(', ')
  const opposite = direction === 'import' ? 'export' : 'import'
  const preferred = [
    energy.filter((one) => one.direction === direction && one.register === 'no'),
    energy.filter((one) => one.direction === undefined && one.register === 'no'),
    // The export meter of a home has a column "Consumption" too.
    direction === 'export' ? energy.filter((one) => one.direction === opposite && one.register === 'no') : [],
    energy.filter((one) => one.register === 'perhaps' && one.direction !== opposite),
    energy.filter((one) => one.register === 'yes' && one.direction !== opposite),
  ].map((list) => (list.length > 1 ? list.filter(({ name }) => roleOf(name) !== 'total') : list))
  const best = preferred.find((list) => list.length > 0)
  if (best !== undefined) {
    const [one, ...more] = best
    if (one === undefined || more.length > 0) {
      return refuse('unit', `several columns hold energy (${quoted(best)}). Leave only one of them in the file.`)
    }
    return { column: one.column, kwhEach: one.kwhEach, isUnitAssumed: false, register: one.register }
  }
  if (energy.length > 0) {
    return refuse('unit', `${quoted(energy)} is energy that is exported. Give the file with --load-export.`)
  }
  const open = quantities.filter(({ quantity }) => quantity?.kind === 'no-unit')
  const isOctopusApi = names.some((name) => name.toLowerCase() === 'interval_start')
  const [one, ...more] = open
  if (one !== undefined && more.length === 0) {
    const isKwh = isOctopusApi && one.name.toLowerCase() === 'consumption'
    const isValue =
      one.quantity?.kind === 'no-unit' &&
      one.quantity.isValue &&
      !quantities.some(({ quantity }) => quantity?.kind === 'other')
    const register = /\b(?:register|index|readings?)\b/i.test(one.name) ? 'perhaps' : 'no'
    if (isUnitElsewhere) return { column: one.column, kwhEach: Number.NaN, isUnitAssumed: false, register }
    if (isKwh || isValue) return { column: one.column, kwhEach: 1, isUnitAssumed: !isKwh, register: 'no' }
  }
  const others = quantities.flatMap(({ name, quantity }) =>
    quantity?.kind === 'other'
      ? [`"${safe(name)}" is ${quantity.what}`]
      : quantity?.kind === 'no-unit'
        ? [`"${safe(name)}" names no unit`]
        : [],
  )
  const why = others.length === 0 ? `none of ${quoted(quantities)} is known` : others.join(', ')
  return refuse(
    'unit',
    `no column is active energy in kWh, Wh or MWh: ${why}. If one is, write so in its name: "Energy (kWh)".`,
  )
}

/** The stamp of a reading: which columns say it. */
function stampOf(names: string[], value: number): Partial<ReadingRows> | undefined {
  const roles = names.map((name, i) => (i === value ? undefined : roleOf(name)))
  const column = (role: ColumnRole) => roles.indexOf(role)
  const [start, end, stamp] = [column('start'), column('end'), column('stamp')]
  const [date, time, period] = [column('date'), column('time'), column('period')]
  if (start >= 0) return { start, end, date, stampsAt: 'start', name: 'start, end and value' }
  if (stamp >= 0) return { start: stamp, end, ...(end >= 0 ? { stampsAt: 'start' } : {}), name: 'a stamp and a value' }
  if (date >= 0 && period >= 0) return { date, period, stampsAt: 'start', name: 'date and period' }
  if (end >= 0) return { start: end, date, stampsAt: 'end', name: 'an end and a value' }
  if (date >= 0)
    return time >= 0
      ? { date, start: time, name: 'date, time and value' }
      : { start: date, name: 'a stamp and a value' }
  return time >= 0 ? { start: time, name: 'a stamp and a value' } : undefined
}

/** The name that people know a layout by. */
function knownName(names: string[], fallback: string): string {
  const has = (pattern: RegExp) => names.some((name) => pattern.test(name.trim()))
  if (has(/^lclid$/i)) return 'Low Carbon London'
  if (has(/^energyConsumption\b/i)) return 'n3rgy'
  if (has(/^consumption(?: \(kwh\))?$/i) && (has(/^start$/i) || has(/^interval_start$/i))) return 'Octopus'
  if (has(/^pence$/i) && has(/^kwh$/i)) return 'Glowmarkt'
  return fallback
}

/**
 * The layout that a row of names is the header of. Undefined when it names no stamp; refused when it does, but no energy.
 * @param unit what a line before the header says of the unit
 */
export function layoutOfHeader(
  names: string[],
  direction: 'import' | 'export',
  unit: string | undefined,
): TableLayout | Refused | undefined {
  const roles = names.map((name) =>
    periodOf(name) === undefined && minutesOf(name) === undefined ? roleOf(name) : undefined,
  )
  if (!roles.some((role) => role !== undefined && /^(?:start|end|stamp|date|time)$/.test(role))) return undefined
  const common = {
    ...noColumns,
    columnCount: names.length,
    meter: roles.indexOf('meter'),
    unit: roles.indexOf('unit'),
    isUtc: names.some((name, i) => /^(?:start|end|stamp|date|time)$/.test(roles[i] ?? '') && saysUtc(name)),
    isLocal: names.some((name, i) => roles[i] !== undefined && saysLocal(name)),
  }
  const days = daysOf(names, common)
  if (days !== undefined) return days
  const value = energyColumn(names, direction, common.unit >= 0 || unit !== undefined)
  const stamp = stampOf(names, 'refused' in value ? -1 : value.column)
  if (stamp === undefined) return undefined
  if ('refused' in value) return value
  const isSettlement = stamp.period !== undefined
  const name = knownName(names, stamp.name ?? '')
  return {
    ...readingRows,
    ...common,
    ...stamp,
    name,
    isLocal: common.isLocal || isSettlement,
    value: value.column,
    kwhEach: value.kwhEach,
    isUnitAssumed: value.isUnitAssumed,
    register: value.register,
    // n3rgy stamps the end of the half-hour.
    stampsUsually: name === 'n3rgy' ? 'end' : undefined,
  }
}
