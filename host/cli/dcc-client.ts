// A User's side of requests that the DCC answers itself: signs, sends to serviceD, verifies the answer.

import type { User } from '../access/parties.ts'
import { responseCodes } from '../catalogue/response-code.ts'
import { readConfig } from '../config/config.ts'
import { formatNonDeviceRequest, type NonDeviceRequest } from '../duis/format-non-device.ts'
import { parseResponse, verifyResponse } from '../duis/read-response.ts'
import { requestIdOf } from '../duis/request.ts'
import { signDocument } from '../duis/sign.ts'
import type { XmlElement } from '../duis/xml-tree.ts'
import { signingToolOf } from '../pki/open-signing-tool.ts'
import { loadIdentity, loadTrust } from '../pki/test-pki.ts'
import { loadRegistry } from '../runtime/state-registry.ts'
import { CommandError, exitCode } from '../state/errors.ts'
import { given, type Io, type Options, type OptionTable, stateOption, textOption, wholeOption } from './command.ts'
import { nowIn } from './now-in.ts'
import { deviceOption, userOption } from './request-options.ts'
import { send } from './user-client.ts'

/** Options of every command that asks the DCC something. */
export const dccOptions: OptionTable = [
  'Who asks, about which meter',
  ['--as <user>', 'the User that asks: supplier, mdr, network-operator, other-user, or an EUI-64', 'supplier'],
  ['--device <eui>', 'EUI-64 of the meter (the first of the registry unless given)'],
  ['--mpan <mpan>', 'the meter with this MPAN'],
  'Output',
  ['--format <table|csv|json|xml>', 'xml: the answer exactly as received', 'table'],
  ['--json', 'the same as --format json'],
  ['--explain', 'if refused, also show the rule and the record that decided'],
  'Bridge and state',
  ['--url <url>', 'the bridge (http://127.0.0.1:8079 unless configured)'],
  ['--timeout <s>', 'seconds to wait for the answer', 20],
  ['--keys-boxed <jar>', "the DCC's signing tool, if the bridge signs with its DSP key"],
  ['--state <dir>', 'the state directory with keys and registry', '.smets1'],
]

export type DccAnswer = {
  code: string
  explanation: string | undefined
  /** The element in Body. */
  message: XmlElement
  xml: Uint8Array
}

export interface DccClient {
  user: User
  /** EUI-64 of the meter that the options name. */
  device(): string
  format: 'table' | 'csv' | 'json' | 'xml'
  /** The time by the bridge's clock, ms of UTC. */
  nowMs(): number
  ask(request: NonDeviceRequest): Promise<DccAnswer>
}

/** What the options say: who asks whom, with which keys. @throws CommandError, ConfigurationError */
export async function dccClient(options: Options, io: Io): Promise<DccClient> {
  const paths = stateOption(options)
  const named = options.json === true ? 'json' : (textOption(options, 'format') ?? 'table')
  const format = (['table', 'csv', 'json', 'xml'] as const).find((one) => one === named)
  if (format === undefined) throw new CommandError(exitCode.usage, `--format is table, csv, json or xml, not ${named}`)
  const registry = loadRegistry(paths)
  const user = userOption(options, registry)
  const timeoutMs = (wholeOption(options, 'timeout', 1, 3600) ?? 20) * 1000
  const { keysBoxed, httpHost, httpPort } = readConfig(paths.config, io.env, given(options, ['keysBoxed']))
  const tool = await signingToolOf({ keysBoxed })
  const url = (textOption(options, 'url') ?? `http://${httpHost}:${httpPort}`).replace(/\/+$/, '')
  return {
    user,
    device: () => deviceOption(options, registry),
    format,
    nowMs: () => nowIn(paths),
    async ask(request) {
      const identity = loadIdentity(paths.pki, user.name)
      const dsp = tool?.dsp ?? loadIdentity(paths.pki, 'dsp')
      const requestId = requestIdOf(identity.eui, dsp.eui, BigInt(Date.now()))
      const xml = signDocument(formatNonDeviceRequest(requestId, request), identity.signer)
      const { body, explanation } = await send(url, xml, timeoutMs, 'serviceD')
      const parsed = parseResponse(body)
      if (!parsed.ok) throw new CommandError(exitCode.failed, `the answer cannot be read: ${parsed.detail}`)
      const expected = { nowMs: nowIn(paths), dspEui: dsp.eui }
      const verified = verifyResponse(body, loadTrust(paths.pki, [], tool), expected)
      if (!verified.ok) {
        throw new CommandError(exitCode.failed, `the answer is not signed as it must be: ${verified.detail}`)
      }
      return { code: parsed.response.code, explanation, message: parsed.response.message, xml: body }
    },
  }
}

/** Prints rows in the format asked for, and what is to be said of the code; answers the exit code. */
export function showAnswer(
  answer: DccAnswer,
  client: DccClient,
  rows: readonly { [name: string]: string | number | undefined }[],
  explain: boolean,
  io: Io,
): number {
  const { code, explanation } = answer
  // A warning says that there is nothing: that is an answer.
  const good = !code.startsWith('E')
  const meaning = responseCodes[code]
  if (!/^I/.test(code)) {
    const assumed = meaning?.confidence === 'M' ? ' (meaning of this code is an assumption)' : ''
    const { name, eui } = client.user
    io.stderr(`${name} (${eui}) gets ${code}${meaning ? `: ${meaning.name}` : ''}${assumed}\n`)
    if (!good && !explain) io.stderr('--explain says why, if the bridge may tell\n')
  }
  if (explain) io.stderr(`${explanation ?? 'the bridge does not explain (start it with --explain)'}\n`)
  if (client.format === 'xml') io.stdout(Buffer.from(answer.xml).toString())
  else if (client.format === 'json') io.stdout(`${JSON.stringify({ code, explanation, rows })}\n`)
  else if (rows.length > 0) io.stdout(client.format === 'csv' ? csvOf(rows) : tableOf(rows))
  return good ? exitCode.ok : exitCode.failed
}

type Row = { readonly [name: string]: string | number | undefined }

/** Names of all columns that any row has. */
function columnsOf(rows: readonly Row[]): string[] {
  return [...new Set(rows.flatMap((row) => Object.keys(row)))]
}

/** RFC 4180, lines ended with a line feed. A cell that a spreadsheet would run is made text. */
export function csvOf(rows: readonly Row[]): string {
  const columns = columnsOf(rows)
  const cell = (value: string | number | undefined) => {
    const text = String(value ?? '')
    const safe = typeof value === 'string' && /^[=+\-@\t]/.test(text) ? `'${text}` : text
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
  }
  return [columns, ...rows.map((row) => columns.map((name) => row[name]))]
    .map((line) => `${line.map(cell).join(',')}\n`)
    .join('')
}

/** Columns padded with spaces; numbers to the right. */
export function tableOf(rows: readonly Row[]): string {
  const columns = columnsOf(rows)
  const text = (value: string | number | undefined) => String(value ?? '')
  const widths = columns.map((name) => Math.max(name.length, ...rows.map((row) => text(row[name]).length)))
  const line = (cells: (string | number | undefined)[]) => {
    const padded = cells.map((cell, i) => {
      return typeof cell === 'number' ? text(cell).padStart(widths[i]!) : text(cell).padEnd(widths[i]!)
    })
    return `  ${padded.join('  ').trimEnd()}\n`
  }
  return line(columns) + rows.map((row) => line(columns.map((name) => row[name]))).join('')
}
