// The deterministic CBOR subset of SPEC.md section 7: integers, byte strings, text, arrays, true, false, null.

import { copyOf } from './bytes.ts'
import { cborDepthMax, messageBytesMax } from './limits.ts'

export type CborValue = number | boolean | null | string | Uint8Array | CborValue[]

/** Bytes, and where in them one is. */
export interface Reader {
  bytes: Uint8Array
  at: number
}

function headBytes(value: number): number {
  return value < 24 ? 1 : value < 0x100 ? 2 : value < 0x10000 ? 3 : value < 0x100000000 ? 5 : 9
}

function putByte(to: Reader, byte: number): void {
  // What lies outside is not written; `encodeCbor` sees by the place that it was too much.
  to.bytes[to.at] = byte
  to.at += 1
}

function putHead(to: Reader, major: number, value: number): void {
  const size = headBytes(value) - 1
  putByte(to, (major << 5) | (size === 0 ? value : size === 1 ? 24 : size === 2 ? 25 : size === 4 ? 26 : 27))
  // Powers by doubling: Espruino's Math.pow is off in the last bits.
  let scale = 1
  for (let i = 1; i < size; i++) scale *= 256
  for (let i = 0; i < size; i++) {
    putByte(to, Math.floor(value / scale) & 255)
    scale /= 256
  }
}

function putValue(to: Reader, value: CborValue): void {
  if (value === false) putByte(to, 0xf4)
  else if (value === true) putByte(to, 0xf5)
  else if (value === null) putByte(to, 0xf6)
  else if (typeof value === 'number') {
    if (Math.floor(value) !== value || Math.abs(value) > 9007199254740991) throw new RangeError('not whole')
    if (value < 0) putHead(to, 1, -1 - value)
    else putHead(to, 0, value)
  } else if (typeof value === 'string') {
    putHead(to, 3, value.length)
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i)
      if (code > 127) throw new RangeError('not ASCII')
      putByte(to, code)
    }
  } else {
    putHead(to, value instanceof Uint8Array ? 2 : 4, value.length)
    if (value instanceof Uint8Array) {
      for (let i = 0; i < value.length; i++) putByte(to, value[i]!)
    } else for (let i = 0; i < value.length; i++) putValue(to, value[i]!)
  }
}

/** Encodes one value, of 232 bytes at most. Text is ASCII. @throws RangeError for what the subset cannot say */
export function encodeCbor(value: CborValue): Uint8Array {
  const to: Reader = { bytes: new Uint8Array(messageBytesMax), at: 0 }
  putValue(to, value)
  if (to.at > messageBytesMax) throw new RangeError(to.at + ' bytes')
  return to.bytes.subarray(0, to.at)
}

/** The number in or after a head's first byte, of which `info` is the low 5 bits; `undefined` for "refused". */
export function takeHead(reader: Reader, info: number): number | undefined {
  if (info < 24) return info
  if (info > 27) return undefined
  const size = 1 << (info - 24)
  if (reader.at + size > reader.bytes.length) return undefined
  let value = 0
  for (let i = 0; i < size; i++) value = value * 256 + reader.bytes[reader.at + i]!
  reader.at += size
  if (value > 9007199254740991 || headBytes(value) !== size + 1) return undefined
  return value
}

function takeValue(reader: Reader, depth: number): CborValue | undefined {
  if (reader.at >= reader.bytes.length) return undefined
  const initial = reader.bytes[reader.at]!
  reader.at += 1
  if (initial === 0xf4) return false
  if (initial === 0xf5) return true
  if (initial === 0xf6) return null
  const major = initial >> 5
  const count = takeHead(reader, initial & 31)
  if (count === undefined || major > 4) return undefined
  if (major === 0) return count
  if (major === 1) return -1 - count
  const left = reader.bytes.length - reader.at
  if (count > left) return undefined
  if (major === 4) {
    if (depth >= cborDepthMax) return undefined
    const items: CborValue[] = []
    for (let i = 0; i < count; i++) {
      const item = takeValue(reader, depth + 1)
      if (item === undefined) return undefined
      items.push(item)
    }
    return items
  }
  const from = reader.at
  reader.at += count
  if (major === 2) return copyOf(reader.bytes, from, count)
  let text = ''
  for (let i = from; i < reader.at; i++) {
    if (reader.bytes[i]! > 127) return undefined
    text += String.fromCharCode(reader.bytes[i]!)
  }
  return text
}

/** Decodes bytes that are exactly one value in its shortest form; `undefined` for anything else. */
export function decodeCbor(bytes: Uint8Array): CborValue | undefined {
  if (bytes.length > messageBytesMax) return undefined
  const reader: Reader = { bytes: bytes, at: 0 }
  const value = takeValue(reader, 0)
  return reader.at === bytes.length ? value : undefined
}
