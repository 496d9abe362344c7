// The records in an answer (protocol/SPEC.md sections 8 to 10): day blocks, register snapshots and events, with their fields
// and offsets.

import { decodeReceivedDay, partCoding, type ReceivedDay } from '../../protocol/day-part.ts'
import { decodeEvent, eventCode } from '../../protocol/event-entry.ts'
import { channel, type MessageName } from '../../protocol/messages.ts'
import { decodeSnapshot, type RegisterSnapshot, snapshotCause } from '../../protocol/register-snapshot.ts'
import type { MessageFields } from './sessions.ts'

export type RecordField = {
  name: string
  /** -1 is a half-hour that was not recorded. */
  value: number | boolean
  /** Offset of its first byte in the record; for a half-hour, of the first byte of the coded values. */
  offset: number
}

export type LineRecord = {
  is: 'day block' | 'snapshot' | 'event'
  /** Number of the day, of the snapshot, or of the event. */
  number: number
  /** Offset in the answer's records. */
  offset: number
  bytes: Uint8Array
  fields: RecordField[]
  title: string
}

const nameIn = (names: { [name: string]: number }, value: number) =>
  Object.keys(names).find((name) => names[name] === value) ?? `${value}`

/** `2026-11-22`, of days since 1970. */
export const dateOf = (day: number) => new Date(day * 86400000).toISOString().slice(0, 10)

/** UTC in seconds as text; `time lost` for 0. */
export const timeOf = (seconds: number) =>
  seconds === 0 ? 'time lost' : new Date(seconds * 1000).toISOString().replace('.000', '')

function dayFields(profile: ReceivedDay, bytes: Uint8Array): RecordField[] {
  const form = bytes[1] ?? 0
  const isPart = (form & 15) === partCoding
  const valuesAt = 4 + (form & 128 ? 1 : 0) + (form & 16 ? 6 : 0) + (form & 32 ? 6 : 0) + (isPart ? 1 : 0)
  const fields: RecordField[] = [
    { name: 'day', value: profile.day, offset: 2 },
    { name: 'channel', value: profile.channel, offset: form & 128 ? 4 : 1 },
    { name: 'open', value: profile.open, offset: 1 },
  ]
  for (let i = profile.first; i < profile.first + profile.count; i++) {
    fields.push({ name: `wh[${i}]`, value: profile.wh[i] ?? -1, offset: valuesAt })
    fields.push({ name: `marked[${i}]`, value: profile.marked[i] === 1, offset: 1 })
  }
  return fields
}

function snapshotFields(snapshot: RegisterSnapshot, bytes: Uint8Array): RecordField[] {
  const fields: RecordField[] = [
    { name: 'cause', value: snapshot.cause, offset: 1 },
    { name: 'late', value: snapshot.late, offset: 1 },
    { name: 'number', value: snapshot.number, offset: 2 },
    { name: 'atSeconds', value: snapshot.atSeconds, offset: 4 },
  ]
  let at = 14
  const put = (name: string, value: number, there: boolean) => {
    fields.push({ name, value, offset: there ? at : 8 })
    if (!there) return
    while ((bytes[at] ?? 0) >= 128) at += 1
    at += 1
  }
  for (const [i, value] of snapshot.registers.entries()) put(`registers[${i}]`, value, true)
  for (const [i, value] of snapshot.matrix.entries()) put(`matrix[${i}]`, value, value > 0)
  return fields
}

function dayRecord(bytes: Uint8Array, offset: number): LineRecord | undefined {
  const profile = decodeReceivedDay(bytes)
  if (profile === undefined) return undefined
  const recorded = profile.wh.filter((wh) => wh >= 0)
  const total = recorded.reduce((sum, wh) => sum + wh, 0)
  const unit = profile.channel < 2 ? 'Wh' : 'varh'
  const marks = profile.marked.filter((mark) => mark === 1).length
  const title = `${dateOf(profile.day)} ${nameIn(channel, profile.channel)} ${recorded.length} of ${profile.count}, ${total} ${unit}${marks > 0 ? `, ${marks} marked` : ''}${profile.open ? ', not over' : ''}`
  return { is: 'day block', number: profile.day, offset, bytes, fields: dayFields(profile, bytes), title }
}

function snapshotRecord(bytes: Uint8Array, offset: number): LineRecord | undefined {
  const snapshot = decodeSnapshot(bytes)
  if (snapshot === undefined) return undefined
  const { cause, number, atSeconds, registers, matrix, late } = snapshot
  const tou = matrix.filter((wh) => wh > 0).length
  const title = `${timeOf(atSeconds)} ${nameIn(snapshotCause, cause)} ${number}${late ? ' late' : ''}, import ${registers[0]} export ${registers[1]} Wh, reactive ${registers[2]} and ${registers[3]} varh, ${tou} TOU register${tou === 1 ? '' : 's'}`
  return { is: 'snapshot', number, offset, bytes, fields: snapshotFields(snapshot, bytes), title }
}

function eventRecord(bytes: Uint8Array, offset: number): LineRecord | undefined {
  const event = decodeEvent(bytes, 0)
  if (event === undefined) return undefined
  const { code, sequence, atSeconds, value, detail } = event
  const fields = [
    { name: 'code', value: code, offset: 0 },
    { name: 'sequence', value: sequence, offset: 1 },
    { name: 'atSeconds', value: atSeconds, offset: 4 },
    { name: 'value', value, offset: 8 },
    { name: 'detail', value: detail, offset: 12 },
  ]
  const title = `${timeOf(atSeconds)} ${sequence} ${nameIn(eventCode, code)}, value ${value}, detail ${detail}`
  return { is: 'event', number: sequence, offset, bytes, fields, title }
}

const readers: { [name in MessageName]?: { field: string; read: typeof dayRecord; size?: number } } = {
  readProfile: { field: 'blocks', read: dayRecord },
  readRegisters: { field: 'snapshots', read: snapshotRecord },
  readDailyReads: { field: 'snapshots', read: snapshotRecord },
  readBilling: { field: 'snapshots', read: snapshotRecord },
  readEvents: { field: 'entries', read: eventRecord, size: 16 },
}

/** The bytes of records that an answer carries; `undefined` for a message that carries none. */
export function recordBytes(name: MessageName, fields: MessageFields): Uint8Array | undefined {
  const reader = readers[name]
  return reader && (fields[reader.field] as Uint8Array | undefined)
}

/** The records in an answer's bytes, up to the first that cannot be read; `left` is the number of bytes from there. */
export function recordsIn(name: MessageName, bytes: Uint8Array): { records: LineRecord[]; left: number } {
  const reader = readers[name]
  const records: LineRecord[] = []
  let at = 0
  while (at < bytes.length) {
    const length = reader?.size ?? bytes[at] ?? 0
    const record = length === 0 ? undefined : reader?.read(bytes.slice(at, at + length), at)
    if (record === undefined) break
    records.push(record)
    at += length
  }
  return { records, left: bytes.length - at }
}
