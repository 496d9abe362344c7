// Several rehearsals of one scenario and seed side by side.

import { tableOf } from '../../host/cli/dcc-client.ts'
import type { Report } from './report.ts'

export interface Variant {
  label: string
  report: Report
}

const figures: readonly (readonly [string, (report: Report) => number])[] = [
  ['requests', ({ requests }) => requests.reduce((sum, row) => sum + row.requests, 0)],
  ['answered in time', ({ requests }) => requests.reduce((sum, row) => sum + row.inTime, 0)],
  ['late', ({ requests }) => requests.reduce((sum, row) => sum + row.late, 0)],
  ['failed or refused', ({ requests }) => requests.reduce((sum, row) => sum + row.failed + row.refused, 0)],
  ['device reads', ({ deviceReads }) => deviceReads],
  ['device reads saved', ({ cache }) => cache.deviceReadsSaved],
  ['half-hours without the meter, %', ({ cache }) => cache.hitShare * 100],
  ['DCO calls', ({ dco }) => dco.calls],
  ['DCO calls over 4 s', ({ dco }) => dco.over4Seconds],
  ['DCO calls at once', ({ dco }) => dco.mostAtOnce],
  ['SMS a meter and month', ({ wan }) => wan.at(-1)?.smsPerMeterMonth ?? 0],
  ['kB a meter and month', ({ wan }) => wan.at(-1)?.kilobytesPerMeterMonth ?? 0],
  ['most API calls in a minute', ({ wan }) => wan.at(-1)?.peakApiCallsPerMinute ?? 0],
  ['most contexts at once', ({ wan }) => wan.at(-1)?.mostContextsAtOnce ?? 0],
  ['longest response, s', ({ requests }) => Math.max(0, ...requests.map((row) => row.longestSeconds))],
  ['half-hours delivered, %', ({ completeness }) => deliveredShare(completeness)],
]

function deliveredShare(rows: Report['completeness']): number {
  const utc = rows.filter(({ kind }) => kind === 'utc')
  const wanted = utc.reduce((sum, row) => sum + row.wanted, 0)
  return wanted === 0 ? 0 : (100 * utc.reduce((sum, row) => sum + row.delivered, 0)) / wanted
}

const shown = (value: number) => Number(value.toFixed(2))

/** A row for each figure: its value in each variant, and how it differs from the first. */
export function comparisonRows(variants: readonly Variant[]): { [column: string]: string | number }[] {
  return figures.map(([name, of]) => {
    const row: { [column: string]: string | number } = { figure: name }
    const [first, ...others] = variants
    const base = first === undefined ? 0 : of(first.report)
    if (first !== undefined) row[first.label] = shown(base)
    for (const { label, report } of others) {
      const value = of(report)
      const change = base === 0 ? '' : ` (${value >= base ? '+' : ''}${shown(((value - base) / base) * 100)} %)`
      row[label] = `${shown(value)}${change}`
    }
    return row
  })
}

export function comparisonText(variants: readonly Variant[]): string {
  const [first] = variants
  if (first === undefined) return 'nothing was rehearsed\n'
  const { scenario, meters, days, seed } = first.report
  return `${scenario}: ${meters} meters, ${days} days, seed ${seed}\n\n${tableOf(comparisonRows(variants))}`
}
