// The DUIS endpoints: bytes of a POST in, XML out. No logic.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Endpoint } from '../catalogue/endpoint.ts'
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

/** Serves `answer` on the three endpoints. Every request that has the right shape gets HTTP 200 and XML. */
export function createHttpServer(
  answer: (endpoint: Endpoint, body: Uint8Array, explain: boolean) => Promise<DuisAnswer>,
  limits: HttpLimits,
  failed: (error: unknown) => void,
): Server {
  const server = createServer(async (request, response) => {
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
      failed(error)
      if (!response.headersSent) refuse(response, 500, 'the bridge failed; its log says why')
    }
  })
  server.maxConnections = limits.connectionsMax
  server.requestTimeout = limits.requestMs
  server.headersTimeout = Math.min(limits.requestMs, 5000)
  return server
}
