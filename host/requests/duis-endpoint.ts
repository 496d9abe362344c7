// The outer side of the bridge: a request's bytes are read and its signature verified, the acknowledgement is written and
// signed. All that a request costs before anything has to be known of anybody else's: what is decided in between may be
// decided in another process.

import type { Endpoint } from '../catalogue/endpoint.ts'
import type { FaultCodes } from '../catalogue/response-code.ts'
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

/** A request that came in: signed by its originator, or turned away already. Plain data. */
export interface IncomingRequest {
  endpoint: Endpoint
  body: Uint8Array
  receivedMs: number
  wantsExplanation: boolean
  examined: ServiceRequest | RejectedRequest
}

/** A request that is not one, or not by whom it says. */
export interface RejectedRequest {
  /** Response code. */
  refusedWith: string
  why: string
  /** What could be read of it. */
  header: ReadableHeader
}

/** What is to be said to whoever sent a request. Plain data. */
export interface Acknowledgement {
  code: string
  /** Of the request, as far as it could be read. */
  header: ReadableHeader
  /** Canonical text for the optional part of ResponseMessage, or ''. */
  content: string
  /** For a sender who asked why, and may know. */
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

export type DuisEndpoint = (endpoint: Endpoint, body: Uint8Array, wantsExplanation: boolean) => Promise<DuisAnswer>

/** Answers POSTs: `decide` says what, and resolves when what it says may be said. */
export function createDuisEndpoint(
  parts: DuisEndpointParts,
  decide: (asked: IncomingRequest) => Promise<Acknowledgement>,
): DuisEndpoint {
  const { codes, nowMs } = parts
  const checkOwn = schemaCheck(parts.schema, parts.log)

  async function examine(body: Uint8Array, receivedMs: number): Promise<IncomingRequest['examined']> {
    const parsed = parseRequest(body, { codes })
    if (!parsed.ok) return { refusedWith: parsed.code, why: parsed.detail, header: parsed.header ?? {} }
    const { request, document } = parsed
    const wrong = parts.schema?.validate(body)[0]
    if (wrong !== undefined) return { refusedWith: codes.schema, why: wrong, header: headerOf(request) }
    const expected = { signerEui: request.requestId.originator, nowMs: receivedMs, codes }
    const verified = await verifySignatureBy(parts.verify, document, parts.trust(), expected)
    return verified.ok ? request : { refusedWith: verified.code, why: verified.detail, header: headerOf(request) }
  }

  return async (endpoint, body, wantsExplanation) => {
    const receivedMs = nowMs()
    const examined = await examine(body, receivedMs)
    const { code, header, content, headers } = await decide({ endpoint, body, receivedMs, wantsExplanation, examined })
    const xml = formatResponseMessage({ ...header, code, nowMs: nowMs() }, content, parts.dsp)
    checkOwn(xml, header.requestId?.text ?? '')
    return { xml, headers }
  }
}

/** What an answer repeats of a request. */
export function headerOf(request: ServiceRequest): ReadableHeader {
  const { requestId, schemaVersion, serviceReference, serviceReferenceVariant } = request
  return { requestId, schemaVersion, serviceReference, serviceReferenceVariant }
}

/** Logs what the schema, when it is there, has against a message of ours. */
export function schemaCheck(
  schema: Schema | undefined,
  log: DuisEndpointParts['log'],
): (xml: string, id: string) => void {
  return (xml, id) => {
    const wrong = schema?.validate(xml)[0]
    if (wrong !== undefined) log('own message is not valid', { requestId: id, problem: wrong })
  }
}
