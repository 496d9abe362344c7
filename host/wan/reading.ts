// A value that was read from a meter.

/** A reading of one half-hour; `wh` is undefined when the meter has none. */
export interface Reading {
  halfHour: number
  wh: number | undefined
  marked: boolean
}
