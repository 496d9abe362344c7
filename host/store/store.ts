// What the bridge must not forget, behind one small interface. Keys sort as text; values are plain data.

/** Tables of the bridge. A table is made by naming it here. */
export type Table = 'counters' | 'accepted' | 'outbox' | 'readings' | 'alerts' | 'schedules' | 'performance'

/** Writes reach the disk in the order in which they were asked for. */
export interface Store {
  get(table: Table, key: string): unknown
  /** Takes the value as it is now; resolves when it is on disk. A `get` may see the old value until then. */
  put(table: Table, key: string, value: unknown): Promise<void>
  /** Resolves when the key is gone from disk. */
  remove(table: Table, key: string): Promise<void>
  /** Entries with `from` <= key < `to`, in the order of their keys. */
  range(table: Table, from: string, to: string): Iterable<{ key: string; value: unknown }>
  /** Entries of a table. */
  count(table: Table): number
  close(): Promise<void>
}

/** A store that forgets: for tests, and for `--store memory`. */
export function createMemoryStore(): Store {
  const tables = new Map<Table, Map<string, unknown>>()
  const table = (name: Table) => {
    const found = tables.get(name) ?? new Map<string, unknown>()
    tables.set(name, found)
    return found
  }
  return {
    get: (name, key) => structuredClone(table(name).get(key)),
    put: async (name, key, value) => void table(name).set(key, structuredClone(value)),
    remove: async (name, key) => void table(name).delete(key),
    *range(name, from, to) {
      const keys = [...table(name).keys()].filter((key) => key >= from && key < to).sort()
      for (const key of keys) yield { key, value: structuredClone(table(name).get(key)) }
    },
    count: (name) => table(name).size,
    close: async () => {},
  }
}
