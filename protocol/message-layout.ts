// Codes of the messages and the limits of what they ask (SPEC.md section 7): what a meter needs of the table. The names of
// the fields are in messages.ts, which a board does not carry.

import { copyOf } from './bytes.ts'
import { type CborValue, encodeCbor, type Reader, takeHead } from './cbor.ts'
import { halfHoursPerAskMax } from './limits.ts'

/** What a meter refuses with. */
export const errorCode = {
  unknownMessage: 1,
  malformed: 2,
  outOfRange: 3,
  notRecorded: 4,
  logUnreadable: 5,
  versionConflict: 6,
  unconfirmed: 7,
} as const

export const messageCode = {
  sleep: 0,
  readProfile: 1,
  readRegisters: 2,
  readDailyReads: 3,
  readBilling: 4,
  takeBilling: 5,
  readEvents: 6,
  acknowledgeAlerts: 7,
  readClock: 8,
  setClock: 9,
  readInventory: 10,
  readSettings: 11,
  writeSettings: 12,
  selfTest: 13,
} as const

/** Stands for a byte string where the smallest value would stand. */
export const isBytes = -1

/** Smallest and largest value of each field of an ask, in order; `undefined` for a code that no message has. */
export function askLimits(code: number): readonly number[] | undefined {
  switch (code) {
    case messageCode.readProfile:
      return [0, 3, 0, 3145727, 1, halfHoursPerAskMax]
    case messageCode.readDailyReads:
      return [0, 65535, 1, 65536]
    case messageCode.readBilling:
      return [0, 65535]
    case messageCode.takeBilling:
      return [4, 15]
    case messageCode.readEvents:
      return [1, 2, 0, 16777215]
    case messageCode.acknowledgeAlerts:
      return [0, 16777215]
    case messageCode.setClock:
      return [0, 4294967295999, 0, 1]
    case messageCode.writeSettings:
      return [0, 4294967295, isBytes, 0]
  }
  return code >= 0 && code <= messageCode.selfTest ? [] : undefined
}

/** 0 when `value` is what a field with these limits takes, otherwise the error code. */
export function fieldFault(value: CborValue, least: number, most: number): number {
  if (least === isBytes) return value instanceof Uint8Array ? 0 : errorCode.malformed
  if (typeof value !== 'number') return errorCode.malformed
  return value < least || value > most ? errorCode.outOfRange : 0
}

/** A whole number or a byte string; `undefined` for anything else, or what is not all there. */
function takeField(reader: Reader): number | Uint8Array | undefined {
  const initial = reader.bytes[reader.at]!
  reader.at += 1
  const value = initial < 0x60 ? takeHead(reader, initial & 31) : undefined
  if (value === undefined || initial < 0x20) return value
  if (initial < 0x40) return -1 - value
  reader.at += value
  return reader.at > reader.bytes.length ? undefined : copyOf(reader.bytes, reader.at - value, value)
}

/**
 * An ask as the meter reads it: its code, then its fields in the order of the table. What cannot be answered is an error
 * code, as a negative number. Asks hold whole numbers and byte strings only, in an array of less than 24.
 */
export function takeAsk(bytes: Uint8Array): { code: number; fields: CborValue[] } {
  const refused = { code: -errorCode.malformed, fields: [] }
  const reader: Reader = { bytes: bytes, at: 1 }
  const code = bytes[0]! > 0x80 && bytes[0]! < 0x98 ? takeField(reader) : undefined
  if (typeof code !== 'number') return refused
  const limits = askLimits(code)
  if (!limits) return { code: -errorCode.unknownMessage, fields: [] }
  const count = bytes[0]! - 0x81
  if (count * 2 !== limits.length) return refused
  const fields: CborValue[] = []
  for (let i = 0; i < count; i++) {
    const value = takeField(reader)
    if (value === undefined) return refused
    const fault = fieldFault(value, limits[2 * i]!, limits[2 * i + 1]!)
    if (fault !== 0) return { code: -fault, fields: [] }
    fields.push(value)
  }
  return reader.at === bytes.length ? { code: code, fields: fields } : refused
}

/** The open message of an answer with these fields, in the order of the table. */
export function answerMessage(fields: CborValue[]): Uint8Array {
  fields.unshift(0)
  return encodeCbor(fields)
}

/** The open message of a refusal. */
export function encodeRefusal(error: number): Uint8Array {
  return encodeCbor([error])
}
