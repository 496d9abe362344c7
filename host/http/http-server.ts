// The DUIS endpoints: bytes of a POST in, XML out. No logic.

import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Endpoint } from '../catalogue/endpoint.ts'
import type { Mailbox } from '../delivery/mailbox.ts'
import type { DuisAnswer } from '../requests/duis-endpoint.ts'

export interface HttpLimits {
  /** Largest body; one byte more is passed on, so that the answer can say that it was too large. */
  bodyBytesMax: number
  connectionsMax: number
  /** A request must be complete within this time. */
  requestMs: number
}

export const defaultHttpLimits: HttpLimits = { bodyBytesMax: 65536, connectionsMax: 1024, requestMs: 10000 }

const path = /^\/api\/v1\/(serviceD|serviceS|serviceT)\/?(?:\?.*)?$/

function refuse(
  response: ServerResponse,
  status: number,
  text: string,
  headers: { [name: string]: string } = {},
): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', ...headers })
  response.end(`${text}\n`)
}

/** The body, cut one byte after the limit; `undefined` when the client went away. */
function bodyOf(request: IncomingMessage, bytesMax: number): Promise<Uint8Array | undefined> {
  return new Promise((resolve) => {
    const parts: Buffer[] = []
    let bytes = 0
    request.on('data', (part: Buffer) => {
      if (bytes > bytesMax) return
      parts.push(part)
      bytes += part.length
      // The rest is discarded: a client that is still sending would not see the answer otherwise.
      if (bytes > bytesMax) resolve(Buffer.concat(parts).subarray(0, bytesMax + 1))
    })
    request.on('end', () => resolve(Buffer.concat(parts)))
    request.on('error', () => resolve(undefined))
    request.on('close', () => resolve(undefined))
  })
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
}

/** Answers GET and DELETE at the location of a response. Unknown locations and those of others look alike. */
async function answerMailbox(
  mailbox: NonNullable<HttpServerOptions['mailbox']>,
  { method, url = '' }: IncomingMessage,
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

function serverOf(tls: ServerTls | undefined, listener: RequestListener): Server {
  if (tls === undefined) return createServer(listener)
  const { cert, key, clientCa } = tls
  const clients = clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true }
  return createTlsServer({ cert, key, ...clients, minVersion: 'TLSv1.2' }, listener)
}

/** Serves `answer` on the three endpoints. Every request that has the right shape gets HTTP 200 and XML. */
export function createHttpServer(
  answer: (endpoint: Endpoint, body: Uint8Array, explain: boolean) => Promise<DuisAnswer>,
  limits: HttpLimits,
  failed: (error: unknown) => void,
  { mailbox, tls }: HttpServerOptions = {},
): Server {
  const fault = (response: ServerResponse, error: unknown) => {
    failed(error)
    if (!response.headersSent) refuse(response, 500, 'the bridge failed; its log says why')
  }
  const server = serverOf(tls, async (request, response) => {
    if (mailbox !== undefined && request.url?.startsWith('/api/v1/responses/')) {
      request.resume()
      return answerMailbox(mailbox, request, response).catch((error) => fault(response, error))
    }
    const endpoint = path.exec(request.url ?? '')?.[1] as Endpoint | undefined
    if (endpoint === undefined) return refuse(response, 404, 'POST DUIS XML to /api/v1/serviceD, serviceS or serviceT')
    if (request.method !== 'POST')
      return refuse(response, 405, `POST DUIS XML to /api/v1/${endpoint}`, { allow: 'POST' })
    if (!/^(application|text)\/xml\b/i.test(request.headers['content-type'] ?? '')) {
      return refuse(response, 415, 'the body must be DUIS XML with content-type: application/xml')
    }
    try {
      const body = await bodyOf(request, limits.bodyBytesMax)
      if (body === undefined) return
      const { xml, headers } = await answer(endpoint, body, request.headers['smets1-explain'] !== undefined)
      const close = body.length > limits.bodyBytesMax ? { connection: 'close' } : {}
      const length = Buffer.byteLength(xml)
      response.writeHead(200, { 'content-type': 'application/xml', 'content-length': length, ...headers, ...close })
      response.end(xml)
    } catch (error) {
      fault(response, error)
    }
  })
  server.maxConnections = limits.connectionsMax
  server.requestTimeout = limits.requestMs
  server.headersTimeout = Math.min(limits.requestMs, 5000)
  return server
}
