// The flash inside a chip, by Espruino's module Flash. Keeps to the language that Espruino has (espruino-subset.ts).

import type { Flash } from '../../firmware/board.ts'
import { pageBytes } from '../../firmware/flash-map.ts'

interface FlashModule {
  read(length: number, address: number): Uint8Array
  write(data: Uint8Array, address: number): void
  erasePage(address: number): void
  getPage(address: number): { addr: number; length: number } | undefined
}
declare const require: (module: 'Flash') => FlashModule

/** @throws Error when the chip's erase units are not where the row says: this is another board */
export function chipFlash(place: { base: number; eraseBytes: number; pages: number }): Flash {
  const base = place.base
  const eraseBytes = place.eraseBytes
  const module = require('Flash')
  const unit = module.getPage(base)
  if (!unit || unit.addr !== base || unit.length !== eraseBytes)
    throw new Error('no erase unit of ' + eraseBytes + ' at ' + base + ': another board')

  return {
    pageBytes: pageBytes,
    pages: place.pages,
    read: (address, count) => (count > 0 ? module.read(count, base + address) : new Uint8Array(0)),
    program: (address, bytes) => {
      try {
        module.write(bytes, base + address)
      } catch (_) {
        // RP2040 throws when the cells are not as they should be: the meter reads back what it wrote, and takes other cells.
      }
    },
    erase: (page) => {
      for (let at = 0; at < pageBytes; at += eraseBytes) module.erasePage((base + page * pageBytes + at) | 0)
    },
  }
}
