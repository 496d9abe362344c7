// The store on disk: one LMDB environment in the state directory, values in CBOR.

import { mkdirSync } from 'node:fs'
import { Encoder } from 'cbor-x'
import { open } from 'lmdb'
import type { Store, Table } from './store.ts'

const cbor = new Encoder({ useRecords: false, tagUint8Array: false })

const tables: Table[] = ['counters', 'accepted', 'outbox', 'readings', 'alerts', 'schedules', 'performance']

/**
 * Opens (or makes) the store in a directory, mode 0700.
 * @throws Error naming the directory when LMDB cannot open it
 */
export function openLmdbStore(directory: string): Store {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const root = openOrExplain(directory)
  const databases = new Map(tables.map((name) => [name, root.openDB<Buffer, string>({ name, encoding: 'binary' })]))
  const database = (name: Table) => databases.get(name)!
  return {
    get(name, key) {
      const bytes = database(name).get(key)
      return bytes === undefined ? undefined : cbor.decode(bytes)
    },
    async put(name, key, value) {
      await database(name).put(key, cbor.encode(value))
      await root.flushed
    },
    async remove(name, key) {
      await database(name).remove(key)
      await root.flushed
    },
    *range(name, from, to) {
      for (const entry of database(name).getRange({ start: from, end: to }))
        yield { key: entry.key, value: cbor.decode(entry.value) }
    },
    count: (name) => (database(name).getStats() as { entryCount: number }).entryCount,
    close: () => root.close(),
  }
}

function openOrExplain(directory: string) {
  try {
    return open({ path: directory, maxDbs: tables.length })
  } catch (error) {
    throw new Error(
      `the store in ${directory} cannot be opened (${(error as Error).message}): move the directory away to begin anew, or restore it`,
    )
  }
}
