// smets1 read: one service request as a User, to a running bench.

import { dayMs } from '../../protocol/half-hour.ts'
import type { User } from '../access/parties.ts'
import type { StampConvention } from '../catalogue/read-window.ts'
import { responseCodes } from '../catalogue/response-code.ts'
import { srvRow, srvTable } from '../catalogue/srv-table.ts'
import { readConfig } from '../config/config.ts'
import { bodyRow } from '../duis/bodies.ts'
import type { ReadFields } from '../duis/format.ts'
import { signingToolOf } from '../pki/open-signing-tool.ts'
import { loadIdentity, loadTrust } from '../pki/test-pki.ts'
import type { TrustStore } from '../pki/trust.ts'
import { loadRegistry } from '../runtime/state-registry.ts'
import { CommandError, exitCode } from '../state/errors.ts'
import type { StatePaths } from '../state/state-directory.ts'
import { type Command, given, type Io, stateOption, textOption, wholeOption } from './command.ts'
import { nowIn } from './now-in.ts'
import { readSources, sourceRuns, sourcesLine } from './read-sources.ts'
import { deviceOption, instantOption, userOption } from './request-options.ts'
import { dataCsv, dataJson, dataTable } from './show-response.ts'
import { sendRequest, signedRequest, type UserOutcome } from './user-client.ts'

const formats = ['table', 'csv', 'json', 'xml'] as const

interface ShowOptions {
  format: string
  explain: boolean
  /** The User, for messages. */
  who: string
  /** What the stamps of the meter's half-hours are. */
  stamps: StampConvention
}

function show(outcome: UserOutcome, { format, explain, who, stamps }: ShowOptions, io: Io): number {
  const { response, code } = outcome
  const good = code === 'I0'
  const meaning = responseCodes[code]
  const assumed = meaning?.confidence === 'M' ? ' (meaning of this code is an assumption)' : ''
  if (!good) io.stderr(`${who} gets ${code}${meaning ? `: ${meaning.name}` : ''}${assumed}\n`)
  if (!good && !explain) io.stderr('--explain says why, if the bridge may tell\n')
  if (explain) io.stderr(`${outcome.explanation ?? 'the bridge does not explain (start it with --explain)'}\n`)
  const data = response ?? {}
  const sources = readSources(outcome.sources, stamps)
  if (format === 'xml') io.stdout(Buffer.from(outcome.xml).toString())
  else if (format === 'json') {
    const { acknowledgement, acknowledgedMs, answeredMs, explanation } = outcome
    const delivery = response?.boxed ? { delivery: 'boxed (not standard)' } : {}
    const about = { acknowledgement, code, acknowledgedMs, answeredMs, explanation, ...delivery }
    io.stdout(`${JSON.stringify({ ...about, ...dataJson(data, sources) })}\n`)
  } else if (good && format === 'csv') io.stdout(dataCsv(data, sources))
  else if (good) {
    const took = `I99 after ${outcome.acknowledgedMs} ms, I0 after ${outcome.answeredMs} ms`
    const boxed = response?.boxed ? '; boxed delivery, which is not standard' : ''
    const from = sources.size === 0 ? '' : `; ${sourcesLine(sources)}`
    io.stdout(`${dataTable(data, stamps)}${from}; ${took}${boxed}\n${explain ? sourceRuns(sources).join('') : ''}`)
  }
  return good ? exitCode.ok : exitCode.failed
}

/** The reads that can be asked for: requests to a device. */
const reads = srvTable.filter(({ endpoint }) => endpoint === 'serviceS')

/** Whether a variant's body says for which window it asks. */
function hasPeriod(variant: string): boolean {
  return bodyRow(srvRow(variant)?.bodyName ?? '')?.kind === 'log'
}

/** Reads with the keys of a state directory. @throws CommandError */
export function readAs(
  paths: StatePaths,
  trust: TrustStore,
  url: string,
  user: User,
  device: string,
  variant: string,
  fields: ReadFields,
  timeoutMs: number,
): Promise<UserOutcome> {
  const identity = loadIdentity(paths.pki, user.name)
  const request = { identity, trust, url, callback: user.callback, device, variant, fields, timeoutMs }
  return sendRequest(request, () => nowIn(paths))
}

