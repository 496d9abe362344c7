// A User's side of DUIS: signs a request, sends it, listens for the response, verifies both signatures.

import { createServer, type Server } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
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
  /** Where the response is sent to; this client listens there while it waits. A User without one has a mailbox. */
  callback: string | undefined
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

/** Listens on a callback address; `take` says whether a response is wanted, and has been kept. @throws CommandError */
export async function listenOn(
  callback: string,
  take: (body: Buffer, explanation: string | undefined) => boolean | Promise<boolean>,
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
    const taken = body !== undefined && take(body, explanation)
    // A decision that is known is sent at once: the reader that waited for this response closes the server next.
    const isTaken = typeof taken === 'boolean' ? taken : await taken.catch(() => false)
    response.writeHead(isTaken ? 204 : 503).end()
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

interface Acknowledged {
  body: Uint8Array
  explanation: string | undefined
  /** Where the response can be fetched, of a User without a callback. */
  location: string | undefined
}

/** POSTs, and again after the seconds in Retry-After while the bridge sheds load (503). */
async function postUntilTaken(url: string, body: string, signal: AbortSignal): Promise<Response> {
  const headers = { 'content-type': 'application/xml', 'smets1-explain': '1' }
  for (;;) {
    const response = await fetch(url, { method: 'POST', headers, body, signal })
    const seconds = Number(response.headers.get('retry-after'))
    if (response.status !== 503 || !(seconds > 0)) return response
    await response.arrayBuffer()
    await wait(seconds * 1000, undefined, { signal })
  }
}

/** POSTs a signed request to one of the services. @throws CommandError */
export async function send(
  url: string,
  xml: string,
  timeoutMs: number,
  service: 'serviceD' | 'serviceS' = 'serviceS',
): Promise<Acknowledged> {
  const signal = AbortSignal.timeout(timeoutMs)
  const response = await postUntilTaken(`${url}/api/v1/${service}`, xml, signal).catch(
    (error: Error & { cause?: { code?: string } }) => {
      if (/CERT|ISSUER|SELF_SIGNED|TLS|SSL/.test(error.cause?.code ?? ''))
        throw new CommandError(
          exitCode.failed,
          `${url}: TLS failed (${error.cause?.code}): NODE_EXTRA_CA_CERTS=FILE names the authority of its certificate`,
        )
      // A wait that is cut off ends with AbortError.
      if (error.name === 'TimeoutError' || error.name === 'AbortError')
        throw new CommandError(exitCode.timedOut, `${url} did not acknowledge within ${timeoutMs} ms`)
      throw new CommandError(exitCode.portUnavailable, `${url} does not answer: is the bridge running (smets1 up)?`)
    },
  )
  const body = new Uint8Array(await response.arrayBuffer())
  if (response.status !== 200) {
    throw new CommandError(
      exitCode.failed,
      `${url} answers HTTP ${response.status}: ${Buffer.from(body).toString().trim()}`,
    )
  }
  const headerOf = (name: string) => response.headers.get(name) ?? undefined
  return { body, explanation: headerOf('smets1-explain'), location: headerOf('location') }
}

function read(body: Uint8Array, what: string): ServiceResponse {
  const parsed = parseResponse(body)
  if (!parsed.ok) throw new CommandError(exitCode.failed, `the ${what} cannot be read: ${parsed.detail}`)
  return parsed.response
}

/** A signed request to a device. */
export function signedRequest(request: Pick<UserRequest, 'identity' | 'device' | 'fields' | 'variant'>, nowMs: number) {
  const requestId = requestIdOf(request.identity.eui, request.device, BigInt(nowMs))
  const body = { ...request.fields, requestId, serviceReferenceVariant: request.variant }
  return { id: requestId.text, xml: signDocument(formatRequest(body), request.identity.signer) }
}

/** A final response, and what the bridge says of it if it explains. */
interface Answer {
  xml: Uint8Array
  why: string | undefined
}

/** How a response comes to its User. */
interface Receiver {
  /** The response to the request that was acknowledged so. */
  answer(acknowledged: Acknowledged): Promise<Answer>
  close(): void
}

/** Listens on the callback address for the response to a request. @throws CommandError */
async function callbackReceiver(callback: string, id: string): Promise<Receiver> {
  let answered: (answer: Answer) => void = () => {}
  const answer = new Promise<Answer>((resolve) => {
    answered = resolve
  })
  const server = await listenOn(callback, (xml, why) => {
    const parsed = parseResponse(xml)
    if (!parsed.ok || parsed.response.requestId?.text.toUpperCase() !== id.toUpperCase()) return false
    answered({ xml, why })
    return true
  })
  return {
    answer: () => answer,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

const pollMs = 200

/** Fetches the response from the mailbox of a User without a callback address. */
function mailboxReceiver(url: string): Receiver {
  let open = true
  return {
    async answer({ location }) {
      if (location === undefined) {
        const why = `${url} acknowledged without a Location: has the registry of the bridge a callback for this User?`
        throw new CommandError(exitCode.failed, why)
      }
      const at = new URL(location, url)
      while (open) {
        const response = await fetch(at)
        const xml = new Uint8Array(await response.arrayBuffer())
        if (response.status === 200) {
          await fetch(at, { method: 'DELETE' })
          return { xml, why: response.headers.get('smets1-explain') ?? undefined }
        }
        if (response.status !== 202) throw new CommandError(exitCode.failed, `${at} answers HTTP ${response.status}`)
        await new Promise((resolve) => setTimeout(resolve, pollMs))
      }
      throw new CommandError(exitCode.timedOut, 'no response')
    },
    close() {
      open = false
    },
  }
}

/**
 * Sends one request to a device and waits for its final response. `nowMs`: the time by the bridge's clock, for certificates.
 * @throws CommandError
 */
export async function sendRequest(request: UserRequest, nowMs: () => number): Promise<UserOutcome> {
  const { url, callback, timeoutMs } = request
  // In real time: how long the caller waited, and a RequestID that comes once, also while a bridge's clock stands.
  const startedMs = Date.now()
  const { id, xml } = signedRequest(request, startedMs)
  const receiver = callback === undefined ? mailboxReceiver(url) : await callbackReceiver(callback, id)
  let timer: NodeJS.Timeout | undefined
  try {
    const acknowledged = await send(url, xml, timeoutMs)
    const { body, explanation } = acknowledged
    const acknowledgement = read(body, 'acknowledgement').code
    const acknowledgedMs = Date.now() - startedMs
    const outcome = { acknowledgement, explanation, acknowledgedMs }
    if (acknowledgement !== 'I99') {
      const none = { sources: undefined, response: undefined }
      return { ...outcome, ...none, code: acknowledgement, answeredMs: acknowledgedMs, xml: body }
    }
    const late = new Promise<never>((_, reject) => {
      const why = `no response within ${timeoutMs} ms of the acknowledgement; the bridge goes on trying to deliver it`
      timer = setTimeout(() => reject(new CommandError(exitCode.timedOut, why)), timeoutMs)
    })
    const answer = await Promise.race([receiver.answer(acknowledged), late])
    return { ...outcome, ...examine(answer, request.trust, explanation, nowMs()), answeredMs: Date.now() - startedMs }
  } finally {
    clearTimeout(timer)
    receiver.close()
  }
}

/** @throws CommandError for a response that cannot be read or is not signed by the DCC */
function examine({ xml, why }: Answer, trust: TrustStore, explanation: string | undefined, nowMs: number) {
  const response = read(xml, 'response')
  const verified = verifyResponse(xml, trust, { nowMs })
  if (!verified.ok)
    throw new CommandError(exitCode.failed, `the response is not signed as it must be: ${verified.detail}`)
  const isSources = why?.startsWith('sources: ') === true
  return {
    explanation: isSources ? explanation : (why ?? explanation),
    sources: isSources ? why : undefined,
    code: response.code,
    response,
    xml,
  }
}
