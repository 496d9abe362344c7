// Faults of flash, added to one that works: power cuts in an operation, and pages that wear out. The same seed gives the
// same faults.

import type { Flash } from '../../firmware/board.ts'
import { randomAt } from './random-at.ts'

const stream = { model: 31, bits: 32, place: 33, kind: 34 } as const

/** Power failed in a flash operation. */
export class PowerCut extends Error {}

export interface FlashFaults {
  seed: number
  /** Erases of a page before it wears out, counted from now; infinite for a flash that never does. */
  erasesMax: number
}

export interface FaultyFlash extends Flash {
  /** Programs and erases so far. */
  operations(): number
  /** Power will fail in the operation with this number, counted from 1. Only one cut can be planned at a time. */
  cutInside(operation: number): void
  /** Power has returned: the flash can be used again. */
  powerOn(): void
}

/** A broken cell: the byte in its page, and the bit. */
interface Broken {
  at: number
  mask: number
  /** True: the cell cannot be programmed any more (stays 1). False: it cannot be erased (stays 0). */
  high: boolean
}

interface WornCells {
  /** Sets the bits that cannot be programmed any more in the bytes of a program. */
  keepHigh(page: number, address: number, bytes: Uint8Array): void
  /** Counts an erase, breaks cells that are due, and programs the cells that cannot be erased any more. */
  erased(page: number): void
}

/** The broken cells of a flash, by page. */
function createWornCells(flash: Flash, { seed, erasesMax }: FlashFaults): WornCells {
  const { pageBytes } = flash
  const erases = new Array<number>(flash.pages).fill(0)
  const broken = Array.from({ length: flash.pages }, (): Broken[] => [])

  function breakCells(page: number, count: number): void {
    for (let i = 0; i < count; i++) {
      const number = broken[page]!.length * flash.pages + page
      const bit = Math.floor(randomAt(seed, number, stream.place) * pageBytes * 8)
      broken[page]!.push({ at: bit >> 3, mask: 1 << (bit & 7), high: randomAt(seed, number, stream.kind) >= 0.75 })
    }
  }

  return {
    keepHigh(page, address, bytes) {
      for (const { at, mask, high } of broken[page] ?? []) {
        const i = page * pageBytes + at - address
        if (high && i >= 0 && i < bytes.length) bytes[i]! |= mask
      }
    },
    erased(page) {
      erases[page]! += 1
      breakCells(page, Math.max(0, erases[page]! - erasesMax))
      for (const { at, mask, high } of broken[page]!) {
        if (high) continue
        const word = new Uint8Array(4).fill(0xff)
        word[at % 4] = ~mask & 0xff
        flash.program(page * pageBytes + at - (at % 4), word)
      }
    },
  }
}

/**
 * A flash with faults.
 *
 * - An operation that a power cut interrupts has changed its bits up to a random one, or random bits. It throws PowerCut,
 *   and so does every operation until `powerOn`.
 * - When a page has been erased more than `erasesMax` times, each further erase breaks cells permanently, one more each
 *   time. Three of four stay 0 after an erase, as cells with trapped charge do; the others stay 1 after a program. No
 *   error is reported: the page returns wrong bits. (Rates and kinds are an assumption.)
 */
export function createFaultyFlash(flash: Flash, faults: FlashFaults): FaultyFlash {
  const { seed } = faults
  const { pageBytes } = flash
  let operations = 0
  let cutAt = Number.POSITIVE_INFINITY
  let powered = true
  const worn = createWornCells(flash, faults)

  function requirePower(): void {
    if (!powered) throw new PowerCut('flash without power')
  }

  /** Counts an operation. True when power fails in it. */
  function failsNow(): boolean {
    operations += 1
    if (operations !== cutAt) return false
    powered = false
    return true
  }

  /** A mask of the bits that an operation has changed when power fails. */
  function doneMask(bytes: number): Uint8Array {
    if (randomAt(seed, operations, stream.model) < 0.5) {
      const stop = Math.floor(randomAt(seed, operations, stream.bits) * (bytes * 8 + 1))
      return Uint8Array.from({ length: bytes }, (_, i) => (1 << Math.min(8, Math.max(0, stop - i * 8))) - 1)
    }
    return Uint8Array.from({ length: bytes }, (_, i) => Math.floor(256 * randomAt(seed + i, operations, stream.bits)))
  }

  return {
    pageBytes,
    pages: flash.pages,
    operations: () => operations,
    cutInside(operation) {
      cutAt = operation
    },
    powerOn() {
      powered = true
    },
    read(address, count) {
      requirePower()
      return flash.read(address, count)
    },
    program(address, bytes) {
      requirePower()
      const page = Math.floor(address / pageBytes)
      const written = bytes.slice()
      worn.keepHigh(page, address, written)
      const fails = failsNow()
      if (fails) for (const [i, done] of doneMask(bytes.length).entries()) written[i]! |= ~done & 0xff
      flash.program(address, written)
      if (fails) throw new PowerCut(`a program of ${bytes.length} bytes in page ${page}`)
    },
    erase(page) {
      requirePower()
      const fails = failsNow()
      const before = flash.read(page * pageBytes, pageBytes)
      flash.erase(page)
      worn.erased(page)
      if (!fails) return
      // Cells that the erase had not reached keep their values.
      flash.program(
        page * pageBytes,
        doneMask(pageBytes).map((done, i) => before[i]! | done),
      )
      throw new PowerCut(`the erase of page ${page}`)
    },
  }
}
