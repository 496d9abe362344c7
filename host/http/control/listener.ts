// The listener of the control API: checks who calls, finds the call, answers in JSON. Loopback only.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { redacted } from '../../audit/redact.ts'
import type { Lifecycle } from '../../bridge/lifecycle.ts'
import type { ReportSecurity } from '../../state/security-event.ts'
import { limitConnections, peerOf } from '../connection-limits.ts'
import { closeServer } from '../listen.ts'
import { createRateLimit, type RateLimit } from '../rate-limit.ts'
import { bodyOf } from '../request-body.ts'
import { pathOf } from '../request-target.ts'
import { type Call, CallError, pathMembers, type Scope, statusOf } from './call.ts'
import { calls } from './calls.ts'
import type { Controlled } from './controlled.ts'
import { openApiDocument } from './open-api.ts'
import { bind, type ControlOptions, loopback } from './port.ts'
import { fromText, membersOf } from './shape.ts'
import { allows, createTokens, type Tokens } from './tokens.ts'

const limits = {
  bodyBytesMax: 65_536,
  connections: { connectionsMax: 128, perPeer: 128, waitingMax: 96 },
  requestMs: 10_000,
  /** Calls with a valid token, and calls without one: so many at once, and then so many a second. */
  calls: { atOnce: 500, perSecond: 250 },
  strangers: { atOnce: 20, perSecond: 2 },
  auditedCharacters: 1_000,
}

const headers = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}

function send(response: ServerResponse, status: number, type: string, body: string, more: object = {}): void {
  response.writeHead(status, {
    ...headers,
    ...more,
    'content-type': type,
    'content-length': Buffer.byteLength(body),
  })
  response.end(body)
}

const titles: { readonly [status: number]: string } = {
  400: 'bad input',
  401: 'no valid token',
  403: 'not allowed',
  404: 'not found',
  405: 'wrong method',
  409: 'not possible now',
  413: 'too large',
  415: 'wrong content type',
  429: 'too many calls',
  500: 'fault',
  504: 'timed out',
}

function refuse(response: ServerResponse, status: number, detail: string, more: object = {}): void {
  const problem = { title: titles[status] ?? 'refused', status, detail }
  send(response, status, 'application/problem+json', `${JSON.stringify(problem)}\n`, more)
}

/** The names under which the listener may be called. Any other is that of a page of somebody else (DNS rebinding). */
function hostsOf(url: string): ReadonlySet<string> {
  const { port } = new URL(url)
  return new Set([loopback, 'localhost', '[::1]'].map((name) => `${name}:${port}`))
}

/** @throws CallError for a call that comes from a page of another origin, or by a name that is not ours */
function checkOrigin(
  { headers: { host = '', origin, 'sec-fetch-site': site } }: IncomingMessage,
  hosts: ReadonlySet<string>,
) {
  if (!hosts.has(host.toLowerCase()))
    throw new CallError(403, `Host "${host}" is not this listener: call it by ${[...hosts].join(' or ')}`)
  const isOurs = origin === undefined || hosts.has(origin.replace(/^http:\/\//, ''))
  if (!isOurs) throw new CallError(403, `Origin "${origin}" is not this listener: pages of others may not call it`)
  if (site !== undefined && site !== 'same-origin' && site !== 'none')
    throw new CallError(403, 'pages of others may not call this listener')
}

/** The call of a path, and the texts of the members that are in the path. */
function findCall(method: string, pathname: string): { call: Call; fromPath: { [name: string]: string } } {
  const given = pathname.split('/')
  const atPath = calls.filter(({ path }) => {
    const parts = path.split('/')
    return parts.length === given.length && parts.every((part, i) => part.startsWith('{') || part === given[i])
  })
  // A path that is written out counts before one with a name in braces.
  atPath.sort((a, b) => pathMembers(a).length - pathMembers(b).length)
  const found = atPath.find((one) => one.method === method)
  if (found === undefined) {
    if (atPath.length === 0) throw new CallError(404, `there is no ${pathname}: GET /openapi.json lists all calls`)
    throw new CallError(405, `${pathname} takes ${atPath.map((one) => one.method).join(', ')}, not ${method}`)
  }
  const fromPath: { [name: string]: string } = {}
  found.path.split('/').forEach((part, i) => {
    if (part.startsWith('{')) fromPath[part.slice(1, -1)] = decoded(given[i] ?? '')
  })
  return { call: found, fromPath }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw new CallError(400, `${part} is not written as an address: use %25 for a percent sign`)
  }
}

async function readBody(request: IncomingMessage, { bodyBytesMax = limits.bodyBytesMax }: Call): Promise<object> {
  const body = await bodyOf(request, bodyBytesMax)
  if (body === undefined) throw new CallError(400, 'the connection ended before the body did')
  if (body === 'too large') throw new CallError(413, `the body has more than ${bodyBytesMax} bytes`)
  if (body.length === 0) return {}
  if (!/^application\/json\b/i.test(request.headers['content-type'] ?? ''))
    throw new CallError(415, 'the body must be JSON with content-type: application/json')
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(body).toString('utf8'))
  } catch (error) {
    throw new CallError(400, `the body is not JSON: ${(error as Error).message}`)
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  throw new CallError(400, 'the body must be a JSON object')
}

/** The input of a call: members from the path, and from the query or the body. */
async function inputOf(request: IncomingMessage, call: Call, url: URL, fromPath: { [name: string]: string }) {
  const members = membersOf(call.input)
  const read = (entries: Iterable<[string, string]>) =>
    Object.fromEntries([...entries].map(([name, value]) => [name, fromText(value, members[name] ?? {})]))
  const hasBody = call.method === 'POST' || call.method === 'PUT'
  if (!hasBody) request.resume()
  const given = hasBody ? await readBody(request, call) : read(url.searchParams)
  return { ...given, ...read(Object.entries(fromPath)) }
}

