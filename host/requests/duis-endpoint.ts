// The outer part of the bridge: reads a request and verifies its signature, formats and signs the acknowledgement. It has
// no state, so the decision in between may be made in another process.

import type { Endpoint } from '../catalogue/endpoint.ts'
import type { Fault, FaultCodes } from '../catalogue/response-code.ts'
import { formatResponseMessage } from '../duis/format.ts'
import { parseRequest } from '../duis/parse.ts'
import type { ReadableHeader, ServiceRequest } from '../duis/request.ts'
import type { Schema } from '../duis/schema.ts'
import { verifySignatureBy } from '../duis/verify.ts'
import type { Verify } from '../pki/public-key.ts'
import type { Signer } from '../pki/signer.ts'
import type { TrustStore } from '../pki/trust.ts'
import type { Log } from '../state/log-event.ts'

/** The answer to a POST. */
export interface DuisAnswer {
  xml: string
  /** Additional HTTP headers, for explanations. */
  headers?: { [name: string]: string }
}

/** A request that was received: signed by its originator, or already rejected. Plain data. */
export interface IncomingRequest {
  endpoint: Endpoint
  body: Uint8Array
  receivedMs: number
  wantsExplanation: boolean
  /** Address of the peer, where it is known. */
  peer?: string | undefined
  examined: ServiceRequest | RejectedRequest
}

/** A request that is malformed, or not signed by its originator. */
export interface RejectedRequest {
  fault: Fault
  /** Response code. */
  refusedWith: string
  why: string
  /** The part of its header that could be read. */
  header: ReadableHeader
}

/** The content of an acknowledgement. Plain data. */
export interface Acknowledgement {
  code: string
  /** Of the request, as far as it could be read. */
  header: ReadableHeader
  /** Canonical text for the optional part of ResponseMessage, or ''. */
  content: string
  /** An explanation, for a sender that asks for it and may have it. */
  headers: { [name: string]: string }
}

export interface DuisEndpointParts {
  nowMs(): number
  trust(): TrustStore
  codes: FaultCodes
  schema: Schema | undefined
  /** Where signatures are verified. */
  verify: Verify
  dsp: Signer
  log: Log
}

/** `peer`: the address that the POST came from; undefined where it did not come over a network. */
export type DuisEndpoint = (
  endpoint: Endpoint,
  body: Uint8Array,
  wantsExplanation: boolean,
  peer: string | undefined,
) => Promise<DuisAnswer>

/** Answers POSTs. `decide` returns the acknowledgement, and resolves when it may be sent. */
export function createDuisEndpoint(
  parts: DuisEndpointParts,
  decide: (incoming: IncomingRequest) => Promise<Acknowledgement>,
): DuisEndpoint {
  const { codes, nowMs } = parts
  const checkOwn = schemaCheck(parts.schema, parts.log)

  async function examine(body: Uint8Array, receivedMs: number): Promise<IncomingRequest['examined']> {
    const parsed = parseRequest(body, { codes })
    if (!parsed.ok) return rejected(parsed, parsed.header ?? {})
    const { request, document } = parsed
    const wrong = parts.schema?.validate(body)[0]
    if (wrong !== undefined) return rejected({ fault: 'schema', code: codes.schema, detail: wrong }, headerOf(request))
    const expected = { signerEui: request.requestId.originator, nowMs: receivedMs, codes }
    const verified = await verifySignatureBy(parts.verify, document, parts.trust(), expected)
    return verified.ok ? request : rejected(verified, headerOf(request))
  }

  return async (endpoint, body, wantsExplanation, peer) => {
    const receivedMs = nowMs()
    const examined = await examine(body, receivedMs)
    const incoming = { endpoint, body, receivedMs, wantsExplanation, peer, examined }
    const { code, header, content, headers } = await decide(incoming)
    const xml = formatResponseMessage({ ...header, code, nowMs: nowMs() }, content, parts.dsp)
    checkOwn(xml, header.requestId?.text ?? '')
    return { xml, headers }
  }
}

function rejected(
  { fault, code, detail }: { fault: Fault; code: string; detail: string },
  header: ReadableHeader,
): RejectedRequest {
  return { fault, refusedWith: code, why: detail, header }
}

/** The parts of a request that its acknowledgement repeats. */
export function headerOf(request: ServiceRequest): ReadableHeader {
  const { requestId, schemaVersion, serviceReference, serviceReferenceVariant } = request
  return { requestId, schemaVersion, serviceReference, serviceReferenceVariant }
}

/** Validates a message of the bridge against the schema, if there is one; errors are logged. */
export function schemaCheck(
  schema: Schema | undefined,
  log: DuisEndpointParts['log'],
): (xml: string, id: string) => void {
  return (xml, id) => {
    const wrong = schema?.validate(xml)[0]
    if (wrong !== undefined) log('own message is not valid', { requestId: id, problem: wrong })
  }
}
