// A load profile from a file of readings: decoded, laid out, judged as a whole, and only then taken. Nothing of a file is
// mended in silence: what is left out is counted, with its energy and its reason.

import { cutEmptyTails, readCsv } from './csv-records.ts'
import { decodeText } from './decode-text.ts'
import { createLedger, type EnergyLedger } from './energy-ledger.ts'
import { seriesOfXml } from './green-button.ts'
import { sumHalfHours } from './half-hours.ts'
import { type Instant, type InstantsResult, instantsOfSeries } from './instants.ts'
import { farApart } from './interval.ts'
import { seriesOfJson } from './json-readings.ts'
import { fittingValues, type Job, judgeFaults, judgeInterval, type LoadOptions } from './judge.ts'
import type { LoadProfile } from './load-profile.ts'
import { type LoadReport, listed } from './load-report.ts'
import { isNem12, seriesOfNem12 } from './nem12.ts'
import { decimalRuleOf, readNumberText } from './number-text.ts'
import { differences, judgeRegister, type TimedValue } from './register.ts'
import { type LoadError, type Reading, type Series, type SeriesResult, safe } from './series.ts'
import { expectedLayouts } from './table-columns.ts'
import { seriesOfTable } from './table-readings.ts'
import { timeZone } from './time-zone.ts'

export type LoadResult = { ok: true; profile: LoadProfile; report: LoadReport } | { ok: false; error: LoadError }

// A meter keeps a half-hour in 24 bits of Wh.
const meterKwhMax = 16777
/** More is no number of kWh, and sums would lose their last Wh. */
const kwhMax = 1e9

function refuse(code: LoadError['code'], message: string, line?: number): { ok: false; error: LoadError } {
  return { ok: false, error: line === undefined ? { code, message } : { code, message, line } }
}

async function seriesOf(bytes: Uint8Array, direction: 'import' | 'export'): Promise<SeriesResult> {
  if (bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3) {
    return refuse(
      'unrecognised',
      'this is an Excel workbook or a zip archive. Save the sheet as "CSV UTF-8", or unpack it.',
    )
  }
  const text = decodeText(bytes)
  const first = /\S/.exec(text)?.[0]
  if (first === undefined) return refuse('unrecognised', `the file is empty. ${expectedLayouts}`)
  if (first === '{' || first === '[') return seriesOfJson(text, direction)
  if (first === '<') return seriesOfXml(text, direction)
  const csv = readCsv(text)
  if (!csv.ok) return refuse('unrecognised', `no delimited text: ${csv.reason}. ${expectedLayouts}`, csv.line)
  if (csv.records.length === 0) return refuse('unrecognised', `the file is empty. ${expectedLayouts}`)
  cutEmptyTails(csv.records)
  return isNem12(csv.records)
    ? seriesOfNem12(csv.records, direction)
    : seriesOfTable(csv.records, csv.separator, direction)
}

/** The meter to take. */
function chosenMeter(
  series: Series,
  wanted: string | undefined,
): { ok: true; meter: string } | { ok: false; error: LoadError } {
  const names = new Set<string>()
  for (const { meter } of series.readings) if (meter !== '') names.add(meter)
  const list = [...names].slice(0, listed).map(safe).join(', ') + (names.size > listed ? ', …' : '')
  if (wanted === undefined) {
    if (names.size <= 1) return { ok: true, meter: [...names][0] ?? '' }
    return refuse('meters', `the file holds ${names.size} meters (${list}). Choose one with --meter.`)
  }
  if (names.has(wanted)) return { ok: true, meter: wanted }
  if (names.size === 0) return refuse('meters', 'the file has no column that names meters; leave --meter out.')
  return refuse('meters', `the file has no meter ${safe(wanted)}. It holds ${list}.`)
}

