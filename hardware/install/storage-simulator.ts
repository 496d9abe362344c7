// Espruino's Storage and Flash over the cells of a flash that only clears bits, laid out as Espruino does (jsflash.c);
// for rehearsals of a flashing, and tests.

const headerBytes = 32

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

type Functions = { [name: string]: (...args: never[]) => unknown }

export class StorageSim {
  readonly cells: Uint8Array
  /** Modules `Storage` and `Flash`, with functions as Espruino has them. */
  readonly storage: Functions
  readonly flash: Functions
  /** Called before each change of cells with what is to be written; may let it be torn by throwing. */
  beforeWrite: (at: number, bytes: Uint8Array) => void = () => {}

  private readonly start: number
  private readonly end: number

  constructor(flash: SimulatedFlash) {
    this.cells = flash.cells
    this.start = flash.storage.at - flash.address
    this.end = this.start + flash.storage.bytes
    this.storage = this.storageModule() as Functions
    this.flash = this.flashModule(flash) as Functions
  }

  /** The content of a file of Storage. */
  read(name: string): Uint8Array | undefined {
    const file = this.find(name)
    return file && this.cells.slice(file.at + headerBytes, file.at + headerBytes + file.size)
  }

  private program(at: number, bytes: Uint8Array): void {
    this.beforeWrite(at, bytes)
    for (let i = 0; i < bytes.length; i++) this.cells[at + i]! &= bytes[i]!
  }

  /** All files, those erased with the name ''; and where the next begins. */
  private files(): { all: FileAt[]; next: number } {
    const all: FileAt[] = []
    let at = this.start
    while (at + headerBytes <= this.end) {
      const view = new DataView(this.cells.buffer, this.cells.byteOffset + at, headerBytes)
      const size = view.getUint32(0, true)
      if (size === 0xffffffff) break
      const name = Buffer.from(this.cells.subarray(at + 4, at + headerBytes))
        .toString('latin1')
        .replace(/\0.*$/s, '')
      all.push({ at, size: size & 0xffffff, name })
      at = align(at + headerBytes + (size & 0xffffff))
    }
    return { all, next: at }
  }

  private find(name: string): FileAt | undefined {
    return this.files().all.find((file) => file.name === name)
  }

  private erase(name: string): void {
    const file = this.find(name)
    if (file) this.program(file.at + 4, new Uint8Array(28))
  }

  private isBlank(at: number, count: number): boolean {
    return this.cells.subarray(at, at + count).every((cell) => cell === 0xff)
  }

  private create(name: string, size: number): FileAt {
    if (this.files().next + headerBytes + size > this.end) this.compact()
    const at = this.files().next
    if (at + headerBytes + size > this.end) throw new Error('Unable to find or create file')
    const header = new Uint8Array(headerBytes)
    new DataView(header.buffer).setUint32(0, size, true)
    header.set(bytesOf(name.slice(0, 28)), 4)
    this.program(at, header)
    return { at, size, name }
  }

  private compact(): void {
    const kept = this.files().all.filter(({ name }) => name !== '')
    const data = kept.map(({ at, size }) => this.cells.slice(at, align(at + headerBytes + size)))
    this.eraseAll()
    let at = this.start
    for (const one of data) {
      this.cells.set(one, at)
      at += one.length
    }
  }

  private eraseAll(): void {
    this.cells.fill(0xff, this.start, this.end)
  }

  private write(name: string, data: string | ArrayLike<number>, offset = 0, size = 0): boolean {
    const bytes = bytesOf(data)
    const wanted = size || bytes.length
    if (wanted === 0) throw new Error("Can't create zero length file")
    let file = this.find(name)
    const dataAt = (found: FileAt) => found.at + headerBytes
    if (file && offset === 0 && (file.size !== wanted || !this.isBlank(dataAt(file), wanted))) {
      const from = dataAt(file)
      const isSame = file.size === wanted && bytes.length === wanted
      if (isSame && bytes.every((byte, i) => this.cells[from + i] === byte)) return true
      this.erase(name)
      file = undefined
    }
    if (!file && offset !== 0) throw new Error('Unable to find or create file')
    file ??= this.create(name, wanted)
    if (offset + bytes.length > file.size) throw new Error('Too much data for file size')
    if (!this.isBlank(dataAt(file) + offset, bytes.length)) {
      throw new Error('File already written with different data')
    }
    this.program(dataAt(file) + offset, bytes)
    return true
  }

  private storageModule() {
    return {
      list: () =>
        this.files()
          .all.map(({ name }) => name)
          .filter((name) => name !== ''),
      getStats: () => {
        const { all, next } = this.files()
        const trash = all.filter(({ name }) => name === '').reduce((sum, { size }) => sum + size + headerBytes, 0)
        return { totalBytes: this.end - this.start, freeBytes: this.end - next, trashBytes: trash }
      },
      read: (name: string, from = 0, count?: number) => {
        const bytes = this.read(name)
        if (bytes === undefined) return undefined
        return Buffer.from(bytes.subarray(from, count === undefined ? undefined : from + count)).toString('latin1')
      },
      erase: (name: string) => this.erase(name),
      eraseAll: () => this.eraseAll(),
      compact: () => this.compact(),
      write: (name: string, data: string | ArrayLike<number>, offset?: number, size?: number) =>
        this.write(name, data, offset, size),
    }
  }

  private flashModule({ address, eraseBytes, freeAreas }: SimulatedFlash) {
    const unitAt = (at: number) => Math.floor((at - address) / eraseBytes) * eraseBytes
    return {
      read: (count: number, at: number) => this.cells.slice(at - address, at - address + count),
      write: (data: ArrayLike<number>, at: number) => this.program(at - address, bytesOf(data)),
      erasePage: (at: number) => {
        const from = unitAt(at)
        this.beforeWrite(from, new Uint8Array(eraseBytes).fill(0xff))
        this.cells.fill(0xff, from, from + eraseBytes)
      },
      getPage: (at: number) => ({ addr: address + unitAt(at), length: eraseBytes }),
      getFree: () => freeAreas,
    }
  }
}
