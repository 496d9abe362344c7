// The values used last, kept in memory in front of a store.

export interface Recent<Value> {
  get(key: string): Value | undefined
  set(key: string, value: Value): void
  delete(key: string): void
  entries(): Iterable<[string, Value]>
}

/**
 * Keeps about `countMax` values: at least the half of them used last, and every one that `mustStay`.
 *
 * Two generations rather than one Map in the order of use: taking a key out and putting it in again leaves a hole in
 * the Map each time, and a key used a thousand times in a row is found behind a thousand holes (measured: 27
 * microseconds instead of 3).
 */
export function createRecent<Value>(
  countMax: number,
  mustStay: (value: Value) => boolean = () => false,
): Recent<Value> {
  let young = new Map<string, Value>()
  let old = new Map<string, Value>()
  let youngMax = countMax / 2

  function set(key: string, value: Value): void {
    young.set(key, value)
    if (young.size > youngMax) turn()
  }

  function turn(): void {
    const staying = [...old].filter(([key, value]) => !young.has(key) && mustStay(value))
    old = young
    young = new Map(staying)
    youngMax = countMax / 2 + 2 * staying.length
  }

  return {
    get(key) {
      const found = young.get(key)
      if (found !== undefined) return found
      const aged = old.get(key)
      if (aged !== undefined) set(key, aged)
      return aged
    },
    set,
    delete(key) {
      young.delete(key)
      old.delete(key)
    },
    *entries() {
      yield* young
      for (const entry of old) if (!young.has(entry[0])) yield entry
    },
  }
}
