// Entries of the cache on disk: sealed with AES-256-GCM under the key of the UTC hour of retrieval, and bound to their
// names.

import { readBytes } from '../store/row-reader.ts'

/** Reads a row of the table `readings`. What is not bytes becomes an entry that does not open: a miss, not an error. */
export function readSealedEntry(value: unknown): Uint8Array {
  return readBytes(value) ?? new Uint8Array()
}

/** The store's key of an entry. Keys sort by hour, so that the entries of one sealing key are together. */
export function entryKey(hour: number, name: string): string {
  return `${String(hour).padStart(7, '0')}/${name}`
}
