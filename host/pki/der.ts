// The part of DER (ITU-T X.690) that certificates with an EUI-64 need: reading a value, writing a few types.

const sequenceTag = 0x30
const bitStringTag = 0x03
const oidTag = 0x06

/** 2.5.4.45, x500UniqueIdentifier: where smart metering certificates keep the EUI-64. */
export const uniqueIdentifierOid = Uint8Array.of(0x55, 0x04, 0x2d)

type Value = { tag: number; content: Uint8Array; rest: Uint8Array }

/** The first value in `bytes`, or undefined when it is incomplete. Lengths up to 65,535 bytes. */
function readValue(bytes: Uint8Array): Value | undefined {
  const [tag, first] = bytes
  if (tag === undefined || first === undefined) return undefined
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f
  if (lengthBytes > 2 || first === 0x80) return undefined
  let length = lengthBytes === 0 ? first : 0
  for (let i = 0; i < lengthBytes; i++) length = length * 256 + (bytes[2 + i] ?? 0)
  const start = 2 + lengthBytes
  if (start + length > bytes.length) return undefined
  return { tag, content: bytes.subarray(start, start + length), rest: bytes.subarray(start + length) }
}

function readAll(content: Uint8Array): Value[] {
  const values: Value[] = []
  for (let value = readValue(content); value !== undefined; value = readValue(value.rest)) values.push(value)
  return values
}

/**
 * The EUI-64 in x500UniqueIdentifier of a certificate's subject, 8 bytes (RFC 5280, 4.1: TBSCertificate is version,
 * serial, algorithm, issuer, validity, subject, …); undefined when it has none or is no certificate. Smart metering
 * certificates have a BIT STRING of the 8 bytes. Other tools write text: 16 hexadecimal digits, also in pairs that are
 * joined by "-" or ":", as a string type or as the bytes of a BIT STRING.
 */
export function subjectEui(certificate: Uint8Array): Uint8Array | undefined {
  const tbs = readAll(readValue(certificate)?.content ?? new Uint8Array())[0]
  const subject = readAll(tbs?.content ?? new Uint8Array())[5]
  for (const relative of readAll(subject?.content ?? new Uint8Array())) {
    for (const pair of readAll(relative.content)) {
      const [oid, value] = readAll(pair.content)
      if (oid?.tag !== oidTag || !equal(oid.content, uniqueIdentifierOid)) continue
      const eui = value && euiIn(value)
      if (eui !== undefined) return eui
    }
  }
  return undefined
}

/** UTF8String, PrintableString, IA5String. */
const textTags = [0x0c, 0x13, 0x16]

function euiIn({ tag, content }: Value): Uint8Array | undefined {
  if (textTags.includes(tag)) return euiInText(content)
  // The first byte of a BIT STRING counts its unused bits; whole bytes have none.
  if (tag !== bitStringTag || content[0] !== 0) return undefined
  const bytes = content.subarray(1)
  return bytes.length === 8 ? bytes : euiInText(bytes)
}

function euiInText(bytes: Uint8Array): Uint8Array | undefined {
  const text = Buffer.from(bytes).toString('latin1')
  const isEui = /^[\da-f]{16}$/i.test(text) || /^[\da-f]{2}([-:])[\da-f]{2}(\1[\da-f]{2}){6}$/i.test(text)
  return isEui ? Buffer.from(text.replace(/[-:]/g, ''), 'hex') : undefined
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}

/** Any value: tag, length, content. Content up to 65,535 bytes. */
export function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = Buffer.concat(parts)
  const { length } = content
  const header = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Uint8Array.of(tag, ...header), content])
}

export function sequence(...parts: readonly Uint8Array[]): Uint8Array {
  return der(sequenceTag, ...parts)
}

export function oid(encoded: Uint8Array): Uint8Array {
  return der(oidTag, encoded)
}

/** A BIT STRING of whole bytes. */
export function bitString(bytes: Uint8Array): Uint8Array {
  return der(bitStringTag, Uint8Array.of(0), bytes)
}

/** A Time (RFC 5280, 4.1.2.5): UTCTime through 2049, GeneralizedTime after; whole seconds. */
export function time(timeMs: number): Uint8Array {
  const digits = new Date(timeMs).toISOString().replace(/[-:T]|\.\d+/g, '')
  const early = timeMs < Date.UTC(2050, 0)
  return der(early ? 0x17 : 0x18, Buffer.from(early ? digits.slice(2) : digits))
}
