// The store on disk: one LMDB environment in the state directory, values in CBOR.

import { chmodSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Encoder } from 'cbor-x'
import { type Database, open } from 'lmdb'
import { readValue, type Store, type TableReaders } from './store.ts'

const cbor = new Encoder({ useRecords: false, tagUint8Array: false })

/** Tables that one environment can hold; more than any version has. */
const tablesMax = 32

/**
 * Opens (or makes) the store in a directory, mode 0700. Tables that are not named are left as they are.
 * @throws Error naming the directory when LMDB cannot open it
 */
export function openLmdbStore<Tables>(directory: string, readers: TableReaders<Tables>): Store<Tables> {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const root = openOrExplain(directory)
  const databases = new Map<string, Database<Buffer, string>>()
  for (const name of Object.keys(readers)) databases.set(name, root.openDB({ name, encoding: 'binary' }))

  function database(name: string): Database<Buffer, string> {
    const found = databases.get(name)
    if (found === undefined) throw new RangeError(`the store was opened without its table "${name}"`)
    return found
  }

  return {
    get(name, key) {
      const bytes = database(name).get(key)
      return bytes === undefined ? undefined : readValue(readers[name], cbor.decode(bytes), name, key)
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
      for (const { key, value } of database(name).getRange({ start: from, end: to }))
        yield { key, value: readValue(readers[name], cbor.decode(value), name, key) }
    },
    count: (name) => (database(name).getStats() as { entryCount: number }).entryCount,
    close: () => root.close(),
  }
}

/**
 * Copies the store in a directory to another one (created, mode 0700) as it is at one moment; a bridge may use it meanwhile.
 * Nothing of the tables `without` is in the copy, nor anything that was deleted.
 */
export async function copyLmdbStore(from: string, to: string, without: readonly string[]): Promise<void> {
  const first = `${to}-first`
  for (const directory of [first, to]) mkdirSync(directory, { recursive: true, mode: 0o700 })
  try {
    await compactCopy(from, first, [])
    // What is removed stays in free pages; a compact copy leaves those out.
    await compactCopy(first, to, without)
  } finally {
    rmSync(first, { recursive: true, force: true })
  }
  chmodSync(join(to, 'data.mdb'), 0o600)
}

async function compactCopy(from: string, to: string, without: readonly string[]): Promise<void> {
  const root = openOrExplain(from)
  try {
    for (const name of without) await root.openDB({ name, encoding: 'binary' }).clearAsync()
    await root.flushed
    await root.backup(to, true)
  } finally {
    await root.close()
  }
}

function openOrExplain(directory: string) {
  try {
    return open({ path: directory, maxDbs: tablesMax })
  } catch (error) {
    throw new Error(
      `the store in ${directory} cannot be opened (${(error as Error).message}): move the directory away to begin with an empty one, or restore it`,
    )
  }
}
