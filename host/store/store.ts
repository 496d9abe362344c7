// The bridge's data on disk, behind one interface. Keys sort as text; values are plain data, one type for each table.

import type { Reader } from './row-reader.ts'

/** The tables of a store, and how a value of each is read. */
export type TableReaders<Tables> = { readonly [Name in keyof Tables]: Reader<Tables[Name]> }

/** What is written together. Values are copied as they are at the call. */
export interface Batch<Tables> {
  put<Name extends keyof Tables & string>(table: Name, key: string, value: Tables[Name]): void
  remove(table: keyof Tables & string, key: string): void
}

/**
 * A store of these tables. Writes reach the disk in the order in which they were asked for.
 *
 * A part that needs one table takes `Store<{ outbox: Outgoing }>`; a store with more tables is also one of those.
 */
export interface Store<Tables> {
  /** Throws Error for a value that the table's reader does not accept. */
  get<Name extends keyof Tables & string>(table: Name, key: string): Tables[Name] | undefined
  /** Copies the value as it is now; resolves when it is on disk. A `get` may return the old value until then. */
  put<Name extends keyof Tables & string>(table: Name, key: string, value: Tables[Name]): Promise<void>
  /** Resolves when the key is gone from disk. */
  remove(table: keyof Tables & string, key: string): Promise<void>
  /** Writes all that `fill` puts into the batch in one transaction: after a crash there is all of it or nothing. */
  write(fill: (batch: Batch<Tables>) => void): Promise<void>
  /** Entries with `from` <= key < `to`, in the order of their keys. Throws as `get` does. */
  range<Name extends keyof Tables & string>(
    table: Name,
    from: string,
    to: string,
  ): Iterable<{ key: string; value: Tables[Name] }>
  /** Number of entries of a table. */
  count(table: keyof Tables & string): number
  close(): Promise<void>
}

/** The value that was read, or an error that names the record. */
export function readValue<Row>(reader: Reader<Row>, value: unknown, table: string, key: string): Row {
  const row = reader(value)
  if (row === undefined) throw damagedRecord(table, key)
  return row
}

export function damagedRecord(table: string, key: string): Error {
  return new Error(`the store's record ${key} in "${table}" is damaged: restore the store, or remove that record`)
}

/** The rows of one table in memory, by key, and their keys in order. */
function createRows() {
  const rows = new Map<string, unknown>()
  let keys: string[] = []
  let isSorted = true

  /** Index of the first key that is not below `key`. */
  function indexOf(key: string): number {
    let low = 0
    let high = keys.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((keys[middle] ?? '') < key) low = middle + 1
      else high = middle
    }
    return low
  }

  return {
    rows,
    set(key: string, value: unknown): void {
      if (!rows.has(key)) {
        isSorted &&= keys.length === 0 || (keys.at(-1) ?? '') < key
        keys.push(key)
      }
      rows.set(key, value)
    },
    delete(key: string): void {
      if (rows.delete(key) && rows.size === 0) {
        keys = []
        isSorted = true
      }
    },
    /** Keys of rows with `from` <= key < `to`. Those of removed rows go when half of all are. */
    *keys(from: string, to: string): Iterable<string> {
      if (!isSorted || keys.length > 2 * rows.size + 16) {
        keys = [...new Set(keys)].filter((key) => rows.has(key)).sort()
        isSorted = true
      }
      const now = keys
      for (let index = indexOf(from); index < now.length; index++) {
        const key = now[index]
        if (key === undefined || key >= to) return
        if (rows.has(key)) yield key
      }
    },
  }
}

/** A store in memory: its contents are lost at exit. For tests and simulations. */
export function createMemoryStore<Tables>(readers: TableReaders<Tables>): Store<Tables> {
  const tables = new Map<string, ReturnType<typeof createRows>>()
  const table = (name: string) => {
    const found = tables.get(name) ?? createRows()
    tables.set(name, found)
    return found
  }
  return {
    get(name, key) {
      const value = structuredClone(table(name).rows.get(key))
      return value === undefined ? undefined : readValue(readers[name], value, name, key)
    },
    put: async (name, key, value) => table(name).set(key, structuredClone(value)),
    remove: async (name, key) => table(name).delete(key),
    async write(fill) {
      fill({
        put: (name, key, value) => table(name).set(key, structuredClone(value)),
        remove: (name, key) => table(name).delete(key),
      })
    },
    *range(name, from, to) {
      const { rows, keys } = table(name)
      for (const key of keys(from, to)) {
        yield { key, value: readValue(readers[name], structuredClone(rows.get(key)), name, key) }
      }
    },
    count: (name) => table(name).rows.size,
    close: async () => {},
  }
}
