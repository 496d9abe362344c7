// A NOR flash chip on SPI (W25Q and similar), for boards without room for a meter's logs in their own flash. Only the language
// that Espruino has is used (espruino-subset.ts). The commands are those of JEDEC JESD216, the same on every such chip.

import type { Flash } from '../../firmware/board.ts'
import { pageBytes } from '../../firmware/flash-map.ts'

/** An SPI port as Espruino has it: it receives as many bytes as it sends, with the select pin low meanwhile. */
export interface EspruinoSpi {
  setup(options: object): void
  send(data: unknown[], select: string): Uint8Array
}

/** Bytes of one program command: it wraps around at the end of such a block. */
const programBytes = 256

const command = { program: 2, read: 3, status: 5, enable: 6, erase: 0x20, identity: 0x9f } as const

/** @throws Error when no chip answers */
export function spiFlash(
  place: { sck: string; miso: string; mosi: string; select: string; pages: number },
  spi: EspruinoSpi,
): Flash {
  const select = place.select

  function send(code: number, address: number, data: unknown[]): Uint8Array {
    return spi.send([code, (address >> 16) & 255, (address >> 8) & 255, address & 255, data], select)
  }

  /** Enables writing, sends the command, and waits until it is done. */
  function change(code: number, address: number, data: unknown[]): void {
    spi.send([command.enable], select)
    send(code, address, data)
    while (spi.send([command.status, 0], select)[1]! & 1);
  }

  spi.setup({ sck: place.sck, miso: place.miso, mosi: place.mosi, baud: 4000000 })
  const maker = spi.send([command.identity, 0], select)[1]!
  if (maker === 0 || maker === 255) throw new Error('no flash on SPI')

  return {
    pageBytes: pageBytes,
    pages: place.pages,
    read: (address, count) => send(command.read, address, [{ data: 0, count: count }]).subarray(4),
    program: (address, bytes) => {
      for (let at = 0; at < bytes.length; ) {
        const end = Math.min(bytes.length, at + programBytes - ((address + at) % programBytes))
        change(command.program, address + at, [bytes.subarray(at, end)])
        at = end
      }
    },
    erase: (page) => change(command.erase, page * pageBytes, []),
  }
}
