// The board of one meter of a fleet. It is asleep nearly always, so it is small: its flash is a part of the fleet's store,
// its load is computed when it is asked for, and it has a line only while it is awake.

import type { Flash, Uart } from '../../firmware/board.ts'
import type { EmulatedBoard } from './emulated-board.ts'
import { type EnergyOf, Metrology } from './metrology.ts'

/** A line as the meters at its end write to it. */
export interface FleetLine {
  send(bytes: Uint8Array): void
  /** Milliseconds until the line can take another frame without waiting; 0 when it can now. */
  busyMs(): number
}

export class FleetBoard implements EmulatedBoard, Uart {
  readonly flash: Flash
  readonly uart: Uart = this
  /** The clocks that the board shows. */
  readonly clock: { nowMs: number; upMs: number }
  /** The line on which the meter was woken. */
  line: FleetLine | undefined
  private readonly energyOf: EnergyOf
  private readonly metrology: Metrology
  private powered = true
  /** Milliseconds that the board's clock that never jumps is ahead of the fleet's. */
  aheadMs = 0

  /** @throws RangeError when `pulsesPerKwh` is not above 0 */
  constructor(flash: Flash, energyOf: EnergyOf, pulsesPerKwh: number, startMs: number) {
    if (!(pulsesPerKwh > 0)) throw new RangeError(`pulses per kWh are more than 0, not ${pulsesPerKwh}`)
    this.flash = flash
    this.energyOf = energyOf
    this.clock = { nowMs: startMs, upMs: 0 }
    this.metrology = new Metrology(energyOf, pulsesPerKwh, startMs)
  }

  nowMs(): number {
    return this.clock.nowMs
  }

  upMs(): number {
    return this.clock.upMs
  }

  write(bytes: Uint8Array): void {
    this.line?.send(bytes)
  }

  ready(): boolean {
    return this.line === undefined || this.line.busyMs() <= 0
  }

  takePulses(): number[] {
    return this.powered ? this.metrology.pulsesUntil(this.clock.nowMs) : [0, 0, 0, 0]
  }

  loadAt(halfHour: number): number | undefined {
    return this.energyOf(halfHour, 0)
  }

  off(): void {
    this.powered = false
  }

  on(): void {
    this.powered = true
    this.metrology.resetTo(this.clock.nowMs)
  }

  resumeFrom(countedWh: ArrayLike<number>): void {
    this.metrology.resumeFrom(countedWh)
  }
}
