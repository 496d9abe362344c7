// Files out of a zip archive, which a .jar is. yauzl reads the archive and bounds each file by its stated size; how many
// files there may be, how large they may be, and the checksums are checked here.

import { buffer } from 'node:stream/consumers'
import { crc32 } from 'node:zlib'
import { type Entry, fromBufferPromise, type ZipFile } from 'yauzl'

/** Most that an archive may hold. */
export type ZipLimits = { entriesMax: number; fileBytesMax: number }

/**
 * The files whose names `wanted` selects, by name. Nothing else is unpacked, and no path is made from a name.
 *
 * Throws Error for a file that is not a zip archive, is truncated or damaged (CRC-32), is encrypted, or exceeds `limits`.
 */
export async function readZip(
  zip: Buffer,
  wanted: (name: string) => boolean,
  limits: ZipLimits,
): Promise<Map<string, Buffer>> {
  const archive = await fromBufferPromise(zip).catch((error: Error) => {
    throw new Error(`not a zip archive, or a damaged one (${error.message})`)
  })
  if (archive.entryCount > limits.entriesMax) throw new Error(`more than ${limits.entriesMax} files`)
  const files = new Map<string, Buffer>()
  try {
    for await (const entry of archive.eachEntry()) {
      const name = entry.fileName
      if (name.endsWith('/') || !wanted(name)) continue
      if (files.has(name)) throw new Error(`two files are called ${JSON.stringify(name)}`)
      files.set(name, await unpack(archive, entry, limits.fileBytesMax))
    }
  } catch (error) {
    // Errors of the library are RangeErrors and the like, too; what it says is kept.
    throw new Error(error instanceof Error ? error.message : String(error))
  }
  return files
}

async function unpack(archive: ZipFile, entry: Entry, bytesMax: number): Promise<Buffer> {
  const { fileName: name, uncompressedSize: bytes, compressionMethod: method } = entry
  if (entry.isEncrypted()) throw new Error(`${name} is encrypted`)
  if (bytes > bytesMax) throw new Error(`${name} has ${bytes} bytes, at most ${bytesMax}`)
  if (method !== 0 && method !== 8) throw new Error(`${name} is packed by method ${method}, known are 0 and 8`)
  const file = await archive
    .openReadStreamPromise(entry)
    .then(buffer)
    .catch((error: Error) => {
      throw new Error(`${name} is damaged (${error.message})`)
    })
  if (file.length !== bytes || crc32(file) !== entry.crc32) throw new Error(`${name} is damaged`)
  return file
}
