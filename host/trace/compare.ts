// Compares two complete answers to the same ask, field by field.

import { encodeCbor } from '../../protocol/cbor.ts'
import { decodeAnswer, type MessageName } from '../../protocol/messages.ts'
import { whyLeftOut } from './differ-rules.ts'
import { dateOf, type LineRecord, type RecordField, recordBytes, recordsIn } from './records.ts'
import type { MessageFields } from './sessions.ts'

type Value = number | string | boolean | undefined

export interface Difference {
  /** `blocks 2026-11-14 wh[3]`, `firmwareVersion`. */
  field: string
  /** Byte offset in the first answer: in its joined records, or in its open message when it has no records. */
  offset: number
  /** The two values; `undefined` when there is none. */
  first: Value
  second: Value
}

export interface Comparison {
  differences: Difference[]
  /** Fields left out by a rule, by the reason. */
  leftOut: Map<string, Set<string>>
  /** Bytes of the first answer: its records, or its open message. */
  bytes: number
  /** True when both have the same bytes, with nothing left out. */
  sameBytes: boolean
}

interface Content {
  /** The error of a refusal. */
  error?: number
  fields: MessageFields
  bytes: Uint8Array
  records?: LineRecord[]
}

/** The content of an answer's frames, or a reason why it cannot be read. */
function contentOf(name: MessageName, messages: readonly Uint8Array[]): Content | string {
  const parts: Uint8Array[] = []
  let fields: MessageFields = {}
  for (const message of messages) {
    const decoded = decodeAnswer(name, message)
    if (decoded === undefined) return 'not an answer of the message table'
    if ('error' in decoded) return { error: decoded.error, fields: {}, bytes: message }
    fields = decoded.fields as MessageFields
    const bytes = recordBytes(name, fields)
    if (bytes === undefined) return { fields, bytes: message }
    parts.push(bytes)
  }
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  const { records, left } = recordsIn(name, bytes)
  return left > 0 ? `${left} bytes that are no record` : { fields, bytes, records }
}

const shown = (value: number | string | Uint8Array): Value =>
  value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value

/** Fields of an answer without records and their offsets: after the array's head and the status. */
function plainFields(fields: MessageFields): { name: string; value: Value; offset: number }[] {
  let offset = 2
  return Object.entries(fields).map(([name, value]) => {
    const field = { name, value: shown(value), offset }
    offset += encodeCbor([value]).length - 1
    return field
  })
}

function leave(result: Comparison, why: string, what: string): void {
  const fields = result.leftOut.get(why) ?? new Set()
  result.leftOut.set(why, fields.add(what))
}

function labelOf({ is, number }: LineRecord): string {
  return is === 'day block' ? dateOf(number) : `${is} ${number}`
}

