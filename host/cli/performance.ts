// smets1 performance: how the target response times were met. The bridge may run meanwhile.

import { existsSync } from 'node:fs'
import { dayMs } from '../../protocol/half-hour.ts'
import { isDate } from '../access/settlement-day.ts'
import { measuresOf, type PerformanceRow, performanceRows, readCount } from '../metrics/performance-measures.ts'
import { CommandError, exitCode } from '../state/errors.ts'
import { openLmdbStore } from '../store/lmdb.ts'
import { type Command, type Options, stateOption, textOption } from './command.ts'
import { csvOf, tableOf } from './dcc-client.ts'
import { nowIn } from './now-in.ts'

function dayOption(options: Options, name: string, otherwise: string): string {
  const text = textOption(options, name) ?? otherwise
  if (!isDate(text)) throw new CommandError(exitCode.usage, `--${name} is a UTC day, 2026-11-22, not ${text}`)
  return text
}

const percent = (part: number, whole: number) => (whole === 0 ? '' : `${((100 * part) / whole).toFixed(2)} %`)

function columnsOf(row: PerformanceRow) {
  return {
    srv: row.srv,
    service: row.kind === 'onDemand' ? 'on demand' : row.kind,
    settlement: row.settlement ? 'yes' : 'no',
    targetS: row.trtMs / 1000,
    answers: row.answers,
    withinTarget: row.within,
    share: percent(row.within, row.answers),
    failed: row.failed,
    meanMs: Math.round(row.tookMsSum / row.answers),
    longestMs: row.tookMsMax,
  }
}

export const performanceCommand: Command = {
  name: 'performance',
  summary: 'report how target response times were met for each service request, and performance measures 3.1 to 3.3',
  options: [
    ['--from <day>', 'first UTC day (30 days ago unless given)'],
    ['--to <day>', 'last UTC day, included (today unless given)'],
    ['--format <table|csv|json>', 'form of the report', 'table'],
    ['--json', 'the same as --format json'],
    ['--state <dir>', 'the state directory', '.smets1'],
  ],
  examples: ['smets1 performance', 'smets1 performance --from 2026-11-01 --to 2026-11-30 --format csv'],
  async run(options, io) {
    const format = options.json === true ? 'json' : (textOption(options, 'format') ?? 'table')
    if (!['table', 'csv', 'json'].includes(format)) {
      throw new CommandError(exitCode.usage, `--format is table, csv or json, not ${format}`)
    }
    const paths = stateOption(options)
    const nowMs = nowIn(paths)
    const date = (atMs: number) => new Date(atMs).toISOString().slice(0, 10)
    const from = dayOption(options, 'from', date(nowMs - 30 * dayMs))
    const to = dayOption(options, 'to', date(nowMs))
    if (to < from) throw new CommandError(exitCode.usage, `--to ${to} is before --from ${from}`)
    let rows: PerformanceRow[] = []
    if (existsSync(paths.store)) {
      const store = openLmdbStore(paths.store, { performance: readCount })
      rows = performanceRows(store, from, to)
      await store.close()
    }
    const measures = measuresOf(rows)
    if (format === 'json') io.stdout(`${JSON.stringify({ from, to, rows, measures })}\n`)
    else if (format === 'csv') io.stdout(rows.length === 0 ? '' : csvOf(rows.map(columnsOf)))
    else if (rows.length === 0) io.stdout(`nothing was answered from ${from} to ${to}\n`)
    else {
      io.stdout(`${tableOf(rows.map(columnsOf))}\n`)
      const lines = measures.map(({ measure, what, answers, within }) => {
        return { measure, what, answers, within, share: percent(within, answers) }
      })
      io.stdout(tableOf(lines))
    }
    return exitCode.ok
  },
}
