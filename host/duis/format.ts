// Writes DUIS messages. Every text here is in inclusive canonical form: namespaces and attributes in order, no
// empty-element tags, no white space. Its digest is the hash of the text, and signing needs no parser.
// `test/host/duis/format.test.ts` compares every form with libxml2.

import { isResponseCode } from '../catalogue/response-code.ts'
import { firstVariantOf, isServiceReferenceVariant, serviceReferenceOf } from '../catalogue/service-reference.ts'
import type { Signer } from '../pki/signer.ts'
import { bodies } from './bodies.ts'
import { formatDateTime } from './date-time.ts'
import { responseNamespace, serviceNamespace, signatureNamespace, xmlDeclaration } from './names.ts'
import type { Period, RequestId } from './request.ts'
import { signCanonical } from './sign.ts'

/** The version of responses to requests whose version could not be read. */
export const ownSchemaVersion = '5.4'

/**
 * A ResponseMessage must name a Service Reference Variant (DUIS XSD), even when none could be read from the request. Then it
 * names the most frequent one; the response code reports the failure.
 */
export const unreadVariant = '4.8.1'

export const signedNamespaces = `xmlns:ds="${signatureNamespace}" xmlns:sr="${serviceNamespace}"`
const allNamespaces = `xmlns:ds="${signatureNamespace}" xmlns:ra="${responseNamespace}" xmlns:sr="${serviceNamespace}"`

/** The fields of every response. */
export type Answer = {
  /** Absent when it could not be read; the schema allows that. */
  requestId?: RequestId | undefined
  code: string
  nowMs: number
  /** Echo of the request's. */
  schemaVersion?: string | undefined
  /** Not needed where the variant is given. */
  serviceReference?: string | undefined
  serviceReferenceVariant?: string | undefined
}

/**
 * The final, asynchronous answer to a request that was acknowledged and then failed (E20, E21, E30, …): a
 * ResponseMessage without content, with the ResponseID of a final answer, signed by the DSP. It is no
 * SMETS1ResponseMessage, because that must contain a document signed by the S1SP with the meter's data, and there is none.
 */
export function formatFailure(answer: Answer & { requestId: RequestId; dsp: Signer }): string {
  return formatResponseMessage(answer, '', answer.dsp, responseIdOf(answer.requestId))
}

/**
 * A response by the DCC itself: `content` is canonical text for the optional part of ResponseMessage, or ''. Signed when `dsp`
 * is given. DCC Boxed signs its acknowledgements and sends its refusals unsigned; both are schema-valid signed or not.
 */
export function formatResponseMessage(answer: Answer, content: string, dsp?: Signer, responseId?: string): string {
  const header = responseHeader(answer, answer.requestId?.text, responseId)
  const message = element('sr:ResponseMessage', references(answer) + content)
  const text = envelope('sr:Response', signedNamespaces, answer.schemaVersion, header, message)
  return xmlDeclaration + (dsp === undefined ? text : signCanonical(text, dsp))
}

/** The signers: the S1SP signs the document, the DSP the message around it. */
export type Smets1Signers = { s1sp: Signer; dsp: Signer }

/** The fields of a message with a SMETS1 document, apart from the content of that document. */
export type Smets1Message = Omit<Answer, 'serviceReference'> &
  Smets1Signers & {
    /** The RequestID of the request; for an alert, that of the ResponseID with its EUI-64s swapped. */
    requestId: RequestId
    /** For a run of a DCC schedule: its id, and the DSP's EUI-64, which sent it on the User's behalf. */
    schedule?: { id: bigint; dspEui: string } | undefined
    /**
     * DCC Boxed clients reject SMETS1ResponseMessage. True puts the S1SP's signed document, base64, where they expect a
     * GBCS payload. Schema-valid, but not what the DCC sends.
     */
    boxedCompat?: boolean | undefined
  }

/** The fields of a final response with a meter's data, apart from the data. */
export type Smets1Answer = Smets1Message & { serviceReferenceVariant: string }

/**
 * A SMETS1 response: the MMC payload in a document signed by the S1SP, in a Response signed by the DSP. `payload` is
 * the canonical text of the one element in SMETSData, see `payload.ts`.
 */
export function formatSmets1Response(answer: Smets1Answer, payload: string): string {
  return formatSmets1Message(answer, element('sr:ResponseMessage', element('ra:SMETSData', payload)))
}

/**
 * A message with a SMETS1 document whose body is `body`. Without a Service Reference Variant it is an alert.
 */
export function formatSmets1Message(answer: Smets1Message, body: string): string {
  const { requestId, schedule, schemaVersion, serviceReferenceVariant: variant } = answer
  const inner = envelopeOpen('sr:SMETS1SignedResponse', allNamespaces, schemaVersion)
  const signed = signCanonical(
    inner + element('sr:SMETS1Response', smets1Content(answer, body)) + '</sr:SMETS1SignedResponse>',
    answer.s1sp,
  )
  // A schedule's result and an alert are not responses to a request, so they have no RequestID.
  const isAnswer = schedule === undefined && variant !== undefined
  const header = responseHeader(answer, isAnswer ? requestId.text : undefined, responseIdOf(requestId))
  const scheduleId = schedule ? element('sr:DSPScheduleID', `${schedule.id}`) : ''
  const message = (document: string) => {
    if (!answer.boxedCompat) {
      const about = variant === undefined ? '' : references(answer)
      return element('sr:SMETS1ResponseMessage', about + scheduleId + document)
    }
    const data = element('sr:GBCSPayload', Buffer.from(document).toString('base64'))
    // An alert. Its code is mandatory there, and SMETS1 devices have none (assumption: zero).
    if (variant === undefined) return element('sr:DeviceAlertMessage', element('sr:AlertCode', '0000') + data)
    const content = schedule ? element('sr:DSPScheduledMessage', data + scheduleId) : data
    return element('sr:ResponseMessage', references(answer) + content)
  }
  const outer = (document: string) => envelope('sr:Response', allNamespaces, schemaVersion, header, message(document))
  const text = outer(signed)
  // The inner document declares the namespaces again, so that it can be verified alone. The canonical form of the whole
  // message does not contain these declarations.
  const again = envelopeOpen('sr:SMETS1SignedResponse', '', schemaVersion)
  const canonical = answer.boxedCompat ? text : outer(again + signed.slice(inner.length))
  return xmlDeclaration + signCanonical(text, answer.dsp, canonical)
}

