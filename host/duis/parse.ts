// Parses a Service Request. This checks the message itself; `verify.ts` checks the signature on the same document, and access
// control what the sender may do.

import { type Fault, type FaultCodes, faultCodes } from '../catalogue/response-code.ts'
import { firstVariantOf, isServiceReferenceVariant, serviceReferenceOf } from '../catalogue/service-reference.ts'
import { bodyRow } from './bodies.ts'
import { hasText, ownAttributes, readSequence, textOf, trimmed } from './child-sequence.ts'
import { serviceNamespace, signatureNamespace } from './names.ts'
import {
  parseRequestId,
  type ReadableHeader,
  type RequestHeader,
  type RequestId,
  type ServiceRequest,
} from './request.ts'
import { readXml, requestLimits, type XmlLimits, type XmlText } from './xml.ts'
import type { XmlElement } from './xml-tree.ts'

/** Limits to change, and codes by fault (`faultCodesWith`). */
export type ParseOptions = Partial<XmlLimits> & { codes?: FaultCodes }

export type ParsedRequest =
  | { ok: true; request: ServiceRequest; document: XmlText }
  | { ok: false; fault: Fault; code: string; detail: string; header?: ReadableHeader }

type Refusal = { fault: Fault; detail: string }

/**
 * Reads one DUIS Request (DUIS XSD, type Request).
 *
 * Never throws for anything in `bytes`. A refusal has the fault, its response code, one sentence for the log (`detail`,
 * which may quote the sender), and in `header` the fields that could be read, so that the response can be matched to the
 * request.
 *
 * Stricter than the schema in these points: no attributes but schemaVersion and those of XML Schema (xsi),
 * schemaVersion 1.x to 5.x, and reference, variant and body have to agree. More tolerant: a missing zone in a date is UTC, and the request
 * in Body may have the attribute ForSettlement.
 */
export function parseRequest(bytes: Uint8Array, options: ParseOptions = {}): ParsedRequest {
  const { codes = faultCodes, ...limits } = options
  const xml = readXml(bytes, { ...requestLimits, ...limits })
  if (!xml.ok) return refuse(xml, codes, latin1(bytes))
  const request = readRequest(xml.document.root)
  if ('fault' in request) return refuse(request, codes, xml.document.text)
  return { ok: true, request, document: xml.document }
}

function readRequest(root: XmlElement): ServiceRequest | Refusal {
  if (root.name !== 'Request' || root.namespace !== serviceNamespace) return schema('the root is not sr:Request')
  const schemaVersion = readVersion(root)
  if (typeof schemaVersion !== 'string') return schemaVersion
  if (hasText(root)) return schema('Request holds text')
  const [header, body, signature, ...more] = root.children
  if (!isService(header, 'Header')) return schema('Request does not begin with Header')
  if (!isService(body, 'Body')) return schema('Header is not followed by Body')
  const signed = signature?.name === 'Signature' && signature.namespace === signatureNamespace
  if ((signature !== undefined && !signed) || more.length > 0) {
    return schema('Body is followed by something else than one Signature')
  }
  const fields = readHeader(header)
  if ('fault' in fields) return fields
  const content = readRequestBody(body, fields.serviceReferenceVariant)
  if ('fault' in content) return content
  return { ...fields, schemaVersion, ...content }
}

function readVersion(root: XmlElement): string | Refusal {
  let version: string | undefined
  for (const attribute of ownAttributes(root)) {
    if (attribute.namespace !== '' || attribute.name !== 'schemaVersion') {
      return schema(`Request has an attribute ${attribute.name}`)
    }
    // An xs:decimal may have a sign; it is written without it in the answer.
    version = /^\+?(\d{1,4}(?:\.\d{1,4})?)$/.exec(trimmed(attribute.value))?.[1]
  }
  if (version === undefined) return schema('schemaVersion is no decimal')
  const supported = Number(version) >= 1 && Number(version) < 6
  return supported ? version : { fault: 'unsupportedVersion', detail: `schemaVersion ${version}, known are 1.x to 5.x` }
}

const headerRows = [
  { name: 'RequestID' },
  { name: 'FirstInSequence', optional: true },
  { name: 'PrecedingServiceRequestID', optional: true },
  { name: 'CommandVariant' },
  { name: 'ServiceReference' },
  { name: 'ServiceReferenceVariant' },
]

type HeaderFields = Omit<RequestHeader, 'schemaVersion' | 'bodyName' | 'forSettlement'>

function readHeader(header: XmlElement): HeaderFields | Refusal {
  const found = readSequence(header, headerRows)
  if (typeof found === 'string') return schema(found)
  const text = (name: string) => textOf(found, name)
  const optionalText = (name: string) => (found.has(name) ? text(name) : undefined)
  const requestId = parseRequestId(trimmed(text('RequestID')))
  if (requestId === undefined) return schema('RequestID is not <EUI-64>:<EUI-64>:<counter>')
  const optional = readSequencing(optionalText('FirstInSequence'), optionalText('PrecedingServiceRequestID'))
  if (typeof optional === 'string') return schema(optional)
  const commandVariant = /^\+?0*([1-9]\d{0,3})$/.exec(trimmed(text('CommandVariant')))?.[1]
  if (commandVariant === undefined) return schema('CommandVariant is no positive integer')
  // 9 is in the schema, but is for use inside the DCC only.
  if (Number(commandVariant) > 8) return { fault: 'commandVariant', detail: `CommandVariant ${commandVariant}` }
  const serviceReference = text('ServiceReference')
  const serviceReferenceVariant = text('ServiceReferenceVariant')
  if (!isServiceReferenceVariant(serviceReferenceVariant)) return schema('ServiceReferenceVariant is none of DUIS')
  if (firstVariantOf(serviceReference) === undefined) return schema('ServiceReference is none of DUIS')
  if (serviceReferenceOf(serviceReferenceVariant) !== serviceReference) {
    return mismatch(`ServiceReference ${serviceReference} with variant ${serviceReferenceVariant}`)
  }
  return {
    requestId,
    ...optional,
    commandVariant: Number(commandVariant),
    serviceReference,
    serviceReferenceVariant,
  }
}

