// The table of messages (SPEC.md section 7). A row is all that either end needs to encode, decode and check one.

import type { CborValue } from './cbor.ts'
import { decodeCbor, encodeCbor } from './cbor.ts'
import { halfHoursPerAskMax } from './limits.ts'

/** What a meter refuses with (SPEC.md section 7). */
export const errorCode = {
  unknownMessage: 1,
  malformed: 2,
  outOfRange: 3,
  notRecorded: 4,
  logUnreadable: 5,
  versionConflict: 6,
} as const

/** Channels of the profile data log. */
export const channel = { activeImport: 0, activeExport: 1, reactiveImport: 2, reactiveExport: 3 } as const

interface Field {
  name: string
  /** Smallest and largest value of a whole number; a byte string or a text when `is` says so. */
  min?: number
  max?: number
  is?: 'bytes' | 'text'
}

interface Row {
  code: number
  ask: readonly Field[]
  answer: readonly Field[]
}

function rows() {
  const utcMs = { name: 'utcMs', min: 0, max: 4294967295999 } as const
  const version = { name: 'version', min: 0, max: 4294967295 } as const
  const settings = { name: 'settings', is: 'bytes' } as const
  const snapshots = { name: 'snapshots', is: 'bytes' } as const
  return {
    sleep: { code: 0, ask: [], answer: [] },
    readProfile: {
      code: 1,
      ask: [
        { name: 'channel', min: 0, max: 3 },
        { name: 'firstHalfHour', min: 0, max: 3145727 },
        { name: 'count', min: 1, max: halfHoursPerAskMax },
      ],
      answer: [{ name: 'blocks', is: 'bytes' }],
    },
    readRegisters: { code: 2, ask: [], answer: [snapshots] },
    readDailyReads: {
      code: 3,
      ask: [
        { name: 'firstDay', min: 0, max: 65535 },
        { name: 'count', min: 1, max: 65536 },
      ],
      answer: [snapshots],
    },
    readBilling: { code: 4, ask: [{ name: 'firstNumber', min: 0, max: 65535 }], answer: [snapshots] },
    takeBilling: {
      code: 5,
      ask: [{ name: 'cause', min: 4, max: 15 }],
      answer: [{ name: 'number', min: 0, max: 65535 }],
    },
    readEvents: {
      code: 6,
      ask: [
        { name: 'log', min: 1, max: 2 },
        { name: 'firstSequence', min: 0, max: 16777215 },
      ],
      answer: [{ name: 'entries', is: 'bytes' }],
    },
    acknowledgeAlerts: { code: 7, ask: [{ name: 'sequence', min: 0, max: 16777215 }], answer: [] },
    readClock: {
      code: 8,
      ask: [],
      answer: [
        utcMs,
        { name: 'status', min: 0, max: 1 },
        { name: 'lastSetMs', min: 0, max: 4294967295999 },
        { name: 'driftPpm', min: -1000000, max: 1000000 },
      ],
    },
    setClock: {
      code: 9,
      ask: [utcMs],
      answer: [{ name: 'stepMs', min: -4294967295999, max: 4294967295999 }],
    },
    readInventory: {
      code: 10,
      ask: [],
      answer: [
        { name: 'eui', is: 'bytes' },
        { name: 'manufacturer', is: 'text' },
        { name: 'model', is: 'text' },
        { name: 'firmwareVersion', is: 'text' },
        { name: 'deviceProfile', min: 0, max: 255 },
        { name: 'quirks', min: 0, max: 255 },
        { name: 'importDays', min: 0, max: 65535 },
        { name: 'otherDays', min: 0, max: 65535 },
        { name: 'dailyReads', min: 1, max: 31 },
      ],
    },
    readSettings: { code: 11, ask: [], answer: [version, settings] },
    writeSettings: { code: 12, ask: [version, settings], answer: [version] },
    selfTest: {
      code: 13,
      ask: [],
      answer: [
        { name: 'faults', min: 0, max: 65535 },
        { name: 'spoilt', min: 0, max: 65535 },
        { name: 'framesDropped', min: 0, max: 9007199254740991 },
        { name: 'notOpened', min: 0, max: 9007199254740991 },
      ],
    },
  } as const
}

type Rows = ReturnType<typeof rows>
let table: Rows | undefined

/**
 * The rows by name. Made when first needed: on a board they take 500 variables, which a sleeping meter does without
 * (`forgetMessages`).
 */
function messages(): Rows {
  if (table === undefined) table = rows()
  return table
}

/** Gives the table's memory back until a message is needed again. */
export function forgetMessages(): void {
  table = undefined
}

export type MessageName = keyof Rows

type FieldsOf<F extends readonly Field[]> = {
  [K in F[number] as K['name']]: K extends { is: 'bytes' } ? Uint8Array : K extends { is: 'text' } ? string : number
}
/** Fields of an ask by their names. */
export type Ask<N extends MessageName> = FieldsOf<Rows[N]['ask']>
/** Fields of an answer by their names. */
export type Answer<N extends MessageName> = FieldsOf<Rows[N]['answer']>

type Fields = { [name: string]: number | string | Uint8Array }

function row(name: MessageName): Row {
  return messages()[name]
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
    if (field.is === 'bytes') {
      if (!(value instanceof Uint8Array)) return errorCode.malformed
      fields[field.name] = value
    } else if (field.is === 'text') {
      if (typeof value !== 'string') return errorCode.malformed
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
  const names = Object.keys(messages()) as MessageName[]
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
