// Whether a file's readings are half-hours, judged over all of them, and which of them fit.

import { halfHourMs } from '../../protocol/half-hour.ts'
import type { EnergyLedger } from './energy-ledger.ts'
import type { Value } from './half-hours.ts'
import { type Interval, intervalOf, inWords, longerStretches, usualLengthMs, usualStepMs } from './interval.ts'
import { leftOutRules } from './load-report.ts'
import type { TimedValue } from './register.ts'
import { type LoadError, type Reading, type Series, type StampRule, textOf } from './series.ts'
import { expectedLayouts } from './table-columns.ts'
import type { TimeZone } from './time-zone.ts'

export interface LoadOptions {
  /** What a stamp names; unless given what the layout says, else 'start'. */
  stamps?: StampRule
  /** Zone of stamps and days without one: an IANA name or an offset; UTC unless given. */
  zone?: string
  /** The meter or home to take from a file of several. */
  meter?: string
  /** The energy to take from a file of both; 'import' unless given. */
  direction?: 'import' | 'export'
  /** Take what fits of a file that is refused otherwise, and halve the energy of hours. */
  force?: boolean
  /** The most kWh of a half-hour; 34.5 unless given: 100 A on three phases of 230 V. At most 16,777. */
  maxKwh?: number
  /** Limits: 64 Mi bytes and 2,000,000 values unless given. */
  maxBytes?: number
  maxValues?: number
}

/** A file on its way: its series, the chosen meter's part of it, and where energy went that is not taken. */
export interface Job {
  series: Series
  options: LoadOptions
  zone: TimeZone | undefined
  stampsAt: StampRule
  maxKwh: number
  ledger: EnergyLedger
}

/** Faults that a file may have: a share of its values, and a few in a short file. */
const faultShare = 0.03
const faultsFree = 2

function firstRows(values: { reading: Reading }[], separator: string | undefined): string {
  const rows = values.slice(0, 3).map(({ reading: { record } }) => `line ${record.line}: ${textOf(record, separator)}`)
  return rows.join('; ')
}

/** The interval of the readings, and those that have another length removed; or why the file is refused. */
export function judgeInterval(
  values: TimedValue[],
  { series, options, ledger }: Job,
): { interval: Interval; values: TimedValue[] } | LoadError {
  const lengthMs = usualLengthMs(values.map((value) => value.lengthMs))
  const isBare = values.length > 0 && values.every(({ reading }) => reading.stamp?.isBareDate)
  const ms = lengthMs ?? (isBare ? 86400000 : usualStepMs(values.map(({ startMs }) => startMs))) ?? halfHourMs
  const interval = intervalOf(ms)
  const line = values[0]?.reading.record.line ?? 1
  const where = `First rows: ${firstRows(values, series.separator)}`
  if (interval.kind === 'hour' && options.force !== true) {
    const message = `the readings are of an hour each, and a meter needs half-hours. --force halves them, which marks them in the report as not measured. ${where}`
    return { code: 'interval', message, line }
  }
  if (interval.kind === 'unusable') {
    const message = `the readings are ${inWords(ms)} apart; a meter needs half-hours, or 5, 10 or 15 minutes to sum. ${where}`
    return { code: 'interval', message, line }
  }
  const longer =
    lengthMs === undefined
      ? longerStretches(
          values.map(({ startMs }) => startMs),
          ms,
        )
      : new Set<number>()
  const fitting = values.filter((value) => {
    const isOther =
      longer.has(value.startMs) || (lengthMs !== undefined && value.lengthMs !== undefined && value.lengthMs !== ms)
    if (isOther) ledger.leaveOut('other-length', value.reading, value.kwh)
    return !isOther
  })
  return { interval, values: fitting }
}

/** The values that are on the grid and that a connection can carry; of an hour two halves. */
export function fittingValues(
  values: TimedValue[],
  interval: Interval,
  { stampsAt, maxKwh, ledger }: Job,
  isRegister: boolean,
): Value[] {
  const isEnd = stampsAt === 'end' && !isRegister
  const gridMs = Math.min(interval.ms, halfHourMs)
  const most = (maxKwh * interval.ms) / halfHourMs
  return values.flatMap((value): Value[] => {
    const { reading, kwh } = value
    const startMs = isEnd ? value.startMs - interval.ms : value.startMs
    const reason = startMs % gridMs !== 0 ? 'off-grid' : kwh < 0 ? 'negative' : kwh > most ? 'absurd' : undefined
    if (reason !== undefined) {
      ledger.leaveOut(reason, reading, kwh)
      return []
    }
    if (interval.kind !== 'hour') return [{ reading, startMs, kwh }]
    return [0, halfHourMs].map((later) => ({ reading, startMs: startMs + later, kwh: kwh / 2 }))
  })
}

/** Refuses a file of which too much does not fit, or nothing is left. */
export function judgeFaults(job: Job, total: number, taken: number): LoadError | undefined {
  const { ledger, options } = job
  const reasons = ledger.reasons()
  const [most] = reasons
  const example = most?.first[0]
  if (taken === 0) {
    const why =
      most === undefined || example === undefined
        ? 'it has no row of data'
        : `from line ${example.line}: ${leftOutRules[most.reason].text}`
    const message = `the file has no usable value (${why}). ${expectedLayouts}`
    return { code: 'no-usable-row', message, ...(example === undefined ? {} : { line: example.line }) }
  }
  const faults = ledger.faults()
  if (options.force === true || most === undefined || faults <= Math.max(faultsFree, faultShare * total))
    return undefined
  const list = reasons.map(({ reason, count }) => `${leftOutRules[reason].text}: ${count}`).join('; ')
  const rows = most.first.slice(0, 3).map(({ line, text }) => `line ${line}: ${text}`)
  const message = `${faults} of ${total} values do not fit (${list}). First rows: ${rows.join('; ')}. --force takes the others.`
  return { code: 'misfit', message, line: example?.line ?? 1 }
}