type Sequencing = { firstInSequence?: boolean; precedingRequestId?: RequestId }

function readSequencing(first: string | undefined, preceding: string | undefined): Sequencing | string {
  const sequencing: Sequencing = {}
  if (first !== undefined) {
    const value = trimmed(first)
    if (!/^(?:true|false|0|1)$/.test(value)) return 'FirstInSequence is no boolean'
    sequencing.firstInSequence = value === 'true' || value === '1'
  }
  if (preceding !== undefined) {
    const requestId = parseRequestId(trimmed(preceding))
    if (requestId === undefined) return 'PrecedingServiceRequestID is no RequestID'
    sequencing.precedingRequestId = requestId
  }
  return sequencing
}

function readRequestBody(body: XmlElement, variant: string) {
  const [content, ...more] = body.children
  if (content === undefined || more.length > 0 || hasText(body) || ownAttributes(body).length > 0) {
    return schema('Body does not hold exactly one element')
  }
  if (content.namespace !== serviceNamespace) return schema(`${content.name} is not in the DUIS namespace`)
  const row = bodyRow(content.name)
  if (row === undefined) {
    return { fault: 'unsupportedBody' as const, detail: `${content.name} (${variant}) is not read by this S1SP` }
  }
  if (row.variant !== variant) return mismatch(`${content.name} is ${row.variant}, the header says ${variant}`)
  const settlement = takeForSettlement(content)
  if (typeof settlement === 'string') return schema(settlement)
  const fields = row.read(settlement.rest)
  if (typeof fields === 'string') return schema(fields)
  if (fields.kind === 'log' && fields.period.endMs < fields.period.startMs) {
    return { fault: 'period' as const, detail: 'EndDateTime is before StartDateTime' }
  }
  const flag = settlement.forSettlement === undefined ? {} : { forSettlement: settlement.forSettlement }
  return { ...fields, ...flag, bodyName: content.name }
}

/** The attribute ForSettlement, and the element without it. A schema, if there is one, decides whether it is allowed. */
function takeForSettlement(element: XmlElement): { forSettlement?: boolean; rest: XmlElement } | string {
  const isFlag = ({ name, namespace }: { name: string; namespace: string }) =>
    name === 'ForSettlement' && namespace === ''
  const value = element.attributes.find(isFlag)?.value
  if (value === undefined) return { rest: element }
  const rest = { ...element, attributes: element.attributes.filter((attribute) => !isFlag(attribute)) }
  if (!/^(?:true|false|0|1)$/.test(trimmed(value))) return 'ForSettlement is no boolean'
  return { forSettlement: /^(?:true|1)$/.test(trimmed(value)), rest }
}

function isService(element: XmlElement | undefined, name: string): element is XmlElement {
  return element?.name === name && element.namespace === serviceNamespace
}

function schema(detail: string): Refusal {
  return { fault: 'schema', detail }
}

function mismatch(detail: string): Refusal {
  return { fault: 'mismatch', detail }
}

function refuse({ fault, detail }: Refusal, codes: FaultCodes, source: string): ParsedRequest {
  const header = readableHeader(source)
  const refusal = { ok: false as const, fault, code: codes[fault], detail }
  return Object.keys(header).length === 0 ? refusal : { ...refusal, header }
}

// The header is at the beginning, so only the first characters are searched.
const readableCharactersMax = 8_192

function latin1(bytes: Uint8Array): string {
  // Without the zero bytes, UTF-16 is readable as well.
  return Buffer.from(bytes.subarray(0, 2 * readableCharactersMax))
    .toString('latin1')
    .replaceAll('\0', '')
}

/**
 * The header fields found in text that may not be well-formed XML. A value is used when it occurs exactly once and is valid.
 * It is only returned to the sender.
 */
function readableHeader(source: string): ReadableHeader {
  const start = source.slice(0, readableCharactersMax)
  const only = (pattern: RegExp) => {
    const [match, ...more] = start.matchAll(pattern)
    return more.length === 0 ? match?.[1] : undefined
  }
  const header: ReadableHeader = {}
  const requestId = parseRequestId(only(/<(?:[\w.-]+:)?RequestID\s*>\s{0,64}([^<\s]{0,80})\s{0,64}</g) ?? '')
  if (requestId !== undefined) header.requestId = requestId
  const version = only(/\sschemaVersion\s*=\s*["']\s*\+?(\d{1,4}(?:\.\d{1,4})?)\s*["']/g)
  if (version !== undefined) header.schemaVersion = version
  const variant = only(/<(?:[\w.-]+:)?ServiceReferenceVariant\s*>([\d.]*)</g) ?? ''
  const reference = only(/<(?:[\w.-]+:)?ServiceReference\s*>([\d.]*)</g) ?? ''
  if (isServiceReferenceVariant(variant)) {
    header.serviceReferenceVariant = variant
    header.serviceReference = serviceReferenceOf(variant)
  } else if (firstVariantOf(reference) !== undefined) header.serviceReference = reference
  return header
}
