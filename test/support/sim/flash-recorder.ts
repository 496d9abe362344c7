// The operations of a flash one by one, so that they can be repeated on another flash, and one of them interrupted.

import type { SimFlash } from '../../../emulation/sim-flash.ts'

export interface Operation {
  address: number
  /** What was programmed; `undefined` for an erase. */
  bytes: Uint8Array | undefined
}

/** Adds every operation of the flash to `list` from now on, before it is executed. */
export function record(flash: SimFlash, list: Operation[]): void {
  const { program, erase } = flash
  flash.program = (address, bytes) => {
    list.push({ address, bytes: bytes.slice() })
    program(address, bytes)
  }
  flash.erase = (page) => {
    list.push({ address: page * flash.pageBytes, bytes: undefined })
    erase(page)
  }
}

/** Executes an operation on another flash. */
export function replay(flash: SimFlash, { address, bytes }: Operation): void {
  if (bytes === undefined) flash.erase(address / flash.pageBytes)
  else flash.program(address, bytes)
}
