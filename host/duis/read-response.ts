// Reads and verifies responses, for our own client and tests: the counterpart of `format.ts`.

import { faultCodes } from '../catalogue/response-code.ts'
import type { TrustStore } from '../pki/trust.ts'
import { parseDateTime } from './date-time.ts'
import { responseNamespace, serviceNamespace, signatureNamespace } from './names.ts'
import { type PayloadData, type ReceivedAlert, readDeviceAlert, readPayloadData } from './read-payload.ts'
import { parseRequestId, type RequestId } from './request.ts'
import { type SignatureResult, verifySignature } from './verify.ts'
import { readXml, responseLimits, type XmlText } from './xml.ts'
import { exclusiveText, type XmlElement } from './xml-tree.ts'

/** A DUIS Response as a plain value, with what its SMETSData holds. */
export type ServiceResponse = PayloadData & {
  requestId?: RequestId
  responseId?: RequestId
  /** I0, I99, E…, W… */
  code: string
  responseMs: number
  schemaVersion: string
  /** True for the delivery to DCC Boxed clients, which is not standard. */
  boxed?: true
  /** Name of the element in Body: ResponseMessage, SMETS1ResponseMessage, DCCAlertMessage, DeviceAlertMessage. */
  kind: string
  /** That element, for what only some answers hold (`read-non-device.ts`). */
  message: XmlElement
  serviceReference?: string
  serviceReferenceVariant?: string
  /** Of the DCC schedule whose result this is. */
  scheduleId?: bigint
  /** The MMC element of a SMETS1 response, `ReadActiveImportProfileDataRsp`. */
  payload?: XmlElement
  /** The alert of a device, when the response is one. */
  alert?: ReceivedAlert
}

export type ParsedResponse =
  | { ok: true; response: ServiceResponse }
  | { ok: false; fault: 'oversized' | 'malformed' | 'tooComplex' | 'schema'; detail: string }

/** Reads an answer, signed or not, in either form of delivery. `verifyResponse` checks the signatures. */
export function parseResponse(bytes: Uint8Array): ParsedResponse {
  const xml = readXml(bytes, responseLimits)
  return xml.ok ? parseDocument(xml.document) : xml
}

function parseDocument({ root }: XmlText): ParsedResponse {
  if (root.name !== 'Response' || root.namespace !== serviceNamespace) return schema('the root is not sr:Response')
  const header = child(root, 'Header')
  const message = child(root, 'Body')?.children[0]
  if (header === undefined || message === undefined) return schema('no Header or no Body')
  const code = child(header, 'ResponseCode')?.text
  const responseMs = parseDateTime(child(header, 'ResponseDateTime')?.text ?? '')
  if (code === undefined || responseMs === undefined) return schema('no ResponseCode or no ResponseDateTime')
  const response: ServiceResponse = {
    code,
    responseMs,
    schemaVersion: root.attributes.find((attribute) => attribute.name === 'schemaVersion')?.value ?? '',
    kind: message.name,
    message,
  }
  const requestId = parseRequestId(child(header, 'RequestID')?.text ?? '')
  if (requestId !== undefined) response.requestId = requestId
  const responseId = parseRequestId(child(header, 'ResponseID')?.text ?? '')
  if (responseId !== undefined) response.responseId = responseId
  const reference = child(message, 'ServiceReference')
  if (reference !== undefined) response.serviceReference = reference.text
  const variant = child(message, 'ServiceReferenceVariant')
  if (variant !== undefined) response.serviceReferenceVariant = variant.text
  const scheduleId = child(child(message, 'DSPScheduledMessage') ?? message, 'DSPScheduleID')?.text ?? ''
  if (/^\d{1,13}$/.test(scheduleId)) response.scheduleId = BigInt(scheduleId)
  return readPayload(message, response)
}

function readPayload(message: XmlElement, response: ServiceResponse): ParsedResponse {
  const boxed = boxedDocument(message)
  const inner = boxed === undefined ? undefined : readXml(boxed, responseLimits)
  if (inner?.ok === false) return inner
  if (boxed !== undefined) response.boxed = true
  const signed = inner === undefined ? child(message, 'SMETS1SignedResponse') : inner.document.root
  const body = child(child(signed, 'SMETS1Response'), 'Body')
  const alertMessage = child(body, 'DeviceAlertMessage')
  const alert = alertMessage === undefined ? undefined : readDeviceAlert(alertMessage)
  if (alertMessage !== undefined && alert === undefined) return schema('the alert has no description or no time')
  if (alert !== undefined) response.alert = alert
  const payload = child(child(body, 'ResponseMessage'), 'SMETSData', responseNamespace)?.children[0]
  if (payload === undefined) return { ok: true, response }
  const read = readPayloadData(payload)
  if (!read.ok) return schema(read.detail)
  return { ok: true, response: { ...response, payload, ...read.data } }
}

