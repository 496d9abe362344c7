// What may go wrong with flash, put around a flash that works: power that fails inside an operation, and pages that wear
// out. The same seed gives the same faults.

import type { Flash } from '../../firmware/board.ts'
import { chance } from './chance.ts'

const stream = { model: 31, bits: 32, place: 33, kind: 34 } as const

/** Power failed inside an operation on flash. */
export class PowerCut extends Error {}

export interface FlashFaults {
  seed: number
  /** Erases that a page stands, counted from now; infinite for a flash that never wears out. */
  erasesMax: number
}

export interface FaultyFlash extends Flash {
  /** Programs and erases so far. */
  operations(): number
  /** Power fails inside the operation with this number, counted from 1. One cut is waited for at a time. */
  cutInside(operation: number): void
  /** Power is back: the flash can be used again. */
  powerOn(): void
}

/** A cell that is broken, by number of the byte in the page and bit. */
interface Broken {
  at: number
  mask: number
  /** True for a cell that can no longer be programmed; false for one that can no longer be erased. */
  high: boolean
}

/**
 * A flash with faults.
 *
 * - An operation that power interrupts stops half-way (at some bit), or has changed some of its bits, anywhere. It throws
 *   PowerCut, and so does whatever is done with the flash until `powerOn`.
 * - Of a page that was erased more than `erasesMax` times, each further erase breaks cells for good, one more each time.
 *   Three of four stay 0 whatever is erased, as cells do that have trapped charge; the others stay 1 whatever is
 *   programmed. Nothing says so: such a page gives back wrong bits. (Rates and kinds are an assumption.)
 */
export function createFaultyFlash(flash: Flash, faults: FlashFaults): FaultyFlash {
  const { seed, erasesMax } = faults
  const { pageBytes } = flash
  let operations = 0
  let cutAt = Number.POSITIVE_INFINITY
  let powered = true
  const erases = new Array<number>(flash.pages).fill(0)
  const broken = Array.from({ length: flash.pages }, (): Broken[] => [])

  function demandPower(): void {
    if (!powered) throw new PowerCut('flash without power')
  }

  /** True when this operation is the one in which power fails. */
  function failsNow(): boolean {
    operations += 1
    if (operations !== cutAt) return false
    powered = false
    return true
  }

  /** Which bits of an operation's bytes are done when power fails. */
  function doneMask(bytes: number): Uint8Array {
    if (chance(seed, operations, stream.model) < 0.5) {
      const stop = Math.floor(chance(seed, operations, stream.bits) * (bytes * 8 + 1))
      return Uint8Array.from({ length: bytes }, (_, i) => (1 << Math.min(8, Math.max(0, stop - i * 8))) - 1)
    }
    return Uint8Array.from({ length: bytes }, (_, i) => Math.floor(256 * chance(seed + i, operations, stream.bits)))
  }

  function wear(page: number): void {
    const beyond = erases[page]! - erasesMax
    for (let i = 0; i < beyond; i++) {
      const number = broken[page]!.length * flash.pages + page
      const bit = Math.floor(chance(seed, number, stream.place) * pageBytes * 8)
      broken[page]!.push({ at: bit >> 3, mask: 1 << (bit & 7), high: chance(seed, number, stream.kind) >= 0.75 })
    }
  }

  /** Programs the cells of a page that no erase sets any more. */
  function stayLow(page: number): void {
    for (const { at, mask, high } of broken[page]!) {
      if (high) continue
      const word = new Uint8Array(4).fill(0xff)
      word[at % 4] = ~mask & 0xff
      flash.program(page * pageBytes + at - (at % 4), word)
    }
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
      demandPower()
      return flash.read(address, count)
    },
    program(address, bytes) {
      demandPower()
      const page = Math.floor(address / pageBytes)
      const written = bytes.slice()
      for (const { at, mask, high } of broken[page] ?? []) {
        const i = page * pageBytes + at - address
        if (high && i >= 0 && i < written.length) written[i]! |= mask
      }
      const fails = failsNow()
      if (fails) for (const [i, done] of doneMask(bytes.length).entries()) written[i]! |= ~done & 0xff
      flash.program(address, written)
      if (fails) throw new PowerCut(`a program of ${bytes.length} bytes in page ${page}`)
    },
    erase(page) {
      demandPower()
      const fails = failsNow()
      const before = flash.read(page * pageBytes, pageBytes)
      flash.erase(page)
      erases[page]! += 1
      if (erases[page]! > erasesMax) wear(page)
      stayLow(page)
      if (!fails) return
      // The cells that the erase had not come to are as they were.
      flash.program(
        page * pageBytes,
        doneMask(pageBytes).map((done, i) => before[i]! | done),
      )
      throw new PowerCut(`the erase of page ${page}`)
    },
  }
}
