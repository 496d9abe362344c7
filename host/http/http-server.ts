// The DUIS endpoints: bytes of a POST in, XML out. No logic.

import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Socket } from 'node:net'
import { ResetError } from '../bridge/life.ts'
import type { Endpoint } from '../catalogue/endpoint.ts'
import type { Mailbox } from '../delivery/mailbox.ts'
import type { DuisAnswer } from '../requests/duis-endpoint.ts'
import type { ReportSecurity } from '../state/security-event.ts'
import { UnwritableError } from '../store/store.ts'
import { type ConnectionLimits, limitConnections, peerOf } from './connection-limits.ts'
import type { LoadGate } from './load-gate.ts'
import { bodyOf, discardBody } from './request-body.ts'
import { pathOf } from './request-target.ts'

export interface HttpLimits extends ConnectionLimits {
  /** Largest body. */
  bodyBytesMax: number
  /** A request must be complete within this time, and its header within half of it. */
  requestMs: number
}

export const defaultHttpLimits: HttpLimits = {
  bodyBytesMax: 65536,
  connectionsMax: 1024,
  perPeer: 256,
  waitingMax: 768,
  requestMs: 10000,
}

const path = /^\/api\/v1\/(serviceD|serviceS|serviceT)\/?(?:\?.*)?$/

function refuse(
  response: ServerResponse,
  status: number,
  text: string,
  headers: { [name: string]: string } = {},
): void {
  const body = `${text}\n`
  const length = Buffer.byteLength(body)
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'content-length': length, ...headers })
  response.end(body)
}

/** TLS as the DCC's gateway has it: the User's certificate is demanded when there is an authority for it. PEM. */
export interface ServerTls {
  cert: string
  key: string
  clientCa?: string | undefined
}

export interface HttpServerOptions {
  mailbox?: Pick<Mailbox, 'fetch' | 'take'>
  tls?: ServerTls | undefined
  /** Sheds load; without it every request is taken in. */
  gate?: LoadGate
  report?: ReportSecurity
}

/** Answers GET and DELETE at the location of a response. Unknown locations and those of others look alike. */
async function answerMailbox(
  mailbox: NonNullable<HttpServerOptions['mailbox']>,
  method: string | undefined,
  url: string,
  response: ServerResponse,
): Promise<void> {
  const plain = { 'cache-control': 'no-store' }
  if (method === 'DELETE') {
    const state = await mailbox.take(url)
    if (state === 'ready') response.writeHead(204, plain).end()
    else if (state === 'waiting') refuse(response, 409, 'the response is not there yet', plain)
    else refuse(response, 404, 'there is no response here', plain)
    return
  }
  if (method !== 'GET' && method !== 'HEAD')
    return refuse(response, 405, 'GET fetches the response, DELETE says that you have it', {
      allow: 'GET, HEAD, DELETE',
    })
  const found = mailbox.fetch(url)
  if (found.state === 'unknown') return refuse(response, 404, 'there is no response here', plain)
  if (found.state === 'waiting')
    return refuse(response, 202, 'the response is not there yet', { ...plain, 'retry-after': '1' })
  if (found.state === 'ready') {
    const length = Buffer.byteLength(found.xml)
    const why = found.explanation === undefined ? {} : { 'smets1-explain': found.explanation }
    response.writeHead(200, { 'content-type': 'application/xml', 'content-length': length, ...plain, ...why })
    response.end(method === 'HEAD' ? undefined : found.xml)
  }
}

/** Node looks for requests that are late so often, milliseconds; its own default is half a minute. */
const checkMs = 1000

function serverOf(tls: ServerTls | undefined, requestMs: number, listener: RequestListener): Server {
  const headersTimeout = requestMs / 2
  const options = { connectionsCheckingInterval: checkMs, requestTimeout: requestMs, headersTimeout }
  if (tls === undefined) return createServer(options, listener)
  const { cert, key, clientCa } = tls
  const clients = clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true }
  const secure = { cert, key, ...clients, minVersion: 'TLSv1.2', handshakeTimeout: headersTimeout } as const
  return createTlsServer({ ...options, ...secure }, listener)
}

const statusOfError: { readonly [code: string]: string } = {
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
}

/** Answers what is not HTTP, or not complete in time, and reports it. */
function watchErrors(server: Server, report: ReportSecurity): void {
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const { code = '' } = error
    const who = peerOf(socket.remoteAddress)
    if (code === 'ERR_HTTP_REQUEST_TIMEOUT') report({ event: 'request too slow', who })
    else if (code.startsWith('HPE_')) report({ event: 'malformed request', who, what: 'HTTP' })
    if (!socket.writable || code === 'ECONNRESET') return void socket.destroy()
    socket.end(`HTTP/1.1 ${statusOfError[code] ?? '400 Bad Request'}\r\nconnection: close\r\n\r\n`)
  })
  server.on('tlsClientError', (_error: Error, socket: Socket) => {
    report({ event: 'TLS refused', who: peerOf(socket.remoteAddress) })
    socket.destroy()
  })
}

