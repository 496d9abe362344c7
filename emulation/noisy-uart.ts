// A UART on a line on which bits are inverted: eight data bits between a start and a stop bit, ten to a byte.

import type { Random } from './random.ts'

export interface NoisyUart {
  /**
   * The bytes that arrive of those sent, when each bit turns with a chance of `rate`. A turned start or stop bit costs the
   * receiver its place until it finds another start bit. `rested`: the line was idle before, so it is in step.
   */
  carry(bytes: Uint8Array, rate: number, rested: boolean): Uint8Array
}

export function createNoisyUart(random: Random): NoisyUart {
  /** Good bits before the next one that turns, at `rateOf`. */
  let goodBits = Number.POSITIVE_INFINITY
  let rateOf = 0
  /** Bits of the byte under way; -1 between bytes, 9 waiting for the line to go idle after a broken stop bit. */
  let place = -1
  let value = 0

  function drawGap(): void {
    goodBits = rateOf > 0 ? Math.floor(Math.log(1 - random.next()) / Math.log(1 - rateOf)) : Number.POSITIVE_INFINITY
  }

  function hear(bit: number, out: number[]): void {
    if (place === 9) {
      if (bit === 1) place = -1
    } else if (place < 0) {
      if (bit === 0) {
        place = 0
        value = 0
      }
    } else if (place < 8) {
      value |= bit << place
      place += 1
    } else {
      // A terminal in raw mode passes on a byte without its stop bit, too.
      out.push(value)
      place = bit === 1 ? -1 : 9
    }
  }

  function send(bit: number, out: number[]): void {
    const turned = goodBits === 0
    if (turned) drawGap()
    else goodBits -= 1
    hear(turned ? 1 - bit : bit, out)
  }

  return {
    carry(bytes, rate, rested) {
      if (rate !== rateOf) {
        rateOf = rate
        drawGap()
      }
      const out: number[] = []
      if (rested) while (place >= 0) hear(1, out)
      if (place < 0 && goodBits >= bytes.length * 10) {
        goodBits -= bytes.length * 10
        return out.length === 0 ? bytes.slice() : Uint8Array.from([...out, ...bytes])
      }
      for (const byte of bytes) {
        send(0, out)
        for (let bit = 0; bit < 8; bit++) send((byte >> bit) & 1, out)
        send(1, out)
      }
      return Uint8Array.from(out)
    },
  }
}
