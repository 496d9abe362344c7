// A User's side of DUIS: signs a request, sends it, listens for the response, verifies both signatures.

import { createServer, type Server } from 'node:http'
import { formatRequest, type ReadFields } from '../duis/format.ts'
import { parseResponse, type ServiceResponse, verifyResponse } from '../duis/read-response.ts'
import { requestIdOf } from '../duis/request.ts'
import { signDocument } from '../duis/sign.ts'
import { responseLimits } from '../duis/xml.ts'
import type { Identity } from '../pki/test-pki.ts'
import type { TrustStore } from '../pki/trust.ts'
import { CommandError, exitCode } from '../state/errors.ts'

export interface UserRequest {
  identity: Identity
  trust: TrustStore
  /** Where the bridge serves DUIS, `http://127.0.0.1:8079`. */
  url: string
  /** Where the User is told the response; this client listens there while it waits. */
  callback: string
  device: string
  /** The Service Request Variant, and what its body says. */
  variant: string
  fields: ReadFields
  timeoutMs: number
}

export interface UserOutcome {
  /** Code of the acknowledgement, and of the final response if it was I99. */
  acknowledgement: string
  code: string
  /** Why it was refused, allowed, or could not be carried out, if the bridge explains. */
  explanation: string | undefined
  /** Where the data came from, if the bridge says it (`read-sources.ts`). */
  sources: string | undefined
  acknowledgedMs: number
  answeredMs: number
  response: ServiceResponse | undefined
  /** The final response exactly as received; the acknowledgement when it was refused. */
  xml: Uint8Array
}

/** The body. @throws Error when it is larger than any response that could be read */
async function bodyOf(request: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of request) {
    bytes += part.length
    if (bytes > responseLimits.bytesMax) throw new Error(`a response of more than ${responseLimits.bytesMax} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts)
}

/** Listens on the callback address; `take` says whether a response is the one that is waited for. */
async function listen(
  callback: string,
  take: (body: Buffer, explanation: string | undefined) => boolean,
): Promise<Server> {
  const { hostname, port, protocol } = new URL(callback)
  if (protocol !== 'http:') {
    throw new CommandError(
      exitCode.usage,
      `the callback address ${callback} is not plain http: this client cannot listen there`,
    )
  }
  const server = createServer(async (request, response) => {
    const body = await bodyOf(request).catch(() => undefined)
    // Somebody else's response is left with the bridge, which tries again later.
    const explanation = request.headers['smets1-explain']?.toString()
    response.writeHead(body !== undefined && take(body, explanation) ? 204 : 503).end()
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'another program (another read?) listens there' : error.message
      reject(new CommandError(exitCode.portUnavailable, `cannot wait for the response on ${callback}: ${why}`))
    })
    server.listen(Number(port || 80), hostname.replace(/^\[|\]$/g, ''), resolve)
  })
  return server
}

/** POSTs a signed request to one of the services. @throws CommandError */
export async function send(
  url: string,
  xml: string,
  timeoutMs: number,
  service: 'serviceD' | 'serviceS' = 'serviceS',
): Promise<{ body: Uint8Array; explanation: string | undefined }> {
  const response = await fetch(`${url}/api/v1/${service}`, {
    method: 'POST',
    headers: { 'content-type': 'application/xml', 'smets1-explain': '1' },
    body: xml,
    signal: AbortSignal.timeout(timeoutMs),
  }).catch((error: Error) => {
    if (error.name === 'TimeoutError')
      throw new CommandError(exitCode.timedOut, `${url} did not acknowledge within ${timeoutMs} ms`)
    throw new CommandError(exitCode.portUnavailable, `${url} does not answer: is the bridge running (smets1 up)?`)
  })
  const body = new Uint8Array(await response.arrayBuffer())
  if (response.status !== 200) {
    throw new CommandError(
      exitCode.failed,
      `${url} answers HTTP ${response.status}: ${Buffer.from(body).toString().trim()}`,
    )
  }
  return { body, explanation: response.headers.get('smets1-explain') ?? undefined }
}

function read(body: Uint8Array, what: string): ServiceResponse {
  const parsed = parseResponse(body)
  if (!parsed.ok) throw new CommandError(exitCode.failed, `the ${what} cannot be read: ${parsed.detail}`)
  return parsed.response
}

/** Sends one request to a device and waits for its final response. @throws CommandError */
export async function sendRequest(request: UserRequest, nowMs: () => number): Promise<UserOutcome> {
  const { identity, trust, device } = request
  const startedMs = nowMs()
  const requestId = requestIdOf(identity.eui, device, BigInt(startedMs))
  const body = { ...request.fields, requestId, serviceReferenceVariant: request.variant }
  const xml = signDocument(formatRequest(body), identity.signer)
  let answered: (body: Buffer) => void = () => {}
  let why: string | undefined
  const answer = new Promise<Buffer>((resolve) => {
    answered = resolve
  })
  const server = await listen(request.callback, (posted, posting) => {
    const parsed = parseResponse(posted)
    if (!parsed.ok || parsed.response.requestId?.text.toUpperCase() !== requestId.text.toUpperCase()) return false
    why = posting
    answered(posted)
    return true
  })
  let timer: NodeJS.Timeout | undefined
  try {
    const { body: acknowledgementXml, explanation } = await send(request.url, xml, request.timeoutMs)
    const acknowledgement = read(acknowledgementXml, 'acknowledgement')
    const acknowledgedMs = nowMs() - startedMs
    const outcome = { acknowledgement: acknowledgement.code, explanation, acknowledgedMs }
    if (acknowledgement.code !== 'I99') {
      return {
        ...outcome,
        code: acknowledgement.code,
        answeredMs: acknowledgedMs,
        sources: undefined,
        response: undefined,
        xml: acknowledgementXml,
      }
    }
    const late = new Promise<never>((_, reject) => {
      const why = `no response within ${request.timeoutMs} ms of the acknowledgement; the bridge goes on trying to deliver it`
      timer = setTimeout(() => reject(new CommandError(exitCode.timedOut, why)), request.timeoutMs)
    })
    const finalXml = await Promise.race([answer, late])
    const response = read(finalXml, 'response')
    const verified = verifyResponse(finalXml, trust, { nowMs: nowMs() })
    if (!verified.ok)
      throw new CommandError(exitCode.failed, `the response is not signed as it must be: ${verified.detail}`)
    const isSources = why?.startsWith('sources: ') === true
    const known = {
      ...outcome,
      explanation: isSources ? explanation : (why ?? explanation),
      sources: isSources ? why : undefined,
    }
    return { ...known, code: response.code, answeredMs: nowMs() - startedMs, response, xml: finalXml }
  } finally {
    clearTimeout(timer)
    server.closeAllConnections()
    server.close()
  }
}
