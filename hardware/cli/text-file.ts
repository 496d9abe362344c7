// Text files that a user names.

import { readFileSync, statSync } from 'node:fs'

/**
 * The text of a file of at most `bytesMax` bytes.
 * @throws Error naming the file and what to do
 */
export function readTextFile(file: string, bytesMax: number): string {
  let bytes: Uint8Array
  try {
    const stats = statSync(file)
    if (!stats.isFile()) throw new Error('it is not a file')
    if (stats.size > bytesMax) throw new Error(`it has ${stats.size} bytes, at most ${bytesMax} are read`)
    bytes = readFileSync(file)
  } catch (error) {
    throw new Error(`cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`)
  }
  // Spreadsheets save "Unicode text" in 16 bits.
  return new TextDecoder(bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : 'utf-8').decode(bytes)
}
