// NOR flash that hates you: bits only clear, pages only erase whole, and power fails inside any operation.

import type { Flash } from '../../firmware/board.ts'
import type { Random } from './random.ts'

export class PowerCut extends Error {}

/**
 * How an operation that power interrupts leaves the cells:
 * - `short`: a program stops after some bytes, inside one; an erase after some of the page
 * - `ragged`: some of the bits have changed, anywhere
 * - `weak`: the bits that were to change read as 0 or 1, differently each time, until written or erased again
 */
export const tornModels = ['short', 'ragged', 'weak'] as const
export type TornModel = (typeof tornModels)[number]

export interface SimFlash extends Flash {
  /** Programs and erases so far. */
  operations(): number
  /** Erases of each page so far. */
  erases: number[]
  /** Power fails in the operation after `operations` more, and stays off until `powerOn`. */
  cutAfter(operations: number, model: TornModel): void
  powerOn(): void
  /** A copy of the cells and of which bits are weak. */
  snapshot(): { cells: Uint8Array; weak: Uint8Array }
}

export function createSimFlash(
  pageBytes: number,
  pages: number,
  random: Random,
  from?: { cells: Uint8Array; weak: Uint8Array },
): SimFlash {
  const cells = from ? from.cells.slice() : new Uint8Array(pageBytes * pages).fill(0xff)
  const weak = from ? from.weak.slice() : new Uint8Array(pageBytes * pages)
  let operations = 0
  let cutAt = Number.POSITIVE_INFINITY
  let model: TornModel = 'short'
  let powered = true

  function check(address: number, bytes: number): void {
    if (!powered) throw new Error('flash used without power')
    if (address < 0 || address + bytes > cells.length) throw new Error(`flash address ${address}+${bytes} is outside`)
  }

  /** Brings cells to `target` (bit by bit), whole or torn. */
  function change(address: number, target: Uint8Array): void {
    operations += 1
    const torn = operations > cutAt
    const stop = torn && model === 'short' ? random.below(target.length * 8 + 1) : target.length * 8
    for (let i = 0; i < target.length; i++) {
      const old = cells[address + i]!
      let mask = 255
      if (i * 8 >= stop) mask = 0
      else if ((i + 1) * 8 > stop) mask = (1 << (stop - i * 8)) - 1
      if (torn && model === 'ragged') mask = random.below(256)
      if (torn && model === 'weak') {
        weak[address + i]! |= old ^ target[i]!
        continue
      }
      cells[address + i] = (old & ~mask) | (target[i]! & mask)
      weak[address + i]! &= ~mask
    }
    if (torn) {
      powered = false
      throw new PowerCut()
    }
  }

  return {
    pageBytes,
    pages,
    erases: new Array(pages).fill(0),
    read(address, count) {
      check(address, count)
      const bytes = cells.slice(address, address + count)
      for (let i = 0; i < count; i++) {
        const mask = weak[address + i]!
        if (mask !== 0) bytes[i] = (bytes[i]! & ~mask) | (random.below(256) & mask)
      }
      return bytes
    },
    program(address, bytes) {
      check(address, bytes.length)
      if (address % 4 !== 0 || bytes.length % 4 !== 0 || bytes.length === 0) {
        throw new Error(`program of ${bytes.length} bytes at ${address} is not in whole words`)
      }
      if (Math.floor(address / pageBytes) !== Math.floor((address + bytes.length - 1) / pageBytes)) {
        throw new Error(`program of ${bytes.length} bytes at ${address} crosses a page`)
      }
      // Only the bits written as 0 are driven; a weak bit that is to stay 1 stays weak.
      const keepWeak = weak.slice(address, address + bytes.length)
      change(
        address,
        bytes.map((byte, i) => cells[address + i]! & byte),
      )
      for (let i = 0; i < bytes.length; i++) weak[address + i]! |= keepWeak[i]! & bytes[i]!
    },
    erase(page) {
      check(page * pageBytes, pageBytes)
      this.erases[page]! += 1
      change(page * pageBytes, new Uint8Array(pageBytes).fill(0xff))
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
    snapshot: () => ({ cells: cells.slice(), weak: weak.slice() }),
  }
}
