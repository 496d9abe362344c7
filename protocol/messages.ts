// The table of messages (SPEC.md section 7). A row is all that either end needs to encode, decode and check one.

import type { CborValue } from './cbor.ts'
import { decodeCbor, encodeCbor } from './cbor.ts'
import { halfHoursPerAskMax } from './limits.ts'

/** What a meter refuses with (SPEC.md section 7). */
export const errorCode = { unknownMessage: 1, malformed: 2, outOfRange: 3, notRecorded: 4, logUnreadable: 5 } as const

/** Channels of the profile data log. */
export const channel = { activeImport: 0, activeExport: 1, reactiveImport: 2, reactiveExport: 3 } as const

interface Field {
  name: string
  /** Smallest and largest value of an unsigned integer; a byte string when `bytes` is set. */
  min?: number
  max?: number
  bytes?: true
}

interface Row {
  code: number
  ask: readonly Field[]
  answer: readonly Field[]
}

export const messages = {
  sleep: { code: 0, ask: [], answer: [] },
  readProfile: {
    code: 1,
    ask: [
      { name: 'channel', min: 0, max: 3 },
      { name: 'firstHalfHour', min: 0, max: 3145727 },
      { name: 'count', min: 1, max: halfHoursPerAskMax },
    ],
    answer: [{ name: 'blocks', bytes: true }],
  },
} as const

export type MessageName = keyof typeof messages

type FieldsOf<F extends readonly Field[]> = {
  [K in F[number] as K['name']]: K extends { bytes: true } ? Uint8Array : number
}
/** Fields of an ask by their names. */
export type Ask<N extends MessageName> = FieldsOf<(typeof messages)[N]['ask']>
/** Fields of an answer by their names. */
export type Answer<N extends MessageName> = FieldsOf<(typeof messages)[N]['answer']>

type Fields = { [name: string]: number | Uint8Array }

function row(name: MessageName): Row {
  return messages[name]
}

function encode(head: number, layout: readonly Field[], fields: Fields): Uint8Array {
  const items: CborValue[] = [head]
  for (let i = 0; i < layout.length; i++) items.push(fields[layout[i]!.name]!)
  return encodeCbor(items)
}

/** Fields by name, or the error code that says why not. */
function take(items: CborValue[], layout: readonly Field[]): Fields | number {
  if (items.length !== layout.length + 1) return errorCode.malformed
  const fields: Fields = {}
  for (let i = 0; i < layout.length; i++) {
    const field = layout[i]!
    const value = items[i + 1]!
    if (field.bytes) {
      if (!(value instanceof Uint8Array)) return errorCode.malformed
      fields[field.name] = value
    } else {
      if (typeof value !== 'number') return errorCode.malformed
      if (value < field.min! || value > field.max!) return errorCode.outOfRange
      fields[field.name] = value
    }
  }
  return fields
}

/** The open message of an ask. */
export function encodeAsk<N extends MessageName>(name: N, fields: Ask<N>): Uint8Array {
  return encode(row(name).code, row(name).ask, fields as Fields)
}

/** An ask as the meter reads it: its name and fields, or the error code to refuse it with. */
export function decodeAsk(bytes: Uint8Array): { name: MessageName; fields: Fields } | { error: number } {
  const items = decodeCbor(bytes)
  if (!Array.isArray(items) || typeof items[0] !== 'number') return { error: errorCode.malformed }
  const names = Object.keys(messages) as MessageName[]
  for (let i = 0; i < names.length; i++) {
    if (row(names[i]!).code === items[0]) {
      const fields = take(items, row(names[i]!).ask)
      return typeof fields === 'number' ? { error: fields } : { name: names[i]!, fields: fields }
    }
  }
  return { error: errorCode.unknownMessage }
}

/** The open message of an answer. */
export function encodeAnswer<N extends MessageName>(name: N, fields: Answer<N>): Uint8Array {
  return encode(0, row(name).answer, fields as Fields)
}

/** The open message of a refusal. */
export function encodeRefusal(error: number): Uint8Array {
  return encodeCbor([error])
}

/** An answer as the asker reads it; `undefined` when it is neither an answer to `name` nor a refusal. */
export function decodeAnswer<N extends MessageName>(
  name: N,
  bytes: Uint8Array,
): { fields: Answer<N> } | { error: number } | undefined {
  const items = decodeCbor(bytes)
  if (!Array.isArray(items) || typeof items[0] !== 'number') return undefined
  if (items[0] !== 0) return items.length === 1 && items[0] > 0 ? { error: items[0] } : undefined
  const fields = take(items, row(name).answer)
  return typeof fields === 'number' ? undefined : { fields: fields as Answer<N> }
}
