// The operations of a flash one by one, so that they can be done again on another, and one of them cut off.

import type { SimFlash } from '../../../emulation/sim-flash.ts'

export interface Operation {
  address: number
  /** What was programmed; `undefined` for an erase. */
  bytes: Uint8Array | undefined
}

/** Lets `list` have every operation of the flash from now on, before it is done. */
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

/** Does an operation on another flash. */
export function replay(flash: SimFlash, { address, bytes }: Operation): void {
  if (bytes === undefined) flash.erase(address / flash.pageBytes)
  else flash.program(address, bytes)
}
