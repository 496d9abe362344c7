// Faults of a simulated line.

/** What can go wrong with bytes, in either direction; nothing when left out. */
export interface LineFaults {
  /** Share of bytes lost, with one bit turned, doubled. */
  loss?: number
  flip?: number
  double?: number
  /** Share of bits turned on their way, start and stop bits included. */
  bitErrors?: number
  /** Share of bytes at which a burst of noise begins: up to 64 bytes are replaced by random ones. */
  bursts?: number
  /** Share of writes that arrive up to half a second late, with everything written after them. */
  delays?: number
}
