// smets1 read: one service request as a User, to a running bench.

import { dayMs } from '../../protocol/half-hour.ts'
import type { User } from '../access/parties.ts'
import { loadRegistry, readConfig } from '../config.ts'
import { responseCodes } from '../duis/response-code.ts'
import type { StatePaths } from '../state.ts'
import { type Command, CommandError, exitCode, type Io, stateOption, textOption, wholeOption } from './command.ts'
import { deviceOption, instantOption, userOption } from './request-options.ts'
import { csv, kWh, stamp, table, totalWh } from './show.ts'
import { loadIdentity, loadTrust } from './test-pki.ts'
import { readActiveImport, type UserOutcome } from './user-client.ts'

const formats = ['table', 'csv', 'json', 'xml'] as const

function show(outcome: UserOutcome, format: string, io: Io, explain: boolean, who: string): number {
  const { response, code } = outcome
  const good = code === 'I0'
  const meaning = responseCodes[code]
  const assumed = meaning?.confidence === 'M' ? ' (meaning of this code is an assumption)' : ''
  if (!good) io.stderr(`${who} gets ${code}${meaning ? `: ${meaning.name}` : ''}${assumed}\n`)
  if (!good && !explain) io.stderr('--explain says why, if the bridge may tell\n')
  if (explain) io.stderr(`${outcome.explanation ?? 'the bridge does not explain (start it with --explain)'}\n`)
  const entries = response?.entries ?? []
  if (format === 'xml') io.stdout(Buffer.from(outcome.xml).toString())
  else if (format === 'json') {
    const { acknowledgement, acknowledgedMs, answeredMs, explanation } = outcome
    const values = entries.map((entry) => ({ timestamp: stamp(entry.stampMs), wh: entry.wh }))
    io.stdout(
      `${JSON.stringify({ acknowledgement, code, acknowledgedMs, answeredMs, explanation, entries: values })}\n`,
    )
  } else if (good && format === 'csv') io.stdout(csv(entries))
  else if (good) {
    io.stdout(table(entries))
    io.stdout(
      `  ${entries.length} half-hours, ${kWh(totalWh(entries))}; I99 after ${outcome.acknowledgedMs} ms, I0 after ${outcome.answeredMs} ms\n`,
    )
  }
  return good ? exitCode.ok : exitCode.failed
}

/** Reads with the keys of a state directory. @throws CommandError */
export function readAs(
  paths: StatePaths,
  url: string,
  user: User,
  device: string,
  window: { startMs: number; endMs: number },
  timeoutMs: number,
): Promise<UserOutcome> {
  const identity = loadIdentity(paths.pki, user.name)
  const trust = loadTrust(paths.pki)
  const request = { identity, trust, url, callback: user.callback, device, ...window, timeoutMs }
  return readActiveImport(request, Date.now)
}

export const readCommand: Command = {
  name: 'read',
  argument: '<srv>',
  summary: 'sign and send a service request as a User, wait for the response (srv: 4.8.1)',
  options: [
    ['--as <user>', 'User that asks: supplier, mdr, network-operator, other-user, or an EUI-64', 'supplier'],
    ['--device <eui>', 'EUI-64 of the meter (the first of the registry unless given)'],
    ['--mpan <mpan>', 'the meter with this MPAN'],
    ['--from <when>', 'half-hours that end after this: a date (its 00:00Z) or an instant (yesterday unless given)'],
    ['--to <when>', 'half-hours that end by this (today, 00:00Z, unless given)'],
    ['--format <format>', 'table, csv, json, or xml (the response exactly as received)', 'table'],
    ['--json', 'the same as --format json'],
    ['--explain', 'also say which rule and which record decided'],
    ['--url <url>', 'the bridge (http://127.0.0.1:8079 unless configured)'],
    ['--state <dir>', 'the state directory with keys and registry', '.smets1'],
    ['--timeout <s>', 'seconds to wait for the response', 20],
  ],
  examples: ['smets1 read 4.8.1 --as mdr --from 2026-11-20 --to 2026-11-22', 'smets1 read 4.8.1 --format csv'],
  async run(options, io) {
    if (String(options.argument) !== '4.8.1') {
      throw new CommandError(
        exitCode.usage,
        `this version reads 4.8.1 (Read Active Import Profile Data), not ${options.argument}`,
      )
    }
    const paths = stateOption(options)
    const format = options.json === true ? 'json' : (textOption(options, 'format') ?? 'table')
    if (!formats.some((one) => one === format)) {
      throw new CommandError(exitCode.usage, `--format is ${formats.join(', ')}, not ${format}`)
    }
    const registry = loadRegistry(paths.registry)
    const user = userOption(options, registry)
    const device = deviceOption(options, registry)
    const today = Math.floor(Date.now() / dayMs) * dayMs
    const window = {
      startMs: instantOption(options, 'from', today - dayMs),
      endMs: instantOption(options, 'to', today),
    }
    const { httpHost, httpPort } = readConfig(paths.config, io.env, {})
    const url = (textOption(options, 'url') ?? `http://${httpHost}:${httpPort}`).replace(/\/+$/, '')
    const timeoutMs = (wholeOption(options, 'timeout', 1, 86400) ?? 20) * 1000
    const outcome = await readAs(paths, url, user, device, window, timeoutMs)
    return show(outcome, format, io, options.explain === true, `${user.name} (${user.eui})`)
  },
}
