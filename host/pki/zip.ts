// Files out of a zip archive, which a .jar is (PKWARE APPNOTE 4.3): end record, central directory, local headers.

import { crc32, inflateRawSync } from 'node:zlib'

/** Most that an archive may hold. */
export type ZipLimits = { entriesMax: number; fileBytesMax: number }

const endSignature = 0x06054b50
const centralSignature = 0x02014b50
const localSignature = 0x04034b50
const endBytes = 22
const centralBytes = 46
const localBytes = 30
const commentBytesMax = 65_535
const stored = 0
const deflated = 8
/** Bit 0 of the general purpose flags. */
const encrypted = 1

/**
 * The files whose names `wanted` selects, by name. Nothing else is unpacked, and no path is made from a name.
 *
 * Throws Error for a file that is not a zip archive, is truncated or damaged (CRC-32), is encrypted or Zip64, or exceeds
 * `limits`.
 */
export function readZip(zip: Buffer, wanted: (name: string) => boolean, limits: ZipLimits): Map<string, Buffer> {
  const end = endOf(zip)
  const count = zip.readUInt16LE(end + 10)
  if (count === 0xffff || count > limits.entriesMax) throw new Error(`more than ${limits.entriesMax} files`)
  const files = new Map<string, Buffer>()
  let at = zip.readUInt32LE(end + 16)
  for (let left = count; left > 0; left--) {
    expect(zip, at, centralSignature, centralBytes)
    const nameBytes = zip.readUInt16LE(at + 28)
    const next = at + centralBytes + nameBytes + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32)
    if (next > end) throw new Error('the central directory is cut off')
    const name = zip.toString('utf8', at + centralBytes, at + centralBytes + nameBytes)
    if (!name.endsWith('/') && wanted(name)) {
      if (files.has(name)) throw new Error(`two files are called ${JSON.stringify(name)}`)
      files.set(name, unpack(zip, at, name, limits.fileBytesMax))
    }
    at = next
  }
  return files
}

function endOf(zip: Buffer): number {
  // A comment of any length follows the record, so the search starts at the end.
  const first = Math.max(0, zip.length - endBytes - commentBytesMax)
  for (let at = zip.length - endBytes; at >= first; at--) if (zip.readUInt32LE(at) === endSignature) return at
  throw new Error('not a zip archive')
}

function expect(zip: Buffer, at: number, signature: number, bytes: number): void {
  if (at + bytes > zip.length || zip.readUInt32LE(at) !== signature) throw new Error('the archive is damaged')
}

function unpack(zip: Buffer, central: number, name: string, bytesMax: number): Buffer {
  const method = zip.readUInt16LE(central + 10)
  const crc = zip.readUInt32LE(central + 16)
  const packedBytes = zip.readUInt32LE(central + 20)
  const bytes = zip.readUInt32LE(central + 24)
  const local = zip.readUInt32LE(central + 42)
  if ((zip.readUInt16LE(central + 8) & encrypted) !== 0) throw new Error(`${name} is encrypted`)
  if (bytes > bytesMax) throw new Error(`${name} has ${bytes} bytes, at most ${bytesMax}`)
  expect(zip, local, localSignature, localBytes)
  // The local header repeats the name, and its extra field may be of another length.
  const start = local + localBytes + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28)
  if (start + packedBytes > zip.length) throw new Error(`${name} is cut off`)
  const packed = zip.subarray(start, start + packedBytes)
  const file = method === stored ? packed : method === deflated ? inflate(packed, name, bytes) : undefined
  if (file === undefined) throw new Error(`${name} is packed by method ${method}, known are ${stored} and ${deflated}`)
  if (file.length !== bytes || crc32(file) !== crc) throw new Error(`${name} is damaged`)
  return file
}

function inflate(packed: Buffer, name: string, bytes: number): Buffer {
  try {
    return inflateRawSync(packed, { maxOutputLength: Math.max(1, bytes) })
  } catch {
    throw new Error(`${name} is damaged`)
  }
}
