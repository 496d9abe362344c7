// The bridge's data on disk, behind one interface. Keys sort as text; values are plain data, one type for each table.

import type { Reader } from './row-reader.ts'

/** The tables of a store, and how a value of each is read. */
export type TableReaders<Tables> = { readonly [Name in keyof Tables]: Reader<Tables[Name]> }

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

/** A store in memory: its contents are lost at exit. For tests and simulations. */
export function createMemoryStore<Tables>(readers: TableReaders<Tables>): Store<Tables> {
  const tables = new Map<string, Map<string, unknown>>()
  const table = (name: string) => {
    const found = tables.get(name) ?? new Map<string, unknown>()
    tables.set(name, found)
    return found
  }
  return {
    get(name, key) {
      const value = structuredClone(table(name).get(key))
      return value === undefined ? undefined : readValue(readers[name], value, name, key)
    },
    put: async (name, key, value) => void table(name).set(key, structuredClone(value)),
    remove: async (name, key) => void table(name).delete(key),
    *range(name, from, to) {
      const keys = [...table(name).keys()].filter((key) => key >= from && key < to).sort()
      for (const key of keys) {
        yield { key, value: readValue(readers[name], structuredClone(table(name).get(key)), name, key) }
      }
    },
    count: (name) => table(name).size,
    close: async () => {},
  }
}
