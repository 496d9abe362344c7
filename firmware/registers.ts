// Pulses to energy: whole Wh and varh, counted up for ever. The only place where pulses become energy.

export interface Counter {
  pulsesPerKwh: number
  /** Whole Wh (varh) of the four channels that are counted and not committed yet. */
  wh: Float64Array
  /** Thousandths of (Wh x pulses per kWh) that do not make a whole Wh yet; less than 1 Wh a channel is lost with power. */
  rest: Float64Array
}

/** @param pulsesPerKwh pulses for one kWh or kvarh, the same on every channel */
export function createCounter(pulsesPerKwh: number): Counter {
  return { pulsesPerKwh: pulsesPerKwh, wh: new Float64Array(4), rest: new Float64Array(4) }
}

/** Adds pulses of the four channels. */
export function countPulses(counter: Counter, pulses: number[]): void {
  for (let i = 0; i < 4; i++) {
    if (!pulses[i]) continue
    const rest = counter.rest[i]! + pulses[i]! * 1000
    const whole = Math.floor(rest / counter.pulsesPerKwh)
    counter.rest[i] = rest - whole * counter.pulsesPerKwh
    counter.wh[i] = counter.wh[i]! + whole
  }
}
