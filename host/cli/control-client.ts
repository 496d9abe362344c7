// A client of the control API of a bench on this machine: finds address and token in its state directory.

import { readFileSync } from 'node:fs'
import { type Call, pathMembers } from '../http/control/call.ts'
import { controlFiles } from '../http/control/tokens.ts'
import { CommandError, exitCode } from '../state/errors.ts'
import type { StatePaths } from '../state/state-directory.ts'

/** Longest time for an answer unless a caller says otherwise, ms. */
const timeoutMsUsual = 60_000

/** A file of a running control API. @throws CommandError when there is none */
function published(path: string, { root }: StatePaths): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    throw new CommandError(
      exitCode.failed,
      `no control API runs on ${root}: start smets1 up, or smets1 bridge --console-port 8080, or name another --state`,
    )
  }
}

/** Address of a call, and the members of its input that are neither in the path nor in the query. */
function addressOf(call: Call, input: { [name: string]: unknown }): { path: string; body: object | undefined } {
  const inPath = pathMembers(call)
  const asText = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))
  const path = call.path.replace(/\{(\w+)\}/g, (_, name: string) => {
    if (input[name] === undefined) throw new CommandError(exitCode.usage, `${call.name} needs ${name}=…`)
    return encodeURIComponent(asText(input[name]))
  })
  const rest = Object.entries(input).filter(([name, value]) => !inPath.includes(name) && value !== undefined)
  if (call.method === 'POST' || call.method === 'PUT') return { path, body: Object.fromEntries(rest) }
  const query = new URLSearchParams(rest.map(([name, value]): [string, string] => [name, asText(value)]))
  return { path: rest.length === 0 ? path : `${path}?${query}`, body: undefined }
}

const exitCodes: { readonly [status: number]: number } = { 400: exitCode.usage, 504: exitCode.timedOut }

/**
 * Makes a call. @throws CommandError when no control API runs there, when it refuses the call, or gives no answer in time
 */
export async function callControl(
  paths: StatePaths,
  call: Call,
  input: { [name: string]: unknown },
  { url: given, timeoutMs = timeoutMsUsual }: { url?: string | undefined; timeoutMs?: number } = {},
): Promise<unknown> {
  const url = (given ?? published(controlFiles.url(paths.control), paths)).replace(/\/+$/, '')
  const token = published(controlFiles.token(paths.control, call.scope), paths)
  const { path, body } = addressOf(call, input)
  const signal = AbortSignal.timeout(timeoutMs)
  const headers = { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) }
  const sent = { method: call.method, headers, signal, ...(body && { body: JSON.stringify(body) }) }
  const answered = await fetch(`${url}${path}`, sent).catch((error: Error) => {
    if (error.name === 'TimeoutError')
      throw new CommandError(exitCode.timedOut, `${url} gave no answer within ${timeoutMs / 1000} s`)
    throw new CommandError(
      exitCode.portUnavailable,
      `${url} does not answer: does the bench of ${paths.root} still run?`,
    )
  })
  const text = await answered.text()
  if (answered.ok) return JSON.parse(text)
  throw new CommandError(exitCodes[answered.status] ?? exitCode.failed, detailOf(text) ?? `HTTP ${answered.status}`)
}

/** The sentence of a refusal (RFC 9457). */
function detailOf(text: string): string | undefined {
  try {
    const problem: unknown = JSON.parse(text)
    const detail = typeof problem === 'object' && problem !== null && 'detail' in problem ? problem.detail : undefined
    return typeof detail === 'string' ? detail : undefined
  } catch {
    return undefined
  }
}
