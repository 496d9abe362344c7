// Events of the audit trail as lines, and back. docs/reference/audit-trail.md describes the format.
//
// `LETTER TIME|REQUEST|FIELD|FIELD…`. Within a batch, a time is the distance from the record before, and `"` in place of the
// request means: the one of the line before. So a batch can only be read from its beginning.

import type { LoweredCounter } from '../access/request-counters.ts'
import type { Usage } from '../wan/usage.ts'
import type { AuditEvent, AuditRecord, DecidingRecord, Served } from './audit-record.ts'
import {
  booleanField,
  dateField,
  entriesOf,
  euiField,
  type FieldCodecs,
  type FieldEntries,
  fieldSeparator,
  hexField,
  instantField,
  listField,
  numberField,
  readFields,
  rowField,
  textField,
  trueField,
  wordField,
  writeFields,
} from './line-fields.ts'

type EventName = AuditEvent['event']
type EventOf<Name extends EventName> = Extract<AuditEvent, { event: Name }>

/** What a line says of the request: all of it, all but the device, the RequestID alone, or that there is none. */
type RequestPart = 'all' | 'no device' | 'id' | 'none'
type RequestFields = {
  all: 'requestId' | 'user' | 'device' | 'srv'
  'no device': 'requestId' | 'user' | 'srv'
  id: 'requestId'
  none: never
}

interface Layout {
  event: EventName
  letter: string
  request: RequestPart
  fields: FieldEntries
}

function layout<Name extends EventName, Part extends RequestPart>(
  letter: string,
  event: Name,
  request: Part,
  fields: FieldCodecs<Omit<EventOf<Name>, 'event' | RequestFields[Part]>>,
): Layout {
  return { event, letter, request, fields: entriesOf(fields) }
}

const deciding = rowField<DecidingRecord>({ role: textField, mpid: textField, from: dateField, until: dateField })
const usage: FieldCodecs<Usage> = {
  wakeUps: numberField,
  sessions: numberField,
  asks: numberField,
  bytesOut: numberField,
  bytesIn: numberField,
  dcoCalls: numberField,
  dcoMsMax: numberField,
  dcoSlow: numberField,
  framesDropped: numberField,
  framesRefused: numberField,
  notOpened: numberField,
}
const lowered: FieldCodecs<LoweredCounter> = {
  user: euiField,
  target: euiField,
  from: textField,
  to: textField,
  asked: instantField,
  stillRefused: numberField,
  unknownTo: textField,
}

