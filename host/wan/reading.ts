// What a read of a meter gives.

/** A reading of one half-hour; `wh` is undefined when the meter has none. */
export interface Reading {
  halfHour: number
  wh: number | undefined
  marked: boolean
}
