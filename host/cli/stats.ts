// smets1 stats: totals of a running bridge, or of the audit trail.

import { recordsOf } from '../audit/read-trail.ts'
import { createSelector } from '../audit/select.ts'
import { readConfig } from '../config/config.ts'
import { addEvent, noTotals } from '../metrics/event-totals.ts'
import { type Stats, statsOf, textOfStats } from '../metrics/statistics.ts'
import { CommandError, exitCode } from '../state/errors.ts'
import type { StatePaths } from '../state/state-directory.ts'
import { type Command, type Io, type Options, stateOption, textOption } from './command.ts'
import { instantOption } from './request-options.ts'

async function ofBridge(url: string): Promise<Stats> {
  const response = await fetch(`${url.replace(/\/+$/, '')}/stats`, { signal: AbortSignal.timeout(5000) }).catch(() => {
    throw new CommandError(
      exitCode.portUnavailable,
      `${url} does not answer: is the bridge running, with --metrics-port?`,
    )
  })
  if (!response.ok) throw new CommandError(exitCode.failed, `${url}/stats answers HTTP ${response.status}`)
  return (await response.json()) as Stats
}

async function ofTrail(paths: StatePaths, options: Options): Promise<Stats> {
  const fromMs = instantOption(options, 'from', Number.NEGATIVE_INFINITY)
  const toMs = instantOption(options, 'to', Number.POSITIVE_INFINITY)
  const select = createSelector({ fromMs, toMs })
  const totals = noTotals()
  for await (const record of recordsOf(paths.audit, { fromMs, toMs }))
    if (select(record) !== undefined) addEvent(totals, record)
  return statsOf(totals)
}

/** Of the bridge at its configured address, or of the audit trail. */
async function ofState(fromTrail: boolean, options: Options, io: Io): Promise<Stats> {
  const paths = stateOption(options)
  const { metricsHost, metricsPort } = readConfig(paths.config, io.env, {})
  return fromTrail || metricsPort === undefined
    ? ofTrail(paths, options)
    : ofBridge(`http://${metricsHost}:${metricsPort}`)
}

export const statsCommand: Command = {
  name: 'stats',
  summary: 'show totals: requests, answers, half-hours by source, cost on the line, and what the cache saved',
  options: [
    [
      '--url <url>',
      'metrics address of a running bridge: totals since it started (its configured address unless given)',
    ],
    ['--trail', 'totals from the audit trail instead, since it began'],
    ['--from <when>', 'from the audit trail, recorded at or after this: a date (00:00 UTC) or an instant'],
    ['--to <when>', 'from the audit trail, recorded before this'],
    ['--json', 'the totals as JSON'],
    ['--state <dir>', 'the state directory', '.smets1'],
  ],
  examples: ['smets1 stats --trail', 'smets1 stats --url http://127.0.0.1:9479 --json'],
  async run(options, io) {
    const fromTrail = options.trail === true || options.from !== undefined || options.to !== undefined
    const url = textOption(options, 'url')
    // A bridge can be asked from a machine without its state directory.
    const stats = url !== undefined && !fromTrail ? await ofBridge(url) : await ofState(fromTrail, options, io)
    io.stdout(options.json === true ? `${JSON.stringify(stats)}\n` : textOfStats(stats))
    return exitCode.ok
  },
}
