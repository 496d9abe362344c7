// The table of messages (SPEC.md section 7) by names, as the bridge uses it. The meter has message-layout.ts.

import type { CborValue } from './cbor.ts'
import { decodeCbor, encodeCbor } from './cbor.ts'
import { askLimits, errorCode, fieldFault, messageCode } from './message-layout.ts'

export { encodeRefusal, errorCode } from './message-layout.ts'

/** Channels of the profile data log. */
export const channel = { activeImport: 0, activeExport: 1, reactiveImport: 2, reactiveExport: 3 } as const

/** A field by its name: a whole number unless it is something else. Limits of asks are in message-layout.ts. */
interface Field {
  name: string
  is?: 'bytes' | 'text'
}

interface Row {
  ask: readonly Field[]
  answer: readonly Field[]
}

const version = { name: 'version' } as const
const settings = { name: 'settings', is: 'bytes' } as const
const snapshots = { name: 'snapshots', is: 'bytes' } as const

const messages = {
  sleep: { ask: [], answer: [] },
  readProfile: {
    ask: [{ name: 'channel' }, { name: 'firstHalfHour' }, { name: 'count' }],
    answer: [{ name: 'blocks', is: 'bytes' }],
  },
  readRegisters: { ask: [], answer: [snapshots] },
  readDailyReads: { ask: [{ name: 'firstDay' }, { name: 'count' }], answer: [snapshots] },
  readBilling: { ask: [{ name: 'firstNumber' }], answer: [snapshots] },
  takeBilling: { ask: [{ name: 'cause' }], answer: [{ name: 'number' }] },
  readEvents: { ask: [{ name: 'log' }, { name: 'firstSequence' }], answer: [{ name: 'entries', is: 'bytes' }] },
  acknowledgeAlerts: { ask: [{ name: 'sequence' }], answer: [] },
  readClock: {
    ask: [],
    answer: [{ name: 'utcMs' }, { name: 'status' }, { name: 'lastSetMs' }, { name: 'driftPpm' }],
  },
  setClock: { ask: [{ name: 'utcMs' }, { name: 'confirmed' }], answer: [{ name: 'stepMs' }] },
  readInventory: {
    ask: [],
    answer: [
      { name: 'eui', is: 'bytes' },
      { name: 'manufacturer', is: 'text' },
      { name: 'model', is: 'text' },
      { name: 'firmwareVersion', is: 'text' },
      { name: 'deviceProfile' },
      { name: 'quirks' },
      { name: 'importDays' },
      { name: 'otherDays' },
      { name: 'dailyReads' },
    ],
  },
  readSettings: { ask: [], answer: [version, settings] },
  writeSettings: { ask: [version, settings], answer: [version] },
  selfTest: {
    ask: [],
    answer: [
      { name: 'faults' },
      { name: 'spoilt' },
      { name: 'framesDropped' },
      { name: 'notOpened' },
      { name: 'excessWh' },
    ],
  },
} as const

export type MessageName = keyof typeof messages

type FieldsOf<F extends readonly Field[]> = {
  [K in F[number] as K['name']]: K extends { is: 'bytes' } ? Uint8Array : K extends { is: 'text' } ? string : number
}
/** Fields of an ask by their names. */
export type Ask<N extends MessageName> = FieldsOf<(typeof messages)[N]['ask']>
/** Fields of an answer by their names. */
export type Answer<N extends MessageName> = FieldsOf<(typeof messages)[N]['answer']>

type Fields = { [name: string]: number | string | Uint8Array }

function row(name: MessageName): Row {
  return messages[name]
}

function encode(head: number, layout: readonly Field[], fields: Fields): Uint8Array {
  const items: CborValue[] = [head]
  for (let i = 0; i < layout.length; i++) items.push(fields[layout[i]!.name]!)
  return encodeCbor(items)
}

/** Fields by name, or the error code that says why not. `limits` of whole numbers, in pairs; any value without. */
function take(items: CborValue[], layout: readonly Field[], limits: readonly number[] | undefined): Fields | number {
  if (items.length !== layout.length + 1) return errorCode.malformed
  const fields: Fields = {}
  for (let i = 0; i < layout.length; i++) {
    const field = layout[i]!
    const value = items[i + 1]!
    const kind = value instanceof Uint8Array ? 'bytes' : typeof value === 'string' ? 'text' : undefined
    if (kind !== field.is || (kind === undefined && typeof value !== 'number')) return errorCode.malformed
    const fault = limits === undefined ? 0 : fieldFault(value, limits[2 * i]!, limits[2 * i + 1]!)
    if (fault !== 0) return fault
    fields[field.name] = value as number | string | Uint8Array
  }
  return fields
}

/** The open message of an ask. */
export function encodeAsk<N extends MessageName>(name: N, fields: Ask<N>): Uint8Array {
  return encode(messageCode[name], row(name).ask, fields as Fields)
}

/** An ask as the meter understands it: its name and fields, or the error code to refuse it with. */
export function decodeAsk(bytes: Uint8Array): { name: MessageName; fields: Fields } | { error: number } {
  const items = decodeCbor(bytes)
  if (!Array.isArray(items) || typeof items[0] !== 'number') return { error: errorCode.malformed }
  const name = (Object.keys(messages) as MessageName[]).find((one) => messageCode[one] === items[0])
  if (name === undefined) return { error: errorCode.unknownMessage }
  const fields = take(items, row(name).ask, askLimits(items[0]))
  return typeof fields === 'number' ? { error: fields } : { name: name, fields: fields }
}

/** The open message of an answer. */
export function encodeAnswer<N extends MessageName>(name: N, fields: Answer<N>): Uint8Array {
  return encode(0, row(name).answer, fields as Fields)
}

/** An answer as the asker reads it; `undefined` when it is neither an answer to `name` nor a refusal. */
export function decodeAnswer<N extends MessageName>(
  name: N,
  bytes: Uint8Array,
): { fields: Answer<N> } | { error: number } | undefined {
  const items = decodeCbor(bytes)
  if (!Array.isArray(items) || typeof items[0] !== 'number') return undefined
  if (items[0] !== 0) return items.length === 1 && items[0] > 0 ? { error: items[0] } : undefined
  const fields = take(items, row(name).answer, undefined)
  return typeof fields === 'number' ? undefined : { fields: fields as Answer<N> }
}