export type ResponseExpectation = {
  /** Who has to have signed the Response; any trusted signer when absent. */
  dspEui?: string
  /** Who has to have signed the SMETS1 document inside; any trusted signer when absent. */
  s1spEui?: string
  nowMs: number
}

export type ResponseSigners = { ok: true; dspEui: string; s1spEui?: string }

/**
 * Checks both signatures of an answer: the outer one, and, when it carries a SMETS1 document, that document's own. The
 * inner document is checked from the source text as a document of its own, as it was signed, and then has to be the
 * very one that is read inside the outer.
 */
export function verifyResponse(
  bytes: Uint8Array,
  trust: TrustStore,
  expected: ResponseExpectation,
): ResponseSigners | Extract<SignatureResult, { ok: false }> {
  const xml = readXml(bytes, responseLimits)
  return xml.ok ? verifyDocument(bytes, xml.document, trust, expected) : bad(xml.detail)
}

/** Reads an answer and checks its signatures, as `parseResponse` and `verifyResponse` do, with one reading of its bytes. */
export function openResponse(
  bytes: Uint8Array,
  trust: TrustStore,
  expected: ResponseExpectation,
): ParsedResponse | Extract<SignatureResult, { ok: false }> {
  const xml = readXml(bytes, responseLimits)
  if (!xml.ok) return xml
  const verified = verifyDocument(bytes, xml.document, trust, expected)
  return verified.ok ? parseDocument(xml.document) : verified
}

function verifyDocument(
  bytes: Uint8Array,
  document: XmlText,
  trust: TrustStore,
  expected: ResponseExpectation,
): ResponseSigners | Extract<SignatureResult, { ok: false }> {
  const { nowMs } = expected
  const { root, text } = document
  const message = child(root, 'Body')?.children[0]
  const embedded = child(message, 'SMETS1SignedResponse')
  const nestedSignatures = child(embedded, 'Signature', signatureNamespace) === undefined ? 0 : 1
  const outer = verifySignature(document, trust, { signerEui: expected.dspEui, nowMs, nestedSignatures })
  if (!outer.ok) return outer
  const signers = { ok: true as const, dspEui: outer.signerEui }
  const source = embedded === undefined ? boxedDocument(message) : embeddedSource(bytes, embedded)
  if (source === undefined) return embedded === undefined ? signers : bad('the SMETS1 document cannot be identified')
  const own = readXml(source, responseLimits)
  if (!own.ok) return bad(`the SMETS1 document does not stand alone: ${own.detail}`)
  if (embedded !== undefined && !same(own.document, { root: embedded, text })) {
    return bad('the SMETS1 document reads differently on its own')
  }
  const inner = verifySignature(own.document, trust, { signerEui: expected.s1spEui, nowMs })
  return inner.ok ? { ...signers, s1spEui: inner.signerEui } : inner
}

/** The bytes of `element` as they stand in the source, which has to hold exactly one element of that name. */
function embeddedSource(bytes: Uint8Array, element: XmlElement): Uint8Array | undefined {
  const source = new TextDecoder().decode(bytes)
  const name = element.prefix ? `${element.prefix}:${element.name}` : element.name
  const [open, ...more] = source.matchAll(new RegExp(`<${name.replaceAll('.', '\\.')}[\\s>]`, 'g'))
  const close = source.lastIndexOf(`</${name}`)
  const end = source.indexOf('>', close) + 1
  if (open === undefined || more.length > 0 || close < open.index || end === 0) return undefined
  return Buffer.from(source.slice(open.index, end))
}

/** The exclusive canonical form of an element is the same within a document and alone. */
function same(a: XmlText, b: XmlText): boolean {
  return exclusiveText(a.text, a.root) === exclusiveText(b.text, b.root)
}

/** The SMETS1 document in a message for DCC Boxed clients, or undefined when there is none. */
function boxedDocument(message: XmlElement | undefined): Uint8Array | undefined {
  const payload = child(child(message, 'DSPScheduledMessage') ?? message, 'GBCSPayload')
  if (!/^(?:Response|DeviceAlert)Message$/.test(message?.name ?? '') || payload === undefined) return undefined
  const bytes = Buffer.from(payload.text, 'base64')
  // A SMETS2 answer has a binary GBCS message in the same place.
  return bytes[0] === 0x3c ? bytes : undefined
}

function child(element: XmlElement | undefined, name: string, namespace = serviceNamespace): XmlElement | undefined {
  return element?.children.find((candidate) => candidate.name === name && candidate.namespace === namespace)
}

function schema(detail: string): ParsedResponse {
  return { ok: false, fault: 'schema', detail }
}

function bad(detail: string): Extract<SignatureResult, { ok: false }> {
  return { ok: false, fault: 'badSignature', code: faultCodes.badSignature, detail }
}