/** Compares two records with the same number. */
function compareRecords(
  result: Comparison,
  name: MessageName,
  first: LineRecord,
  second: LineRecord,
  twoMeters: boolean,
): void {
  const fieldOf = ({ fields }: LineRecord, wanted: string) => fields.find((field) => field.name === wanted)?.value
  const isOpen = fieldOf(first, 'open') === true || fieldOf(second, 'open') === true
  const differs = first.bytes.findIndex((byte, i) => byte !== second.bytes[i])
  for (const [i, field] of first.fields.entries()) {
    const { name: fieldName, value, offset } = field
    const other = second.fields[i]?.value
    const why = whyLeftOut(name, fieldName, twoMeters) ?? (isOpen ? whyOpen(field, first, second, i) : undefined)
    if (why !== undefined) leave(result, why, fieldName.replace(/\[.*/, ''))
    else if (value !== other) {
      // The values of a day are coded together, so the first byte that differs is reported.
      const at = first.is === 'day block' ? Math.max(offset, differs) : offset
      result.differences.push({
        field: `${labelOf(first)} ${fieldName}`,
        offset: first.offset + at,
        first: value,
        second: other,
      })
    }
  }
}

/** Why a field is left out when the day had not ended: only one of the two records can have the value. */
function whyOpen(field: RecordField, first: LineRecord, second: LineRecord, i: number): string | undefined {
  if (field.name === 'open') return 'a day that was not over'
  const at = field.name.startsWith('marked') ? i - 1 : i
  if (!/^(wh|marked)/.test(field.name)) return undefined
  const isMissing = (record: LineRecord) => record.fields[at]?.value === -1
  return isMissing(first) !== isMissing(second) ? 'a day that was not over' : undefined
}

/** Pairs records by number. Both logs are rings: old records are overwritten, new ones are added. */
function compareLists(
  result: Comparison,
  name: MessageName,
  first: LineRecord[],
  second: LineRecord[],
  twoMeters: boolean,
): void {
  const bySecond = new Map(second.map((record) => [record.number, record]))
  const numbers = new Set(first.map(({ number }) => number))
  const oldestFirst = first[0]?.number ?? Number.POSITIVE_INFINITY
  const newestFirst = first.at(-1)?.number ?? Number.NEGATIVE_INFINITY
  const oldestSecond = second[0]?.number ?? Number.POSITIVE_INFINITY
  const overlap = first.some(({ number }) => bySecond.has(number))
  const missing = (record: LineRecord, inFirst: boolean) =>
    result.differences.push({
      field: labelOf(record),
      offset: record.offset,
      first: inFirst ? `${record.bytes.length} bytes` : undefined,
      second: inFirst ? undefined : `${record.bytes.length} bytes`,
    })
  for (const record of first) {
    const other = bySecond.get(record.number)
    if (other !== undefined) compareRecords(result, name, record, other, twoMeters)
    else if (overlap && record.number < oldestSecond) leave(result, 'older than the second has', labelOf(record))
    else missing(record, true)
  }
  for (const record of second) {
    if (numbers.has(record.number)) continue
    if (record.number > newestFirst) leave(result, 'recorded since', labelOf(record))
    else if (record.number < oldestFirst) leave(result, 'older than the first has', labelOf(record))
    else missing(record, false)
  }
}

/**
 * Compares the open messages of two whole answers to `name`. `twoMeters` also leaves out fields that differ between meters.
 * Differences are in the order of the fields.
 */
export function compareAnswers(
  name: MessageName,
  firstMessages: readonly Uint8Array[],
  secondMessages: readonly Uint8Array[],
  twoMeters: boolean,
): Comparison {
  const result: Comparison = { differences: [], leftOut: new Map(), bytes: 0, sameBytes: false }
  const first = contentOf(name, firstMessages)
  const second = contentOf(name, secondMessages)
  if (typeof first === 'string' || typeof second === 'string') {
    const what = (content: Content | string) => (typeof content === 'string' ? content : 'an answer')
    result.differences.push({ field: 'message', offset: 0, first: what(first), second: what(second) })
    return result
  }
  result.bytes = first.bytes.length
  result.sameBytes = Buffer.compare(first.bytes, second.bytes) === 0
  if (first.error !== second.error) {
    result.differences.push({ field: 'error', offset: 1, first: first.error, second: second.error })
  } else if (first.records !== undefined && second.records !== undefined) {
    compareLists(result, name, first.records, second.records, twoMeters)
  } else {
    for (const { name: field, value, offset } of plainFields(first.fields)) {
      const given = second.fields[field]
      const other = given === undefined ? undefined : shown(given)
      const why = whyLeftOut(name, field, twoMeters)
      if (why !== undefined) leave(result, why, field)
      else if (value !== other) result.differences.push({ field, offset, first: value, second: other })
    }
  }
  return result
}

const valueText = (value: Value) => (value === undefined ? 'nothing' : value === -1 ? 'not recorded' : String(value))

/** A comparison in one line: the first difference, if any, and what was left out. */
export function comparisonText(comparison: Comparison, [first, second]: readonly [string, string]): string {
  const { differences, leftOut, sameBytes } = comparison
  const one = differences[0]
  const more = differences.length > 1 ? `, and ${differences.length - 1} more` : ''
  const verdict =
    one === undefined
      ? sameBytes
        ? 'equal bytes'
        : 'equal'
      : `DIFFERS at ${one.field}, byte ${one.offset}: ${first} ${valueText(one.first)}, ${second} ${valueText(one.second)}${more}`
  // With equal bytes nothing was left out.
  const left = sameBytes ? [] : [...leftOut].map(([why, fields]) => `${listOf([...fields])} (${why})`)
  return left.length === 0 ? verdict : `${verdict}; left out: ${left.join(', ')}`
}

function listOf(names: readonly string[]): string {
  return names.length > 3 ? `${names.slice(0, 2).join(', ')} and ${names.length - 2} more` : names.join(', ')
}