function smets1Content({ requestId, nowMs, schedule, ...answer }: Smets1Message, body: string): string {
  const variant = answer.serviceReferenceVariant
  // MMC XSD, ResponsePayload: for a schedule the target is the DSP, and the User is the supplementary party.
  const supplementary = schedule
    ? element('ra:SupplementaryRemotePartyID', requestId.originator) +
      element('ra:SupplementaryRemotePartyCounter', `${requestId.counter}`)
    : ''
  const about =
    variant === undefined
      ? ''
      : element('ra:ServiceReference', serviceReferenceOf(variant)) + element('ra:ServiceReferenceVariant', variant)
  const header =
    element('ra:BusinessOriginatorID', requestId.target) +
    element('ra:BusinessTargetID', schedule ? schedule.dspEui : requestId.originator) +
    element('ra:OriginatorCounter', `${requestId.counter}`) +
    supplementary +
    about +
    element('ra:Timestamp', formatDateTime(nowMs))
  return element('sr:Header', header) + element('sr:Body', body)
}

/** What the body of a read says, as far as the variant wants it. */
export type ReadFields = { executionMs?: number; forSettlement?: boolean; period?: Period }

/** A request to a device, as our own client sends it. */
export type RequestToFormat = ReadFields & {
  requestId: RequestId
  serviceReferenceVariant: string
  /** 1 unless given: over the WAN, on demand or future dated. */
  commandVariant?: number
  schemaVersion?: string
}

/**
 * A request to a device, unsigned: pass it to `signDocument`. Throws RangeError for a variant that is no read of a
 * device in `bodies.ts`.
 */
export function formatRequest(request: RequestToFormat): string {
  const { requestId, serviceReferenceVariant: variant, executionMs, period, forSettlement } = request
  const name = Object.entries(bodies).find(
    ([, row]) => row.variant === variant && (row.kind === 'registers' || row.kind === 'log'),
  )?.[0]
  if (name === undefined) throw new RangeError(`no request body for ${variant}`)
  const header =
    element('sr:RequestID', requestId.text) +
    element('sr:CommandVariant', `${request.commandVariant ?? 1}`) +
    references(request)
  const dateTime = (child: string, timeMs: number) => element(`sr:${child}`, formatDateTime(timeMs))
  const execution = executionMs === undefined ? '' : dateTime('ExecutionDateTime', executionMs)
  const readLogPeriod =
    period === undefined
      ? ''
      : element('sr:ReadLogPeriod', dateTime('StartDateTime', period.startMs) + dateTime('EndDateTime', period.endMs))
  const flag = forSettlement === undefined ? '' : ` ForSettlement="${forSettlement}"`
  const body = `<sr:${name}${flag}>${execution}${readLogPeriod}</sr:${name}>`
  return xmlDeclaration + envelope('sr:Request', signedNamespaces, request.schemaVersion, header, body)
}

/** Header of a Response, in the schema's order. */
export function responseHeader(answer: Answer, requestId: string | undefined, responseId: string | undefined): string {
  if (!isResponseCode(answer.code)) throw new RangeError(`"${answer.code}" is no DUIS response code`)
  return (
    (requestId === undefined ? '' : element('sr:RequestID', requestId)) +
    (responseId === undefined ? '' : element('sr:ResponseID', responseId)) +
    element('sr:ResponseCode', answer.code) +
    element('sr:ResponseDateTime', formatDateTime(answer.nowMs))
  )
}

/** The two reference elements of a message, from whichever of the two is known. */
export function references(answer: Pick<Answer, 'serviceReference' | 'serviceReferenceVariant'>): string {
  const variant = answer.serviceReferenceVariant ?? firstVariantOf(answer.serviceReference ?? '') ?? unreadVariant
  if (!isServiceReferenceVariant(variant)) throw new RangeError(`"${variant}" is no Service Reference Variant`)
  return element('sr:ServiceReference', serviceReferenceOf(variant)) + element('sr:ServiceReferenceVariant', variant)
}

/** A ResponseID: the RequestID with its two EUI-64s swapped. */
function responseIdOf({ originator, target, counter }: RequestId): string {
  return `${target}:${originator}:${counter}`
}

/** A message of one Header and one Body. */
export function envelope(
  name: string,
  namespaces: string,
  version: string | undefined,
  header: string,
  body: string,
): string {
  const open = envelopeOpen(name, namespaces, version)
  return `${open}<sr:Header>${header}</sr:Header><sr:Body>${body}</sr:Body></${name}>`
}

function envelopeOpen(name: string, namespaces: string, version: string = ownSchemaVersion): string {
  if (!/^\d{1,4}(?:\.\d{1,4})?$/.test(version)) throw new RangeError(`schemaVersion "${version}"`)
  return `<${name}${namespaces && ` ${namespaces}`} schemaVersion="${version}">`
}

/** An element. The content is not escaped: here it is numbers, names from tables, and values checked by a pattern. */
export function element(name: string, content: string): string {
  return `<${name}>${content}</${name}>`
}