/** Every event. A letter is never used again for another; fields are only ever added at the end. */
const layouts: readonly Layout[] = [
  layout('a', 'accepted', 'all', {
    code: textField,
    role: textField,
    mpan: textField,
    registrations: listField(deciding),
    days: rowField({ first: dateField, last: dateField }),
    window: rowField({ from: instantField, to: instantField }),
    forSettlement: trueField,
    due: instantField,
    scheduleId: numberField,
    resumed: trueField,
  }),
  layout('r', 'refused', 'all', {
    endpoint: wordField(),
    code: textField,
    signed: booleanField,
    rule: wordField(),
    day: dateField,
    mpan: textField,
    registration: deciding,
    why: textField,
  }),
  layout('b', 'answered directly', 'no device', { code: textField, why: textField }),
  layout('u', 'device read', 'all', usage),
  layout('z', 'answered', 'all', {
    code: textField,
    tookMs: numberField,
    late: booleanField,
    bytes: numberField,
    sha256: hexField,
    served: listField(rowField<Served>({ channel: textField, from: instantField, what: textField })),
    scheduleId: numberField,
    detail: textField,
    fault: wordField(),
  }),
  layout('i', 'waiting', 'all', { until: instantField, why: textField }),
  layout('d', 'delivered', 'id', { tries: numberField }),
  layout('n', 'not delivered', 'id', { url: textField, tries: numberField, problem: textField, state: wordField() }),
  layout('x', 'dropped', 'id', { why: textField }),
  layout('s', 'started', 'none', { version: textField, clock: wordField() }),
  layout('e', 'stopped', 'none', {}),
  layout('g', 'registry', 'none', { sha256: hexField, users: numberField, devices: numberField }),
  layout('h', 'registry refused', 'none', { problem: textField }),
  layout('j', 'registry changed', 'none', {
    from: textField,
    added: numberField,
    altered: numberField,
    removed: numberField,
    mpans: numberField,
  }),
  layout('R', 'registration message', 'none', {
    eventId: textField,
    registrationId: textField,
    version: numberField,
    outcome: wordField(),
    code: textField,
  }),
  layout('k', 'key rotated', 'none', { device: euiField }),
  layout('c', 'clock set', 'none', { device: euiField, aheadMs: numberField, driftPpm: numberField }),
  layout('l', 'counter lowered', 'none', lowered),
  layout('q', 'refusals not listed', 'none', { count: numberField }),
  layout('t', 'tail cut', 'none', { bytes: numberField, sha256: hexField, file: textField }),
  layout('m', 'segments removed', 'none', {
    from: numberField,
    upTo: numberField,
    lastSeq: numberField,
    lastHash: hexField,
  }),
  layout('w', 'reset', 'none', { why: textField, lastSeq: numberField, lastHash: hexField }),
  layout('y', 'store restored', 'none', {
    requestIds: numberField,
    fromSeq: numberField,
    lastSeq: numberField,
    unknownSince: instantField,
  }),
  layout('v', 'control', 'none', { call: textField, scope: wordField(), input: textField, outcome: textField }),
  layout('o', 'operator order', 'none', { order: textField }),
  layout('f', 'bench reset', 'none', { reset: numberField }),
  layout('p', 'records lost', 'none', { count: numberField, problem: textField }),
]

const byEvent = new Map(layouts.map((one) => [one.event, one]))
const byLetter = new Map(layouts.map((one) => [one.letter, one]))

const requestIdForm = /^((?:[0-9A-F]{2}-){7}[0-9A-F]{2}):((?:[0-9A-F]{2}-){7}[0-9A-F]{2}):(0|[1-9]\d{0,19})$/
const sameRequest = '"'

type OfRequest = { requestId?: string; user?: string; device?: string; srv?: string }

/** `ORIGINATOR.TARGET.COUNTER`, the counter in base 36; what has another form as it is, behind `!`. */
function idText(requestId: string): string {
  const parts = requestIdForm.exec(requestId)
  if (parts === null) return `!${noTilde(textField.write(requestId))}`
  const [, originator = '', target = '', counter = ''] = parts
  return `${euiField.write(originator)}.${euiField.write(target)}.${BigInt(counter).toString(36)}`
}

/** In the request's field, `~` separates too. */
const noTilde = (field: string) => field.replaceAll('~', '%007E')

function requestField(event: object, part: RequestPart): string {
  const { requestId = '', user = '', device = '', srv } = event as OfRequest
  if (part === 'none') return ''
  const id = requestId === '' ? '' : idText(requestId)
  if (part === 'id') return id
  const [originator, target] = requestId.split(':')
  const expected = user === originator && (part === 'no device' || device === target)
  const who = expected
    ? ''
    : user === target && device === originator
      ? '<'
      : [user, device].map((one) => noTilde(euiField.write(one))).join('~')
  return `${id}~${srv === undefined ? '' : noTilde(textField.write(srv))}${who === '' ? '' : `~${who}`}`
}

function readRequest(field: string, part: RequestPart): OfRequest {
  if (part === 'none' || field === '') return {}
  const [id = '', srv = '', ...who] = field.split('~')
  const requestId = id === '' ? undefined : readId(id)
  if (part === 'id') return { ...(requestId !== undefined && { requestId }) }
  const [originator = '', target = ''] = (requestId ?? '').split(':')
  const [user, device] =
    who.length === 0 ? [originator, target] : who[0] === '<' ? [target, originator] : who.map(euiField.read)
  // Of a refused request all of this may be absent.
  return {
    ...(requestId !== undefined && { requestId, user: user ?? '' }),
    ...(requestId !== undefined && part === 'all' && { device: device ?? '' }),
    ...(srv !== '' && { srv: textField.read(srv) }),
  }
}

