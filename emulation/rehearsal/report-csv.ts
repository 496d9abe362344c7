// The report of a rehearsal as CSV files, one a table.

import { csvOf } from '../../host/cli/dcc-client.ts'
import { type Measures, readKey } from './measures.ts'
import type { Report } from './report.ts'

/** File names and their texts. Cells that a spreadsheet would run are made text. */
export function csvFiles(report: Report, measures: Measures): { [file: string]: string } {
  const hourly = [...measures.requests]
    .map(([key, counts]) => ({ ...readKey(key), ...counts }))
    .sort((a, b) => a.hour - b.hour || (a.srv < b.srv ? -1 : 1))
    .map(({ settlement, ...row }) => ({
      at: new Date(Date.parse(report.start) + row.hour * 3_600_000).toISOString(),
      ...row,
      settlement: settlement ? 'yes' : 'no',
    }))
  const completeness = report.completeness.flatMap(({ runs, ...row }) => [
    { ...row, run: 'end', date: '', share: row.wanted === 0 ? 0 : row.delivered / row.wanted },
    ...runs.map(({ name, date, share }) => ({ ...row, run: name, date, share })),
  ])
  const files: { [file: string]: readonly { [column: string]: string | number | undefined }[] } = {
    'requests.csv': report.requests.map((row) => ({ ...row })),
    'requests-by-hour.csv': hourly,
    'hours-of-the-day.csv': report.byHour.map((row) => ({ ...row })),
    'wan.csv': report.wan.map((row) => ({ ...row })),
    'held-back.csv': report.heldBack,
    'codes.csv': report.codes,
    'cache-ages.csv': report.cache.ageHours,
    'completeness.csv': completeness,
    'performance.csv': report.performance,
  }
  return Object.fromEntries(Object.entries(files).map(([file, rows]) => [file, csvOf(rows)]))
}
