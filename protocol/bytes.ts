// Bytes, hexadecimal, EUI-64 and the one CRC that frames and flash records share.

/** Reads an unsigned 16-bit little-endian number. */
export function getU16(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8)
}

/** Reads an unsigned 24-bit little-endian number. */
export function getU24(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16)
}

/** Reads an unsigned 32-bit little-endian number. */
export function getU32(bytes: Uint8Array, at: number): number {
  return getU24(bytes, at) + bytes[at + 3]! * 0x1000000
}

/** Writes an unsigned 16-bit little-endian number. */
export function putU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value & 255
  bytes[at + 1] = (value >>> 8) & 255
}

/** Writes an unsigned 24-bit little-endian number. */
export function putU24(bytes: Uint8Array, at: number, value: number): void {
  putU16(bytes, at, value)
  bytes[at + 2] = (value >>> 16) & 255
}

/** Writes an unsigned 32-bit little-endian number. */
export function putU32(bytes: Uint8Array, at: number, value: number): void {
  putU16(bytes, at, value)
  putU16(bytes, at + 2, value >>> 16)
}

/** Copies `count` bytes from `at` into a new array (Espruino's own slice gives a plain Array). */
export function copyOf(bytes: Uint8Array, at: number, count: number): Uint8Array {
  const copy = new Uint8Array(count)
  copy.set(bytes.subarray(at, at + count))
  return copy
}

/** True when both arrays hold the same bytes. Not for secrets: it stops at the first difference. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** CRC-16/CCITT-FALSE (polynomial 1021h, start FFFFh) of bytes `from` to `to - 1`. Check value of "123456789": 29B1h. */
export function crc16(bytes: Uint8Array, from: number, to: number): number {
  let crc = 0xffff
  for (let i = from; i < to; i++) {
    // What a table of 256 entries would give, from the polynomial's four terms.
    let top = (crc >> 8) ^ bytes[i]!
    top ^= top >> 4
    crc = ((crc << 8) ^ (top << 12) ^ (top << 5) ^ top) & 0xffff
  }
  return crc
}

const hexDigits = '0123456789abcdef'

/** Lower-case hexadecimal. */
export function toHex(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; i++) text += hexDigits[bytes[i]! >>> 4]! + hexDigits[bytes[i]! & 15]!
  return text
}

/** Bytes of a hexadecimal text. @throws RangeError when it is not whole pairs of digits */
export function fromHex(text: string): Uint8Array {
  if (text.length % 2 !== 0) throw new RangeError('hexadecimal text needs whole pairs of digits, got ' + text.length)
  const bytes = new Uint8Array(text.length / 2)
  const lower = text.toLowerCase()
  for (let i = 0; i < lower.length; i++) {
    const digit = hexDigits.indexOf(lower[i]!)
    if (digit < 0) throw new RangeError('"' + text[i] + '" is not a hexadecimal digit')
    bytes[i >> 1] = (bytes[i >> 1]! << 4) | digit
  }
  return bytes
}

/** The eight bytes of an EUI-64 written as pairs joined by "-" (DUIS `EUI`), most significant first. @throws RangeError */
export function euiToBytes(eui: string): Uint8Array {
  const pairs = eui.split('-')
  if (pairs.length !== 8 || eui.length !== 23)
    throw new RangeError('"' + eui + '" is not an EUI-64 like 00-DB-12-34-56-78-90-A0')
  return fromHex(pairs.join(''))
}

/** An EUI-64 as DUIS writes it: upper-case pairs joined by "-". */
export function euiFromBytes(bytes: Uint8Array): string {
  const hex = toHex(bytes).toUpperCase()
  let text = ''
  for (let i = 0; i < 8; i++) text += (i > 0 ? '-' : '') + hex[i * 2] + hex[i * 2 + 1]
  return text
}
