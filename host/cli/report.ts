// smets1 report: traffic by hour, cohort, party and role, for reports and extracts. The bridge may run meanwhile.

import { dayMs } from '../../protocol/half-hour.ts'
import { recordsOf } from '../audit/read-trail.ts'
import { type Dimension, dimensions, type TrafficRow, trafficReport } from '../metrics/traffic-report.ts'
import { loadRegistry } from '../runtime/state-registry.ts'
import { CommandError, exitCode } from '../state/errors.ts'
import { type Command, type Options, stateOption, textOption } from './command.ts'
import { csvOf, tableOf } from './dcc-client.ts'
import { nowIn } from './now-in.ts'
import { instantOption } from './request-options.ts'

const defaultBy = 'hour,cohort,party,role'

function byOption(options: Options): Dimension[] {
  const names = (textOption(options, 'by') ?? defaultBy).split(',').map((name) => name.trim())
  const found = names.flatMap((name) => dimensions.find((one) => one === name) ?? [])
  if (found.length === names.length && new Set(names).size === names.length) return found
  throw new CommandError(
    exitCode.usage,
    `--by is a list of ${dimensions.join(', ')}, each once, not ${names.join(',')}`,
  )
}

/** The row as it is shown: with the mean time in the place of its sum. */
function columnsOf({ tookMsSum, ...row }: TrafficRow) {
  return { ...row, meanMs: row.answered === 0 ? '' : Math.round(tookMsSum / row.answered) }
}

export const reportCommand: Command = {
  name: 'report',
  summary: 'report traffic by hour, cohort, party and role: requests, targets, half-hours, wake-ups, sessions, bytes',
  options: [
    ['--by <list>', `dimensions by which rows are grouped: ${dimensions.join(', ')}`, defaultBy],
    ['--from <when>', 'recorded from this time: a date (00:00 UTC) or an instant (yesterday unless given)'],
    ['--to <when>', 'recorded before this time (now unless given)'],
    ['--format <table|csv|json>', 'format of the report', 'table'],
    ['--json', 'same as --format json'],
    ['--state <dir>', 'the state directory', '.smets1'],
  ],
  examples: ['smets1 report --format csv', 'smets1 report --by day,csp,settlement --from 2026-11-01 --to 2026-12-01'],
  async run(options, io) {
    const format = options.json === true ? 'json' : (textOption(options, 'format') ?? 'table')
    if (!['table', 'csv', 'json'].includes(format)) {
      throw new CommandError(exitCode.usage, `--format is table, csv or json, not ${format}`)
    }
    const by = byOption(options)
    const paths = stateOption(options)
    const nowMs = nowIn(paths)
    const fromMs = instantOption(options, 'from', Math.floor(nowMs / dayMs - 1) * dayMs)
    const toMs = instantOption(options, 'to', nowMs)
    if (toMs <= fromMs) throw new CommandError(exitCode.usage, '--to is not after --from')
    const registry = loadRegistry(paths)
    const rows = (await trafficReport(recordsOf(paths.audit), registry, by, { fromMs, toMs })).map(columnsOf)
    const between = { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() }
    if (format === 'json') io.stdout(`${JSON.stringify({ ...between, by, rows })}\n`)
    else if (format === 'csv') io.stdout(rows.length === 0 ? '' : csvOf(rows))
    else if (rows.length === 0) io.stdout(`there was no traffic from ${between.from} to ${between.to}\n`)
    else io.stdout(tableOf(rows))
    return exitCode.ok
  },
}
