// A NOR flash chip on SPI, as the data sheets of the W25Q family describe it: what it does for each command.

export interface SpiChip {
  /** One selection of the chip: what was sent, nested as Espruino takes it; what came back, as many bytes. */
  send(data: unknown[]): number[]
}

/** Espruino's `{ data, count }` says a byte so many times. */
function flat(data: unknown): number[] {
  if (typeof data === 'number') return [data & 255]
  if (typeof data === 'object' && data !== null && 'count' in data) return new Array(Number(data.count)).fill(0)
  return [...(data as Iterable<unknown>)].flatMap(flat)
}

export function createSpiChip(cells: Uint8Array): SpiChip {
  let mayWrite = false
  // Polls of the status until a change is done.
  let busy = 0

  return {
    send(data) {
      const bytes = flat(data)
      const [code] = bytes
      const at = (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!
      if (code === 0x05) {
        busy = Math.max(0, busy - 1)
        return [255, busy > 0 ? 1 : 0]
      }
      if (busy > 0) throw new Error('the flash chip was used while it was busy')
      if (code === 0x9f) return [255, 0xef]
      if (code === 0x06) mayWrite = true
      else if (code === 0x03) return bytes.map((_, i) => (i < 4 ? 255 : cells[at + i - 4]!))
      else if (code === 0x02 && mayWrite) {
        // A program wraps around at the end of its 256 bytes.
        for (const [i, byte] of bytes.slice(4).entries()) cells[(at & ~255) | ((at + i) & 255)]! &= byte
        busy = 3
        mayWrite = false
      } else if (code === 0x20 && mayWrite) {
        cells.fill(0xff, at & ~4095, (at & ~4095) + 4096)
        busy = 50
        mayWrite = false
      } else throw new Error(`the flash chip has no command ${code} now`)
      return bytes.map(() => 255)
    },
  }
}
