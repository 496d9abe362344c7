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
  /** Why a write failed, until `probe` has succeeded, or why what is written is not kept; undefined while all is well. */
  trouble(): string | undefined
  /** Finds out whether there is room again. @throws UnwritableError when there is not */
  probe(): Promise<void>
  /** Number of entries of a table. */
  count(table: keyof Tables & string): number
  close(): Promise<void>
}

/** Nothing can be kept now: what was asked for is not done, and not acknowledged. */
export class UnwritableError extends Error {}

/** The value that was read, or an error that names the record. */
export function readValue<Row>(reader: Reader<Row>, value: unknown, table: string, key: string): Row {
  const row = reader(value)
  if (row === undefined) throw damagedRecord(table, key)
  return row
}

export function damagedRecord(table: string, key: string): Error {
  return new Error(`the store's record ${key} in "${table}" is damaged: restore the store, or remove that record`)
}

/** Of the keys of a table, the share that may wait to be sorted: a sort is worth its time then. */
const unsortedShare = 1 / 4

/** The rows of one table in memory, by key, and their keys in order. */
function createRows() {
  const rows = new Map<string, unknown>()
  let sorted: string[] = []
  /** Keys that came out of order. They are sorted when a range may hold one of them, or when they are many. */
  let unsorted: string[] = []

  /** Index of the first key that is not below `key`. */
  function indexOf(key: string): number {
    let low = 0
    let high = sorted.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((sorted[middle] ?? '') < key) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Sorts all keys, and drops those of removed rows. */
  function sort(): void {
    sorted = [...rows.keys()].sort()
    unsorted = []
  }

  return {
    rows,
    set(key: string, value: unknown): void {
      if (!rows.has(key)) {
        if (unsorted.length === 0 && (sorted.at(-1) ?? '') < key) sorted.push(key)
        else unsorted.push(key)
      }
      rows.set(key, value)
    },
    delete(key: string): void {
      if (rows.delete(key) && rows.size === 0) sort()
    },
    /** Keys of rows with `from` <= key < `to`. */
    *keys(from: string, to: string): Iterable<string> {
      const isMany = unsorted.length > sorted.length * unsortedShare + 16
      const isStale = sorted.length + unsorted.length > 2 * rows.size + 16
      if (isMany || isStale || unsorted.some((key) => key >= from && key < to)) sort()
      const now = sorted
      for (let index = indexOf(from); index < now.length; index++) {
        const key = now[index]
        if (key === undefined || key >= to) return
        if (rows.has(key)) yield key
      }
    },
  }
}

/**
 * A copy of plain data: nothing that was put into the store, or came out of it, changes with the original. Several times as fast
 * as `structuredClone`, which took two thirds of the time of this store.
 */
function copyOf<Value>(value: Value): Value
function copyOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array) return value.slice()
  if (Array.isArray(value)) return value.map(copyOf)
  if (Object.getPrototypeOf(value) !== Object.prototype) return structuredClone(value)
  const copy: { [name: string]: unknown } = {}
  for (const [name, one] of Object.entries(value)) copy[name] = copyOf(one)
  return copy
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
      const value = copyOf(table(name).rows.get(key))
      return value === undefined ? undefined : readValue(readers[name], value, name, key)
    },
    put: async (name, key, value) => table(name).set(key, copyOf(value)),
    remove: async (name, key) => table(name).delete(key),
    async write(fill) {
      fill({
        put: (name, key, value) => table(name).set(key, copyOf(value)),
        remove: (name, key) => table(name).delete(key),
      })
    },
    *range(name, from, to) {
      const { rows, keys } = table(name)
      for (const key of keys(from, to)) {
        yield { key, value: readValue(readers[name], copyOf(rows.get(key)), name, key) }
      }
    },
    trouble: () => undefined,
    count: (name) => table(name).rows.size,
    probe: async () => {},
    close: async () => {},
  }
}
