// Objects that were read from a store and can be changed: for as long as anybody holds one, whoever reads it gets the same.

export interface LiveObjects<Value extends object> {
  get(id: number): Value | undefined
  set(id: number, value: Value): void
  delete(id: number): void
  /** Holds an object that is being written: what is on disk is older. Call the result once it is written. */
  dirty(id: number, value: Value): () => void
}

/** Objects that nobody holds any more are forgotten. */
export function createLiveObjects<Value extends object>(): LiveObjects<Value> {
  const held = new Map<number, WeakRef<Value>>()
  /** Those that are being written, or could not be. */
  const dirty = new Map<number, { value: Value; lastWrite: number }>()
  const forgotten = new FinalizationRegistry<number>((id) => {
    if (held.get(id)?.deref() === undefined) held.delete(id)
  })

  return {
    get: (id) => dirty.get(id)?.value ?? held.get(id)?.deref(),
    set(id, value) {
      held.set(id, new WeakRef(value))
      forgotten.register(value, id)
    },
    delete(id) {
      held.delete(id)
      dirty.delete(id)
    },
    dirty(id, value) {
      const entry = dirty.get(id) ?? { value, lastWrite: 0 }
      dirty.set(id, entry)
      entry.lastWrite += 1
      const thisWrite = entry.lastWrite
      // The last write has all that earlier ones had.
      return () => {
        if (entry.lastWrite === thisWrite && dirty.get(id) === entry) dirty.delete(id)
      }
    },
  }
}
