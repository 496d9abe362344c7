// A traced frame as text and as JSON.

import { toHex } from '../../protocol/bytes.ts'
import type { CborValue } from '../../protocol/cbor.ts'
import { lineVersion } from '../../protocol/link.ts'
import { errorCode } from '../../protocol/message-layout.ts'
import { noPacket } from './packet-table.ts'
import { type RecordField, recordBytes, recordsIn } from './records.ts'
import type { Message, MessageFields, TracedFrame } from './sessions.ts'

const arrows = { 'to meter': '->', 'from meter': '<-' }

/** The name of an error code. */
export function errorName(error: number): string {
  const name = Object.entries(errorCode).find(([, code]) => code === error)?.[0]
  return name === undefined ? `error ${error}` : `error ${error} (${name})`
}

/** CBOR in the diagnostic notation of RFC 8949, as far as the line uses it. */
function notation(value: CborValue): string {
  if (value instanceof Uint8Array) return `h'${toHex(value)}'`
  if (Array.isArray(value)) return `[${value.map(notation).join(', ')}]`
  return JSON.stringify(value)
}

function fieldText(name: string, value: number | string | Uint8Array): string {
  if (!(value instanceof Uint8Array)) return `${name} ${typeof value === 'string' ? JSON.stringify(value) : value}`
  return value.length > 12 ? `${name} ${value.length} bytes` : `${name} ${toHex(value) || 'empty'}`
}

function fieldsText(fields: MessageFields): string {
  return Object.entries(fields)
    .map(([name, value]) => fieldText(name, value))
    .join(', ')
}

/** An open message in one line. */
export function messageText(message: Message): string {
  if (message.is === 'unknown')
    return `not in the message table: ${message.items instanceof Uint8Array ? toHex(message.items) : notation(message.items)}`
  if (message.is === 'refusal') return `${message.name ?? ''} refused, ${errorName(message.error)}`.trim()
  const { name, fields } = message
  const bytes = recordBytes(name, fields)
  const { records, left } = bytes === undefined ? { records: [], left: 0 } : recordsIn(name, bytes)
  const what = `${records[0]?.is}${records.length === 1 ? '' : 's'}`
  const inside = records.length > 0 ? ` (${records.length} ${what})` : ''
  const rest = left > 0 ? `, ${left} bytes that are no record` : ''
  return `${message.is === 'alerts' ? 'alerts' : name} ${fieldsText(fields)}${inside}${rest}`.trim()
}

function sealedText(frame: TracedFrame): string {
  if (frame.message !== undefined) return messageText(frame.message)
  const size = String(frame.read?.fields.sealed ?? '').length / 2
  return `${size} bytes sealed${frame.notOpened ? ', DO NOT OPEN with the key given' : ''}`
}

function packetText(frame: TracedFrame): string {
  const { read, eui, packet = new Uint8Array() } = frame
  if (read === undefined) return `${noPacket}: ${toHex(packet)}`
  const { name, version, fields } = read
  const ofVersion = version === lineVersion ? '' : ` of version ${version}`
  if (name === 'wake') return `wake${ofVersion} ${fields.eui}, nonce ${fields.hostNonce}`
  if (name === 'awake')
    return `awake${ofVersion} ${eui ?? `to no wake that is recorded (tag ${fields.tag})`}, boot ${fields.boot} session ${fields.session}`
  const place = name === 'ask' ? `ask ${fields.counter}` : `answer ${fields.counter}.${fields.block}`
  return `${place}${name === 'last answer' ? ', the last' : ''}: ${sealedText(frame)}`
}

/** One line for a frame; with `full`, one more for each record in it. The `number` is Wireshark's. */
export function frameText(frame: TracedFrame, full: boolean): string {
  const { number, atMs, direction, bytes, fault, message } = frame
  const time = new Date(atMs).toISOString().slice(11, 23)
  const arrow = direction === undefined ? '??' : arrows[direction]
  const what = fault === undefined ? packetText(frame) : `damaged, ${fault}`
  const line = `${String(number).padStart(6)} ${time} ${arrow} ${String(bytes).padStart(3)} B  ${what}\n`
  if (!full || message === undefined || !('fields' in message)) return line
  const records = recordBytes(message.name, message.fields)
  if (records === undefined) return line
  return (
    line +
    recordsIn(message.name, records)
      .records.map(({ title }) => `${' '.repeat(31)}${title}\n`)
      .join('')
  )
}

function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return toHex(value)
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plain(one)]))
}

/** Fields by name; `wh[0]`, `wh[1]` and so on as one array. */
function gathered(fields: readonly RecordField[]): { [name: string]: unknown } {
  const values: { [name: string]: unknown } = {}
  for (const { name, value } of fields) {
    const list = /^(\w+)\[\d+\]$/.exec(name)?.[1]
    if (list === undefined) values[name] = value
    else values[list] = [...((values[list] as unknown[] | undefined) ?? []), value]
  }
  return values
}

function messageJson(message: Message, full: boolean): unknown {
  if (!full || !('fields' in message)) return plain(message)
  const bytes = recordBytes(message.name, message.fields)
  if (bytes === undefined) return plain(message)
  const records = recordsIn(message.name, bytes).records.map(({ is, number, offset, fields }) => ({
    is,
    number,
    offset,
    ...gathered(fields),
  }))
  return { ...(plain(message) as object), records }
}

/** A frame as a value for JSON: bytes are hexadecimal, names are those of the packet and message tables. */
export function frameJson(frame: TracedFrame, full: boolean): { [name: string]: unknown } {
  const { number, line, atMs, direction, bytes, fault, packet, read, eui, link, message, notOpened } = frame
  return {
    frame: number,
    line,
    time: new Date(atMs).toISOString(),
    direction,
    bytes,
    fault,
    kind: packet === undefined ? undefined : (read?.name ?? noPacket),
    version: read?.version,
    ...(packet !== undefined && read === undefined ? { packet: toHex(packet) } : read?.fields),
    ...(eui !== undefined && { eui }),
    ...(link !== undefined && { boot: link.boot, session: link.session }),
    message: message && messageJson(message, full),
    notOpened,
  }
}
