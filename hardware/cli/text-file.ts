// Files that a user names.

import { readFileSync, statSync } from 'node:fs'
import { decodeText } from '../load/decode-text.ts'

export { readCsv } from '../load/csv-records.ts'

/**
 * The bytes of a file of at most `bytesMax` bytes.
 * @throws Error naming the file and what to do
 */
export function readFileBytes(file: string, bytesMax: number): Uint8Array {
  try {
    const stats = statSync(file)
    if (!stats.isFile()) throw new Error('it is not a file')
    if (stats.size > bytesMax) throw new Error(`it has ${stats.size} bytes, at most ${bytesMax} are read`)
    return readFileSync(file)
  } catch (error) {
    throw new Error(`cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/**
 * The text of a file of at most `bytesMax` bytes, in any encoding that `decodeText` knows.
 * @throws Error naming the file and what to do
 */
export function readTextFile(file: string, bytesMax: number): string {
  return decodeText(readFileBytes(file, bytesMax))
}
