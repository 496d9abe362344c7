// Espruino's Storage and Flash over the cells of a flash that only clears bits, laid out as Espruino does (jsflash.c);
// for rehearsals of a flashing, and tests.

const headerBytes = 32

export interface StorageSim {
  cells: Uint8Array
  /** Modules `Storage` and `Flash`, with functions as Espruino has them. */
  storage: { [name: string]: (...args: never[]) => unknown }
  flash: { [name: string]: (...args: never[]) => unknown }
  read(name: string): Uint8Array | undefined
  /** Called before each change of cells with what is to be written; may let it be torn by throwing. */
  beforeWrite: (at: number, bytes: Uint8Array) => void
}

interface FileAt {
  at: number
  size: number
  name: string
}

const align = (at: number) => (at + 3) & ~3

const bytesOf = (data: string | ArrayLike<number>) =>
  typeof data === 'string' ? Uint8Array.from(data, (one) => one.charCodeAt(0)) : Uint8Array.from(data)

export interface SimulatedFlash {
  /** All of the flash, from `address` on. */
  cells: Uint8Array
  address: number
  /** Espruino's Storage in it. */
  storage: { at: number; bytes: number }
  eraseBytes: number
  freeAreas: { addr: number; length: number }[]
}

export function createStorageSim(flash: SimulatedFlash): StorageSim {
  const { cells, address, eraseBytes, freeAreas } = flash
  const storageStart = flash.storage.at - address
  const storageBytes = flash.storage.bytes
  const storageEnd = storageStart + storageBytes
  const sim: StorageSim = { cells, storage: {}, flash: {}, read, beforeWrite: () => {} }

  function program(at: number, bytes: Uint8Array): void {
    sim.beforeWrite(at, bytes)
    for (let i = 0; i < bytes.length; i++) cells[at + i] = cells[at + i]! & bytes[i]!
  }
  function files(): { all: FileAt[]; end: number } {
    const all: FileAt[] = []
    let at = storageStart
    while (at + headerBytes <= storageEnd) {
      const view = new DataView(cells.buffer, cells.byteOffset + at, headerBytes)
      const size = view.getUint32(0, true)
      if (size === 0xffffffff) break
      const name = Buffer.from(cells.subarray(at + 4, at + headerBytes))
        .toString('latin1')
        .replace(/\0.*$/s, '')
      all.push({ at, size: size & 0xffffff, name })
      at = align(at + headerBytes + (size & 0xffffff))
    }
    return { all, end: at }
  }
  const find = (name: string) => files().all.find((file) => file.name === name)
  function read(name: string): Uint8Array | undefined {
    const file = find(name)
    return file && cells.slice(file.at + headerBytes, file.at + headerBytes + file.size)
  }
  function erase(name: string): void {
    const file = find(name)
    if (file) program(file.at + 4, new Uint8Array(28))
  }
  const isBlank = (at: number, count: number) => cells.subarray(at, at + count).every((cell) => cell === 0xff)

  function create(name: string, size: number): FileAt {
    let { end } = files()
    if (end + headerBytes + size > storageEnd) {
      compact()
      end = files().end
    }
    if (end + headerBytes + size > storageEnd) throw new Error('Unable to find or create file')
    const header = new Uint8Array(headerBytes)
    new DataView(header.buffer).setUint32(0, size, true)
    header.set(bytesOf(name.slice(0, 28)), 4)
    program(end, header)
    return { at: end, size, name }
  }
  function compact(): void {
    const kept = files().all.filter(({ name }) => name !== '')
    const data = kept.map(({ at, size }) => cells.slice(at, align(at + headerBytes + size)))
    cells.fill(0xff, storageStart, storageEnd)
    let at = storageStart
    for (const one of data) {
      cells.set(one, at)
      at += one.length
    }
  }

  sim.storage = {
    list: () =>
      files()
        .all.map(({ name }) => name)
        .filter((name) => name !== ''),
    getStats: () => {
      const { all, end } = files()
      const trash = all.filter(({ name }) => name === '').reduce((sum, { size }) => sum + size + headerBytes, 0)
      return { totalBytes: storageBytes, freeBytes: storageEnd - end, trashBytes: trash }
    },
    read: (name: string, from = 0, count?: number) => {
      const bytes = read(name)
      if (bytes === undefined) return undefined
      return Buffer.from(bytes.subarray(from, count === undefined ? undefined : from + count)).toString('latin1')
    },
    erase,
    eraseAll: () => cells.fill(0xff, storageStart, storageEnd),
    compact,
    write: (name: string, data: string | ArrayLike<number>, offset = 0, size = 0) => {
      const bytes = bytesOf(data)
      const wanted = size || bytes.length
      if (wanted === 0) throw new Error("Can't create zero length file")
      let file = find(name)
      const dataAt = () => file!.at + headerBytes
      if (file && offset === 0 && (file.size !== wanted || !isBlank(dataAt(), wanted))) {
        if (file.size === wanted && bytes.length === wanted && bytes.every((byte, i) => cells[dataAt() + i] === byte)) {
          return true
        }
        erase(name)
        file = undefined
      }
      if (!file && offset !== 0) throw new Error('Unable to find or create file')
      file ??= create(name, wanted)
      if (offset + bytes.length > file.size) throw new Error('Too much data for file size')
      if (!isBlank(dataAt() + offset, bytes.length)) throw new Error('File already written with different data')
      program(dataAt() + offset, bytes)
      return true
    },
  } as StorageSim['storage']
  sim.flash = {
    read: (count: number, at: number) => cells.slice(at - address, at - address + count),
    write: (data: ArrayLike<number>, at: number) => program(at - address, bytesOf(data)),
    erasePage: (at: number) => {
      const from = Math.floor((at - address) / eraseBytes) * eraseBytes
      sim.beforeWrite(from, new Uint8Array(eraseBytes).fill(0xff))
      cells.fill(0xff, from, from + eraseBytes)
    },
    getPage: (at: number) => ({
      addr: address + Math.floor((at - address) / eraseBytes) * eraseBytes,
      length: eraseBytes,
    }),
    getFree: () => freeAreas,
  } as StorageSim['flash']
  return sim
}
