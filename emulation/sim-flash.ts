// NOR flash: bits only clear, pages are only erased whole, and power may fail inside any operation.

import type { Flash } from '../firmware/board.ts'
import type { Random } from './random.ts'

export class PowerCut extends Error {}

/**
 * How an operation that power interrupts leaves the cells:
 * - `short`: a program stops after some bytes, inside one; an erase after some of the page
 * - `ragged`: some of the bits have changed, anywhere
 * - `weak`: the bits that were to change are unstable until written or erased again. Each reading gives them all as they
 *   were, or all as they were to be, or each by chance: so flash that looks blank once may hold something the next time
 */
export const tornModels = ['short', 'ragged', 'weak'] as const
export type TornModel = (typeof tornModels)[number]

/** The cells, and which of their bits are unstable. */
export interface FlashImage {
  cells: Uint8Array
  weak: Uint8Array
  /** False when no bit is weak, as is usual: then none is searched for. */
  mayBeWeak: boolean
  /** Programs of each word since its erase; absent in an image that somebody wrote down. */
  programs?: Uint8Array
}

export interface SimFlash extends Flash {
  /** Programs and erases so far. */
  operations(): number
  /** Erases of each page so far. */
  erases: number[]
  /** The most programs of one word between two erases, so far. */
  mostPrograms(): number
  /** Power fails in the operation after `operations` more, and stays off until `powerOn`. */
  cutAfter(operations: number, model: TornModel): void
  powerOn(): void
  /** What the flash holds: the arrays themselves, not copies. */
  image: FlashImage
  /** True when no bit is weak: all readings are alike. */
  isFirm(): boolean
  /** Copies the content of another flash of the same size. */
  become(image: FlashImage): void
}

/** Cells of flash, and the random choices of what a torn operation leaves in them. */
function createCells(bytes: number, random: Random) {
  const cells = new Uint8Array(bytes).fill(0xff)
  const weak = new Uint8Array(bytes)
  const programs = new Uint8Array(bytes / 4)
  let mostPrograms = 0
  const image: FlashImage = { cells, weak, mayBeWeak: false, programs }
  return {
    image,
    become(other: FlashImage): void {
      cells.set(other.cells)
      weak.set(other.weak)
      image.mayBeWeak = other.mayBeWeak
      if (other.programs !== undefined) programs.set(other.programs)
    },
    mostPrograms: () => mostPrograms,
    /** Counts a program; a word of which no bit is to be cleared is not programmed. */
    countProgram(address: number, written: Uint8Array): void {
      for (let i = 0; i < written.length; i += 4) {
        if ((written[i]! & written[i + 1]! & written[i + 2]! & written[i + 3]!) === 255) continue
        const word = (address + i) / 4
        programs[word]! += 1
        mostPrograms = Math.max(mostPrograms, programs[word]!)
      }
    },
    countErase: (address: number, count: number) => programs.fill(0, address / 4, (address + count) / 4),
    isFirm(): boolean {
      if (image.mayBeWeak) image.mayBeWeak = weak.some((mask) => mask !== 0)
      return !image.mayBeWeak
    },
    /** One reading: weak bits as they were, or as they were to be, or each by chance. */
    read(address: number, count: number): Uint8Array {
      const found = cells.slice(address, address + count)
      if (!image.mayBeWeak) return found
      const mood = random.below(3)
      if (mood === 0) return found
      for (let i = 0; i < count; i++) {
        const mask = weak[address + i]!
        if (mask !== 0) found[i]! ^= mood === 1 ? mask : random.below(256) & mask
      }
      return found
    },
    /** Brings cells to `target`. Weak bits that are set in `undriven` stay weak. */
    change(address: number, target: Uint8Array, undriven: Uint8Array | undefined): void {
      cells.set(target, address)
      if (image.mayBeWeak) for (let i = 0; i < target.length; i++) weak[address + i]! &= undriven?.[i] ?? 0
    },
    /** Leaves cells as a change that was interrupted does. */
    tear(address: number, target: Uint8Array, undriven: Uint8Array | undefined, model: TornModel): void {
      const stop = model === 'short' ? random.below(target.length * 8 + 1) : 0
      for (let i = 0; i < target.length; i++) {
        const old = cells[address + i]!
        if (model === 'weak') {
          weak[address + i]! |= old ^ target[i]!
          continue
        }
        let mask = random.below(256)
        if (model === 'short') mask = i * 8 >= stop ? 0 : (i + 1) * 8 <= stop ? 255 : (1 << (stop - i * 8)) - 1
        cells[address + i] = (old & ~mask) | (target[i]! & mask)
        weak[address + i]! &= ~mask | (undriven?.[i] ?? 0)
      }
      if (model === 'weak') image.mayBeWeak = true
    },
  }
}

/** @throws Error when a program is not in whole words of one page */
function checkProgram(address: number, bytes: number, pageBytes: number): void {
  if (address % 4 !== 0 || bytes % 4 !== 0 || bytes === 0) {
    throw new Error(`program of ${bytes} bytes at ${address} is not in whole words`)
  }
  if (Math.floor(address / pageBytes) !== Math.floor((address + bytes - 1) / pageBytes)) {
    throw new Error(`program of ${bytes} bytes at ${address} crosses a page`)
  }
}

/** Blank flash, or a copy of what `from` holds. */
export function createSimFlash(pageBytes: number, pages: number, random: Random, from?: FlashImage): SimFlash {
  const flashBytes = pageBytes * pages
  const cells = createCells(flashBytes, random)
  const { image, become, isFirm, read, change, tear, mostPrograms } = cells
  const erases: number[] = new Array(pages).fill(0)
  let operations = 0
  let cutAt = Number.POSITIVE_INFINITY
  let model: TornModel = 'short'
  let powered = true
  if (from !== undefined) become(from)

  function check(address: number, bytes: number): void {
    if (!powered) throw new Error('flash used without power')
    if (address < 0 || address + bytes > flashBytes) throw new Error(`flash address ${address}+${bytes} is outside`)
  }

  /** One program or erase. @throws PowerCut when power fails in it */
  function operate(address: number, target: Uint8Array, undriven?: Uint8Array): void {
    operations += 1
    if (operations > cutAt) {
      tear(address, target, undriven, model)
      powered = false
      throw new PowerCut()
    }
    change(address, target, undriven)
  }

  return {
    pageBytes,
    pages,
    erases,
    image,
    isFirm,
    mostPrograms,
    become,
    read(address, count) {
      check(address, count)
      return read(address, count)
    },
    program(address, bytes) {
      check(address, bytes.length)
      checkProgram(address, bytes.length, pageBytes)
      const target = image.cells.slice(address, address + bytes.length)
      for (let i = 0; i < target.length; i++) target[i]! &= bytes[i]!
      cells.countProgram(address, bytes)
      // Only the bits written as 0 are driven; a weak bit that is to stay as it is stays weak.
      operate(address, target, bytes)
    },
    erase(page) {
      check(page * pageBytes, pageBytes)
      erases[page]! += 1
      cells.countErase(page * pageBytes, pageBytes)
      operate(page * pageBytes, new Uint8Array(pageBytes).fill(0xff))
    },
    operations: () => operations,
    cutAfter(count, how) {
      cutAt = operations + count
      model = how
    },
    powerOn() {
      powered = true
      cutAt = Number.POSITIVE_INFINITY
    },
  }
}