/** kWh of each reading; undefined for one without a number, which is left out. */
function kwhOf(readings: Reading[], atMs: Instant[], { series, ledger }: Job): (number | undefined)[] | LoadError {
  const values = function* () {
    for (const { value } of readings) yield value
  }
  const rule = decimalRuleOf(values(), series.separator)
  if (rule === 'ambiguous') {
    const message =
      'values such as 1,234 may be thousands or have a decimal comma, and nothing in the file says which. Write 1.234.'
    return { code: 'unit', message }
  }
  return readings.map((reading, i) => {
    const number = readNumberText(reading.value, rule)
    if (typeof number === 'object') {
      const kwh = number.value * (number.kwhEach ?? reading.kwhEach)
      if (Math.abs(kwh) <= kwhMax) return kwh
    }
    // A row whose stamp cannot be read either counts once, as that; a time that a clock skips needs no value.
    if (reading.stamp === undefined) return 0
    if (number === 'no-value' && atMs[i] === 'skipped') return undefined
    ledger.leaveOut(number === 'no-value' ? 'no-value' : 'not-a-number', reading, 0)
    return undefined
  })
}

/** Readings with a number and an instant; the others are left out. */
function timedValues(
  readings: Reading[],
  kwh: (number | undefined)[],
  atMs: Instant[],
  ledger: EnergyLedger,
): TimedValue[] {
  const found: TimedValue[] = []
  for (const [i, reading] of readings.entries()) {
    const [value, at] = [kwh[i], atMs[i]]
    if (value === undefined) continue
    if (reading.isRagged) ledger.leaveOut('columns', reading, value)
    else if (at === 'skipped') {
      // A column that a day does not need is often filled with zeros.
      if (value !== 0) ledger.leaveOut('skipped', reading, value)
    } else if (typeof at !== 'number') ledger.leaveOut('stamp', reading, value)
    else found.push({ reading, startMs: at, kwh: value, lengthMs: reading.lengthMs })
  }
  const apart = farApart(found.map(({ startMs }) => startMs))
  if (apart.size === 0) return found
  return found.filter((value) => {
    if (apart.has(value.startMs)) ledger.leaveOut('far-apart', value.reading, value.kwh)
    return !apart.has(value.startMs)
  })
}

function outOfOrder(values: TimedValue[], isNewestFirst: boolean): number {
  let count = 0
  let newest = Number.NEGATIVE_INFINITY
  for (const { startMs } of isNewestFirst ? values.toReversed() : values) {
    if (startMs < newest) count += 1
    newest = Math.max(newest, startMs)
  }
  return count
}

/** Everything from the readings of one meter to its half-hours. */
function importReadings(
  job: Job,
  readings: Reading[],
  placed: Extract<InstantsResult, { ok: true }>,
  total: number,
): LoadResult {
  const { series, options, ledger, maxKwh } = job
  const kwh = kwhOf(readings, placed.atMs, job)
  if (!Array.isArray(kwh)) return { ok: false, error: kwh }
  let values = timedValues(readings, kwh, placed.atMs, ledger)
  const sorted = values.toSorted((a, b) => a.startMs - b.startMs)
  const verdict =
    options.force === true && series.register === 'no' ? 'intervals' : judgeRegister(series, sorted, maxKwh)
  if (typeof verdict === 'object') return refuse('misfit', verdict.refused, sorted[0]?.reading.record.line)
  const isRegister = verdict === 'register'
  const disorder = outOfOrder(values, placed.isNewestFirst)
  if (isRegister) values = differences(sorted, ledger)
  const judged = judgeInterval(values, job)
  if ('code' in judged)
    return values.length === 0
      ? { ok: false, error: judgeFaults(job, total, 0) ?? judged }
      : { ok: false, error: judged }
  const { interval } = judged
  const fitting = fittingValues(judged.values, interval, job, isRegister)
  const { profile, kwh: takenKwh, gaps } = sumHalfHours(fitting, interval.kind === 'parts' ? interval.parts : 1, ledger)
  const error = judgeFaults(job, readings.length, profile.halfHours.length)
  if (error !== undefined) return { ok: false, error }
  const wh = profile.wh.reduce((sum, value) => sum + value, 0)
  const notes = [...series.notes]
  if (isRegister) notes.push('values are a register: half-hours are the differences of its readings')
  if (interval.kind === 'hour') notes.push('hours were halved (--force): their half-hours are not measured')
  const report: LoadReport = {
    layout: series.layout,
    intervalMs: interval.ms,
    stamps: isRegister ? 'start' : job.stampsAt,
    zone: placed.noZone === 0 ? undefined : series.isUtc ? 'UTC' : (job.zone?.name ?? 'UTC'),
    isMonthFirst: placed.isMonthFirst,
    values: total,
    readings: profile.halfHours.length,
    firstHalfHour: profile.halfHours[0] ?? 0,
    lastHalfHour: profile.halfHours.at(-1) ?? 0,
    wh,
    ...ledger.close(takenKwh, wh),
    outOfOrder: disorder,
    gaps,
    totals: series.totals,
    otherQuantityRows: series.otherQuantityRows,
    notes,
  }
  return { ok: true, profile, report }
}