/** Why a request is answered without its body being read. */
function refusalOf(
  { method, headers }: IncomingMessage,
  endpoint: Endpoint | undefined,
  bodyBytesMax: number,
): { status: number; text: string; more?: { [name: string]: string } } | undefined {
  if (endpoint === undefined) return { status: 404, text: 'POST DUIS XML to /api/v1/serviceD, serviceS or serviceT' }
  if (method !== 'POST') {
    return { status: 405, text: `POST DUIS XML to /api/v1/${endpoint}`, more: { allow: 'POST' } }
  }
  if (!/^(application|text)\/xml\b/i.test(headers['content-type'] ?? '')) {
    return { status: 415, text: 'the body must be DUIS XML with content-type: application/xml' }
  }
  const coding = headers['content-encoding'] ?? 'identity'
  if (!/^\s*identity\s*$/i.test(coding)) {
    const text = 'the body must come as it is: leave content-encoding out'
    return { status: 415, text, more: { 'accept-encoding': 'identity' } }
  }
  if (Number(headers['content-length'] ?? 0) > bodyBytesMax) return { status: 413, text: tooLarge(bodyBytesMax) }
  return undefined
}

function tooLarge(bytesMax: number): string {
  return `the body is too large: ${bytesMax} bytes at most`
}

/** Answers a POST of a peer. */
type Answer = (endpoint: Endpoint, body: Uint8Array, explain: boolean, peer: string) => Promise<DuisAnswer>

/** Answers one request of the three endpoints. `continues`: the client waits for 100 (Continue) before it sends the body. */
function createHandler(answer: Answer, { bodyBytesMax }: HttpLimits, { gate, report }: HttpServerOptions) {
  const shed = (request: IncomingMessage, response: ServerResponse) => {
    report?.({ event: 'overload', who: peerOf(request.socket.remoteAddress) })
    refuse(response, 503, 'too many requests are waiting: send this one again in a second', { 'retry-after': '1' })
  }
  const large = (request: IncomingMessage, response: ServerResponse) => {
    report?.({ event: 'request too large', who: peerOf(request.socket.remoteAddress) })
    refuse(response, 413, tooLarge(bodyBytesMax))
  }

  return async (request: IncomingMessage, response: ServerResponse, url: string | undefined, continues: boolean) => {
    const endpoint = path.exec(url ?? '')?.[1] as Endpoint | undefined
    const refusal = refusalOf(request, endpoint, bodyBytesMax)
    if (refusal !== undefined || endpoint === undefined || gate?.admits() === false) {
      // Whether the body will follow is open: the connection cannot be used again.
      if (continues) response.shouldKeepAlive = false
      discardBody(request, bodyBytesMax)
      if (refusal === undefined) return shed(request, response)
      if (refusal.status === 413) return large(request, response)
      return refuse(response, refusal.status, refusal.text, refusal.more)
    }
    if (continues) response.writeContinue()
    const body = await bodyOf(request, bodyBytesMax)
    if (body === undefined) return
    if (body === 'too large') return large(request, response)
    // Bodies may take their time: only now is it known that this request will be worked on.
    if (gate?.admits() === false) return shed(request, response)
    const acknowledged = gate?.enter()
    try {
      const explain = request.headers['smets1-explain'] !== undefined
      const { xml, headers } = await answer(endpoint, body, explain, peerOf(request.socket.remoteAddress))
      const length = Buffer.byteLength(xml)
      response.writeHead(200, { 'content-type': 'application/xml', 'content-length': length, ...headers })
      response.end(xml)
    } finally {
      acknowledged?.()
    }
  }
}

/** Serves `answer` on the three endpoints. Every request that has the right shape gets HTTP 200 and XML. */
export function createHttpServer(
  answer: Answer,
  limits: HttpLimits,
  failed: (error: unknown) => void,
  options: HttpServerOptions = {},
): Server {
  const { mailbox, tls, report = () => {} } = options
  const handle = createHandler(answer, limits, options)
  const listener = async (request: IncomingMessage, response: ServerResponse, continues: boolean) => {
    try {
      const url = pathOf(request.url)
      if (mailbox === undefined || !url?.startsWith('/api/v1/responses/'))
        return await handle(request, response, url, continues)
      discardBody(request, limits.bodyBytesMax)
      await answerMailbox(mailbox, request.method, url, response)
    } catch (error) {
      if (response.headersSent) return failed(error)
      if (error instanceof ResetError) return refuse(response, 503, error.message, { 'retry-after': '1' })
      if (error instanceof UnwritableError) {
        // It is in the log once, not with every request (bridge/watch-disk.ts).
        const text = 'nothing can be kept now, so this request was not accepted: send it again later'
        return refuse(response, 503, text, { 'retry-after': '10' })
      }
      failed(error)
      refuse(response, 500, 'the bridge failed; its log says why')
    }
  }
  const server = serverOf(tls, limits.requestMs, (request, response) => void listener(request, response, false))
  server.on('checkContinue', (request, response) => void listener(request, response, true))
  watchErrors(server, report)
  limitConnections(server, limits, report)
  return server
}