function readId(id: string): string {
  if (id.startsWith('!')) return textField.read(id.slice(1))
  const [originator = '', target = '', counter = ''] = id.split('.')
  return `${euiField.read(originator)}:${euiField.read(target)}:${fromBase36(counter)}`
}

function fromBase36(digits: string): string {
  const small = Number.parseInt(digits, 36)
  if (Number.isSafeInteger(small)) return String(small)
  let value = 0n
  for (const digit of digits) value = value * 36n + BigInt(Number.parseInt(digit, 36))
  return String(value)
}

/** What a line takes over from the line before it in its batch. */
export interface LineContext {
  timeMs?: number
  /** The request as it was written, and the RequestID of it. */
  request?: string
}

/** The line of an event, without its end. Updates the context. */
export function writeLine(event: AuditEvent, timeMs: number, context: LineContext): string {
  const found = byEvent.get(event.event)
  if (found === undefined) throw new RangeError(`the audit trail has no line for "${event.event}"`)
  const { letter, request: part, fields } = found
  const deltaMs = context.timeMs === undefined ? -1 : timeMs - context.timeMs
  const time = deltaMs < 0 ? timeMs.toString(36) : `+${deltaMs === 0 ? '' : deltaMs.toString(36)}`
  context.timeMs = timeMs
  const request = requestField(event, part)
  const isSame =
    part !== 'none' && request !== '' && context.request !== undefined && sameFor(part, context.request) === request
  if (part !== 'none' && !isSame) context.request = request
  const rest = writeFields(event, fields, fieldSeparator)
  const head = part === 'none' ? `${letter}${time}` : `${letter}${time}|${isSame ? sameRequest : request}`
  return rest === '' ? head : `${head}|${rest}`
}

/** The request of the line before, reduced to what this kind of line says. */
function sameFor(part: RequestPart, request: string): string {
  return part === 'id' ? (request.split('~', 1)[0] ?? '') : request
}

/** The time of a line, milliseconds UTC. Updates the context. Throws RangeError for what is no time. */
export function readLineTime(line: string, context: LineContext): number {
  const end = line.indexOf(fieldSeparator)
  const text = end < 0 ? line.slice(1) : line.slice(1, end)
  const isDelta = text.startsWith('+')
  const number = text === '+' ? 0 : Number.parseInt(isDelta ? text.slice(1) : text, 36)
  const timeMs = isDelta ? (context.timeMs ?? Number.NaN) + number : number
  if (!Number.isSafeInteger(timeMs)) throw new RangeError(`"${line.slice(0, 60)}" has no time`)
  context.timeMs = timeMs
  return timeMs
}

/** Updates the context for a line that is passed over. */
export function passLine(line: string, context: LineContext): void {
  const part = byLetter.get(line[0] ?? '')?.request
  if (part === undefined || part === 'none') return
  const from = line.indexOf(fieldSeparator) + 1
  const end = line.indexOf(fieldSeparator, from)
  const request = from === 0 ? '' : line.slice(from, end < 0 ? undefined : end)
  if (request !== sameRequest) context.request = request
}

/** The record in a line of which `readLineTime` has given the time, and that was passed to `passLine`. Throws RangeError for what is no line of ours. */
export function readLine(line: string, seq: number, timeMs: number, context: LineContext): AuditRecord {
  const found = byLetter.get(line[0] ?? '')
  if (found === undefined) throw new RangeError(`"${line.slice(0, 60)}" is no record that this version knows`)
  const { event, request: part, fields } = found
  const all = line.split(fieldSeparator)
  const request = part === 'none' ? {} : readRequest(sameFor(part, context.request ?? ''), part)
  const values = readFields(all, fields, part === 'none' ? 1 : 2)
  const time = new Date(timeMs).toISOString()
  return { seq, time, event, ...request, ...values } as unknown as AuditRecord
}
