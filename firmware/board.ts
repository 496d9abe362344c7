// What the meter needs of the world, and nothing else. A board is whatever keeps this promise: a chip under
// Espruino, a Raspberry Pi, or a program.

/**
 * NOR flash as the firmware sees it. Programming can only clear bits; erasing sets a whole page. Power may fail inside
 * either. Broken promises (an address outside, a misaligned write) throw.
 */
export interface Flash {
  /** Bytes of one page, the unit of erasing; a multiple of 4, at least 2,048. */
  pageBytes: number
  /** Pages, counted from address 0. */
  pages: number
  /** A copy of `count` bytes at `address`; it begins at an even byte of its buffer. */
  read(address: number, count: number): Uint8Array
  /** Clears bits so that the cells become `old AND bytes`. Address and length are multiples of 4, in one page. */
  program(address: number, bytes: Uint8Array): void
  /** Sets every bit of a page. */
  erase(page: number): void
}

/** The serial line, as the meter writes to it. What is received comes in by `meter.received`. */
export interface Uart {
  write(bytes: Uint8Array): void
  /** True when a whole frame can be taken without waiting; the meter holds back the next block of an answer until then. */
  ready(): boolean
}

export interface Board {
  /**
   * Milliseconds of UTC since 1970, as the board's clock shows them. A time before 2024 says that nobody has set it.
   * May jump; the meter decides what a jump means.
   */
  nowMs(): number
  /** Milliseconds since any moment, of a clock that never jumps. A board with one clock only gives that one. */
  upMs(): number
  flash: Flash
  uart: Uart
  /**
   * Pulses of the metrology since the last call: active import, active export, reactive import, reactive export. Reading
   * them sets the counters back to zero.
   */
  takePulses(): number[]
}