interface Listening {
  controlled: Controlled
  tokens: Tokens
  hosts: ReadonlySet<string>
  url: string
  rates: { calls: RateLimit; strangers: RateLimit }
  report: ReportSecurity
}

/**
 * Counts a call at its own rate: callers without a token take nothing from those with one.
 * @returns the scope of its token, if it has a valid one @throws CallError for one call too many
 */
function countCall({ tokens, rates }: Listening, request: IncomingMessage): Scope | undefined {
  const held = tokens.scopeOf(request.headers.authorization)
  if (held !== undefined && !rates.calls.take()) throw new CallError(429, 'too many calls: wait a second')
  if (held === undefined && !rates.strangers.take())
    throw new CallError(429, 'too many calls without a valid token: wait a second')
  return held
}

/** Runs a call; one that changes something, or shows MPANs or readings, is on record before it is answered. */
async function run({ controlled }: Listening, call: Call, input: object): Promise<unknown> {
  if (call.method === 'GET' && call.isPersonal?.(input) !== true) return call.answer(controlled, input)
  const { audit } = controlled.env.disk
  const { name, scope } = call
  const record = (outcome: string) => {
    const text = JSON.stringify(redacted(input)).slice(0, limits.auditedCharacters)
    audit.record({
      event: 'control',
      call: name,
      scope,
      input: text,
      outcome: outcome.slice(0, limits.auditedCharacters),
    })
    return audit.committed()
  }
  let answer: unknown
  try {
    answer = await call.answer(controlled, input)
  } catch (error) {
    await record((error as Error).message)
    throw error
  }
  await record('done')
  return answer
}

async function answer(listening: Listening, request: IncomingMessage, response: ServerResponse): Promise<void> {
  checkOrigin(request, listening.hosts)
  const held = countCall(listening, request)
  const target = pathOf(request.url)
  if (target === undefined) throw new CallError(400, `"${request.url}" is no path`)
  const url = new URL(`${listening.url}${target}`)
  if (url.pathname === '/openapi.json' && request.method === 'GET')
    return send(response, 200, 'application/json', `${JSON.stringify(openApiDocument(listening.url))}\n`)
  // Who has no token learns nothing of which paths there are.
  if (held === undefined)
    throw new CallError(
      401,
      'send "authorization: Bearer TOKEN"; the tokens of this start are in control/ of the state directory',
    )
  const { call, fromPath } = findCall(request.method ?? '', url.pathname)
  if (!allows(held, call.scope))
    throw new CallError(403, `${call.name} needs a token of scope ${call.scope}, not ${held}`)
  const result = await run(listening, call, await inputOf(request, call, url, fromPath))
  const xml = typeof result === 'object' && result !== null && 'xml' in result ? result.xml : undefined
  if (typeof xml === 'string' && /^application\/xml\b/i.test(request.headers.accept ?? ''))
    return send(response, 200, 'application/xml', xml)
  send(response, 200, 'application/json', `${JSON.stringify(result ?? {})}\n`)
}

/** What is refused before its body was read closes the connection: the body would be taken for the next call. */
function closing({ complete }: IncomingMessage): object {
  return complete ? {} : { connection: 'close' }
}

function createListener(listening: Omit<Listening, 'hosts' | 'url'>): { server: Server; bound(url: string): void } {
  let url = ''
  let hosts: ReadonlySet<string> = new Set()
  const times = {
    connectionsCheckingInterval: 1000,
    requestTimeout: limits.requestMs,
    headersTimeout: limits.requestMs / 2,
  }
  const server = createServer(times, (request, response) => {
    answer({ ...listening, hosts, url }, request, response).catch((error: unknown) => {
      const status = statusOf(error)
      if (status === 500)
        listening.controlled.env.log('fault', { problem: (error as Error).stack ?? (error as Error).message })
      if (status === 401 || status === 403)
        listening.report({ event: 'call refused', who: peerOf(request.socket.remoteAddress), what: `HTTP ${status}` })
      if (response.headersSent) return response.destroy()
      const detail = status === 500 ? 'the bridge failed; its log says why' : (error as Error).message
      const more = status === 429 ? { 'retry-after': '1' } : {}
      refuse(response, status, detail, { ...more, ...closing(request) })
    })
  })
  limitConnections(server, limits.connections, listening.report)
  return {
    server,
    bound(address) {
      url = address
      hosts = hostsOf(address)
    },
  }
}

/**
 * Serves the control API of a bridge until the lifecycle closes it, and publishes its address and tokens.
 * @returns its address, `http://127.0.0.1:8080` @throws CommandError when the port cannot be had
 */
export async function serveControl(
  controlled: Controlled,
  options: ControlOptions,
  lifecycle: Pick<Lifecycle, 'own'>,
): Promise<string> {
  const tokens = createTokens()
  const nowMs = () => performance.now()
  const { calls: all, strangers } = limits
  const rates = {
    calls: createRateLimit(all.atOnce, all.perSecond, nowMs),
    strangers: createRateLimit(strangers.atOnce, strangers.perSecond, nowMs),
  }
  const { server, bound } = createListener({ controlled, tokens, rates, report: options.report ?? (() => {}) })
  const url = await bind(server, options)
  bound(url)
  lifecycle.own(() => closeServer(server))
  tokens.publish(options.directory, url)
  lifecycle.own(() => tokens.withdraw(options.directory))
  return url
}
