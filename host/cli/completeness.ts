// smets1 completeness: what was received of each Settlement Day of an MPAN, period by period.

import { halfHourMs } from '../../protocol/half-hour.ts'
import type { Registry } from '../access/parties.ts'
import { firstDevice } from '../access/registry-rows.ts'
import { dayBefore, isDate, settlementDayBounds, settlementDayOf } from '../access/settlement-day.ts'
import { completeness, type DayReport, type PeriodStatus, statuses } from '../audit/day-completeness.ts'
import { recordsOf } from '../audit/read-trail.ts'
import { loadRegistry } from '../runtime/state-registry.ts'
import { CommandError, exitCode } from '../state/errors.ts'
import { type Command, type Options, stateOption, textOption } from './command.ts'
import { nowIn } from './now-in.ts'
import { userOption } from './request-options.ts'
import { stamp } from './show.ts'

const marks: { readonly [status in PeriodStatus]: string } = {
  meter: '█',
  shared: '▓',
  cache: '▒',
  late: '░',
  'not taken': '!',
  'not recorded': '-',
  missing: '·',
}

function dayOption(options: Options, name: string, otherwise: string): string {
  const text = textOption(options, name) ?? otherwise
  if (!isDate(text) || text < '1996-01-01' || text > '2099-12-31')
    throw new CommandError(exitCode.usage, `--${name} is a settlement day such as 2026-11-21, not ${text}`)
  return text
}

/** The MPAN, and the channel that its settlement needs. @throws CommandError */
function mpanOption(options: Options, registry: Registry): { mpan: string; channel: string } {
  const mpan = textOption(options, 'mpan') ?? firstDevice(registry)?.importMpan
  const device = mpan === undefined ? undefined : registry.deviceByMpan(mpan)
  if (mpan === undefined || device === undefined)
    throw new CommandError(
      exitCode.usage,
      mpan === undefined ? 'name an MPAN with --mpan' : `no device has the MPAN ${mpan}`,
    )
  return { mpan, channel: device.exportMpan === mpan ? 'active-export' : 'active-import' }
}

function summary({ counts, periods, complete }: DayReport): string {
  const parts = statuses.filter((status) => counts[status] > 0).map((status) => `${counts[status]} ${status}`)
  return `${complete ? 'complete' : 'incomplete'}, ${periods.length} periods: ${parts.join(', ')}`
}

function plotOf(reports: readonly DayReport[]): string {
  const width = Math.max(...reports.map(({ periods }) => periods.length))
  const names = Math.max(...reports.map(({ channel }) => channel.length))
  const legend = statuses.map((status) => `${marks[status]} ${status}`).join('  ')
  const lines = reports.map((report) => {
    const plot = report.periods.map((status) => marks[status]).join('')
    return `${report.day} ${report.channel.padEnd(names)} ${plot.padEnd(width)}  ${summary(report)}`
  })
  return `${lines.join('\n')}\n${' '.repeat(12 + names)}from local midnight; ${legend}\n`
}

function csvOf(reports: readonly DayReport[]): string {
  const rows = reports.flatMap(({ day, channel, periods }) =>
    periods.map((status, i) => {
      const starts = stamp(settlementDayBounds(day).startMs + i * halfHourMs)
      return [day, i + 1, starts, channel, status].join(',')
    }),
  )
  return `${['settlement_day,settlement_period,starts,channel,status', ...rows].join('\n')}\n`
}

export const completenessCommand: Command = {
  name: 'completeness',
  summary:
    'show for each settlement period how it was received: from the meter, from the cache, late, not recorded or missing',
  options: [
    'Which readings',
    ['--mpan <mpan>', 'the MPAN (import MPAN of the first meter of the registry unless given)'],
    ['--day <day>', 'settlement day in local time (yesterday unless given)'],
    ['--to <day>', 'the last settlement day, to show more than one'],
    ['--as <user>', 'only what this User received'],
    'Output and state',
    ['--format <plot|csv|json>', 'csv has one row per settlement period', 'plot'],
    ['--json', 'the same as --format json'],
    ['--strict', 'exit code 1 if a settlement period was not received'],
    ['--state <dir>', 'the state directory', '.smets1'],
  ],
  examples: ['smets1 completeness --mpan 1234567890126 --day 2026-11-20 --to 2026-11-26 --as mdr'],
  async run(options, io) {
    const paths = stateOption(options)
    const format = options.json === true ? 'json' : (textOption(options, 'format') ?? 'plot')
    if (!['plot', 'csv', 'json'].includes(format))
      throw new CommandError(exitCode.usage, `--format is plot, csv or json, not ${format}`)
    const registry = loadRegistry(paths)
    const { mpan, channel } = mpanOption(options, registry)
    const first = dayOption(options, 'day', dayBefore(settlementDayOf(nowIn(paths))))
    const last = dayOption(options, 'to', first)
    if (last < first) throw new CommandError(exitCode.usage, `--to ${last} is before --day ${first}`)
    const user = textOption(options, 'as') === undefined ? undefined : userOption(options, registry).eui
    const question = { mpan, channels: [channel], first, last, user }
    const reports = await completeness(recordsOf(paths.audit), question).catch((error: Error) => {
      throw error instanceof RangeError ? new CommandError(exitCode.usage, error.message) : error
    })
    if (format === 'json') io.stdout(`${JSON.stringify(reports)}\n`)
    else io.stdout(format === 'csv' ? csvOf(reports) : plotOf(reports))
    return options.strict === true && !reports.every(({ complete }) => complete) ? exitCode.failed : exitCode.ok
  },
}
