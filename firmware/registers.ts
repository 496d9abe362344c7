// Registers: energy in whole Wh, counted up for ever. The only place where pulses become energy.

export interface Register {
  /** Adds pulses of the metrology. */
  add(pulses: number): void
  /** Whole Wh counted so far. */
  wh(): number
}

/**
 * A register that begins at `startWh`. Parts of a Wh wait in RAM for the next pulse, so whole Wh are never short and at
 * most 1 Wh is lost when power fails.
 */
export function createRegister(pulsesPerKwh: number, startWh: number): Register {
  let wh = startWh
  // Thousandths of (Wh x pulses per kWh) that do not make a whole Wh yet.
  let rest = 0

  function add(pulses: number): void {
    rest += pulses * 1000
    const whole = Math.floor(rest / pulsesPerKwh)
    rest -= whole * pulsesPerKwh
    wh += whole
  }

  function read(): number {
    return wh
  }

  return { add: add, wh: read }
}
