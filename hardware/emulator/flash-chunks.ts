// Sparse bytes in memory: pieces of 128 bytes, found by a hash of their address. Plain arrays throughout, so that a million
// pieces are no work for the garbage collector.

export interface Chunks {
  /** Copies what is there; bytes never written are FFh. */
  read(address: number, into: Uint8Array): void
  /** Clears bits: the bytes become `old AND bytes`. */
  clear(address: number, bytes: Uint8Array): void
  /** Forgets so many bytes: they are FFh again. Both are multiples of 128. */
  erase(address: number, count: number): void
  /** Bytes of memory. */
  bytes(): number
}

const chunkBytes = 128
/** Chunks of one slab of memory. */
const slabChunks = 2048
const none = 0xffffffff

/** Numbers of chunks by the address of each divided by its size: open addressing, at most three quarters full. */
function createIndex() {
  let size = 1024
  let keys = new Uint32Array(size).fill(none)
  let values = new Uint32Array(size)
  let used = 0

  /** The place of a key, or the free place for it. */
  function place(key: number): number {
    let at = Math.imul(key, 0x9e3779b1) >>> 0
    at = (at ^ (at >>> 15)) & (size - 1)
    while (keys[at] !== none && keys[at] !== key) at = (at + 1) & (size - 1)
    return at
  }

  function grow(): void {
    const [oldKeys, oldValues] = [keys, values]
    size *= 2
    keys = new Uint32Array(size).fill(none)
    values = new Uint32Array(size)
    for (let i = 0; i < oldKeys.length; i++) {
      if (oldKeys[i] === none) continue
      const at = place(oldKeys[i]!)
      keys[at] = oldKeys[i]!
      values[at] = oldValues[i]!
    }
  }

  return {
    /** `none` when the key has no chunk. */
    get(key: number): number {
      const at = place(key)
      return keys[at] === none ? none : values[at]!
    },
    set(key: number, value: number): void {
      if ((used + 1) * 4 > size * 3) grow()
      const at = place(key)
      keys[at] = key
      values[at] = value
      used += 1
    },
    /** Removes a key that is there. Those behind it that it kept from their place move up. */
    remove(key: number): void {
      keys[place(key)] = none
      used -= 1
      for (let at = (place(key) + 1) & (size - 1); keys[at] !== none; at = (at + 1) & (size - 1)) {
        const [moved, value] = [keys[at]!, values[at]!]
        keys[at] = none
        const to = place(moved)
        keys[to] = moved
        values[to] = value
      }
    },
    bytes: () => size * 8,
  }
}

export function createChunks(): Chunks {
  const index = createIndex()
  const slabs: Uint8Array[] = []
  const free: number[] = []
  let made = 0

  /** The chunk with a key, made if it is not there: where it is in its slab. */
  function chunkFor(key: number): number {
    const found = index.get(key)
    if (found !== none) return found
    const chunk = free.pop() ?? made++
    const slab = Math.floor(chunk / slabChunks)
    slabs[slab] ??= new Uint8Array(slabChunks * chunkBytes)
    const at = (chunk % slabChunks) * chunkBytes
    slabs[slab].fill(0xff, at, at + chunkBytes)
    index.set(key, chunk)
    return chunk
  }

  /** Calls back with each part of an area that lies in one chunk. */
  function eachPart(address: number, count: number, part: (key: number, at: number, from: number, to: number) => void) {
    for (let from = 0; from < count; ) {
      const key = Math.floor((address + from) / chunkBytes)
      const at = address + from - key * chunkBytes
      const to = Math.min(count, from + chunkBytes - at)
      part(key, at, from, to)
      from = to
    }
  }

  return {
    read(address, into) {
      eachPart(address, into.length, (key, at, from, to) => {
        const chunk = index.get(key)
        if (chunk === none) {
          into.fill(0xff, from, to)
          return
        }
        const start = (chunk % slabChunks) * chunkBytes + at
        into.set(slabs[Math.floor(chunk / slabChunks)]!.subarray(start, start + to - from), from)
      })
    },
    clear(address, bytes) {
      eachPart(address, bytes.length, (key, at, from, to) => {
        const chunk = chunkFor(key)
        const slab = slabs[Math.floor(chunk / slabChunks)]!
        const start = (chunk % slabChunks) * chunkBytes + at
        for (let i = from; i < to; i++) slab[start + i - from]! &= bytes[i]!
      })
    },
    erase(address, count) {
      for (let key = address / chunkBytes; key < (address + count) / chunkBytes; key++) {
        const chunk = index.get(key)
        if (chunk === none) continue
        index.remove(key)
        free.push(chunk)
      }
    },
    bytes: () => slabs.length * slabChunks * chunkBytes + index.bytes(),
  }
}