export const readCommand: Command = {
  name: 'read',
  argument: '<srv>',
  summary: `sign and send a service request as a User, and wait for the response (srv: ${reads.map(({ variant }) => variant).join(', ')})`,
  options: [
    'Who reads what',
    ['--as <user>', 'the User that asks: supplier, mdr, network-operator, other-user, or an EUI-64', 'supplier'],
    ['--device <eui>', 'EUI-64 of the meter (the first of the registry unless given)'],
    ['--mpan <mpan>', 'the meter with this MPAN'],
    ['--from <when>', 'readings stamped at or after this: a date (00:00 UTC) or an instant (yesterday unless given)'],
    ['--to <when>', 'readings stamped at or before this (today, 00:00 UTC, unless given)'],
    ['--for-settlement', 'send the attribute ForSettlement="true", which no published schema has'],
    'Output',
    ['--print', 'print the signed request and send nothing'],
    ['--format <table|csv|json|xml>', 'xml: the response exactly as received', 'table'],
    ['--json', 'the same as --format json'],
    ['--explain', 'also show the rule and the record that decided, or why the meter could not be read'],
    'Bridge and state',
    ['--url <url>', 'the bridge (http://127.0.0.1:8079 unless configured)'],
    ['--timeout <s>', 'seconds to wait for the response', 20],
    ['--keys-boxed <jar>', "the DCC's signing tool, if the bridge signs with its DSP key"],
    ['--state <dir>', 'the state directory with keys and registry', '.smets1'],
  ],
  examples: [
    'smets1 read 4.8.1 --as mdr --from 2026-11-20 --to 2026-11-22',
    'smets1 read 4.8.1 --format csv',
    'smets1 read 4.1.1 --as supplier',
    'smets1 read 4.8.1 --print > request.xml',
    'smets1 read 4.6.1 --as mdr --from 2026-11-01',
  ],
  async run(options, io) {
    const variant = String(options.argument)
    if (!reads.some((row) => row.variant === variant)) {
      const known = reads.map((row) => `${row.variant} ${row.name}`).join('\n  ')
      throw new CommandError(exitCode.usage, `${variant} is no read of a device; there are\n  ${known}`)
    }
    const paths = stateOption(options)
    const format = options.json === true ? 'json' : (textOption(options, 'format') ?? 'table')
    if (!formats.some((one) => one === format)) {
      throw new CommandError(exitCode.usage, `--format is ${formats.join(', ')}, not ${format}`)
    }
    const registry = loadRegistry(paths)
    const user = userOption(options, registry)
    const device = deviceOption(options, registry)
    const today = Math.floor(nowIn(paths) / dayMs) * dayMs
    const fields: ReadFields = options.forSettlement === true ? { forSettlement: true } : {}
    if (hasPeriod(variant)) {
      const startMs = instantOption(options, 'from', today - dayMs)
      fields.period = { startMs, endMs: instantOption(options, 'to', today) }
    } else if (textOption(options, 'from') !== undefined || textOption(options, 'to') !== undefined) {
      throw new CommandError(exitCode.usage, `${variant} reads registers as they are: it takes no --from and --to`)
    }
    if (options.print === true) {
      const identity = loadIdentity(paths.pki, user.name)
      io.stdout(`${signedRequest({ identity, device, variant, fields }, Date.now()).xml}\n`)
      return exitCode.ok
    }
    const { keysBoxed, httpHost, httpPort } = readConfig(paths.config, io.env, given(options, ['keysBoxed']))
    const trust = loadTrust(paths.pki, [], await signingToolOf({ keysBoxed }))
    const url = (textOption(options, 'url') ?? `http://${httpHost}:${httpPort}`).replace(/\/+$/, '')
    const timeoutMs = (wholeOption(options, 'timeout', 1, 86400) ?? 20) * 1000
    const outcome = await readAs(paths, trust, url, user, device, variant, fields, timeoutMs)
    const stamps = registry.device(device)?.stamps ?? 'end'
    const who = `${user.name} (${user.eui})`
    return show(outcome, { format, explain: options.explain === true, who, stamps }, io)
  },
}