/** Leaves the readings of other meters out. A row that names none belongs to the one that is taken. */
function ofMeter(job: Job, meter: string): Reading[] {
  const isOwn = (reading: Reading) => reading.meter === meter || reading.meter === ''
  const others = job.series.readings.filter((reading) => !isOwn(reading))
  const rule = decimalRuleOf(
    job.series.readings.map(({ value }) => value),
    job.series.separator,
  )
  for (const reading of others) {
    const number = readNumberText(reading.value, rule === 'comma' ? 'comma' : 'point')
    const kwh = typeof number === 'object' ? number.value * (number.kwhEach ?? reading.kwhEach) : 0
    job.ledger.leaveOut('other-meter', reading, Math.abs(kwh) <= kwhMax && job.series.register !== 'yes' ? kwh : 0)
  }
  return others.length === 0 ? job.series.readings : job.series.readings.filter(isOwn)
}

/**
 * Reads a load profile from the bytes of a file of readings. `expectedLayouts` names the layouts, which are recognised by
 * the names of columns; encodings, separators, stamps and numbers are recognised too.
 *
 * The file is judged as a whole first. It is refused, with the reason, when its column is not active energy in kWh, Wh or
 * MWh; when its readings are of hours or days; when the order of day and month, or the zone, matters and is not known;
 * when more than 3 % of its values do not fit. Readings of 1 to 15 minutes are summed; registers become differences.
 * Of a half-hour that stands twice the first in the file is kept. A gap stays a gap.
 * What is taken and what is left out adds up to the file's energy. Never throws on content.
 */
export async function importLoad(bytes: Uint8Array, options: LoadOptions = {}): Promise<LoadResult> {
  const { maxBytes = 64 * 1024 * 1024, maxValues = 2000000, direction = 'import' } = options
  if (bytes.length > maxBytes) {
    return refuse('too-large', `the file has ${bytes.length} bytes; at most ${maxBytes} are read. Split it.`)
  }
  const zone = options.zone === undefined ? undefined : timeZone(options.zone)
  if (options.zone !== undefined && zone === undefined) {
    return refuse('zone', `there is no zone ${safe(options.zone)}; examples are Europe/London, UTC and +01:00.`)
  }
  const result = await seriesOf(bytes, direction)
  if (!result.ok) return result
  const { series } = result
  const total = series.readings.length
  if (total > maxValues)
    return refuse('too-large', `the file has ${total} values; at most ${maxValues} are read. Split it.`)
  const chosen = chosenMeter(series, options.meter)
  if (!chosen.ok) return chosen
  const maxKwh = Math.min(options.maxKwh ?? 34.5, meterKwhMax)
  const stampsAt = series.stampsAt ?? options.stamps ?? series.stampsUsually ?? 'start'
  const job: Job = { series, options, zone, stampsAt, maxKwh, ledger: createLedger(series.separator) }
  const readings = ofMeter(job, chosen.meter)
  const placed = instantsOfSeries({ ...series, readings }, zone, stampsAt)
  return placed.ok ? importReadings(job, readings, placed, total) : placed
}
