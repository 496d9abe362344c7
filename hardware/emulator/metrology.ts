// The metrology of an emulated board: pulses from energy by half-hour. The energy is asked for when a half-hour begins.

import { halfHourMs, halfHourOf, startOfHalfHour } from '../../protocol/half-hour.ts'

/**
 * Wh (varh) of a channel in a half-hour (number since 1970): active import (0), active export (1), reactive import (2) and
 * reactive export (3). `undefined` if not known, which counts nothing.
 */
export type EnergyOf = (halfHour: number, channel: number) => number | undefined

const channels = 4
/** Where the numbers of a channel begin in `counts`: pulses of the half-hour, those returned, thousandths of a pulse owed. */
const [pulses, taken, rest] = [0, channels, 2 * channels] as const

/**
 * Pulses of the four channels in proportion to the time passed in each half-hour, all of them by its end. Energy of less
 * than a pulse is carried into the next half-hour, so that sums are never wrong by a pulse. A clock set back gives no pulses
 * for time already counted; a clock set forward gives the pulses of the time that it skipped.
 */
export class Metrology {
  private readonly energyOf: EnergyOf
  private readonly pulsesPerKwh: number
  private halfHour = 0
  // One array: a fleet has ten thousands of these.
  private readonly counts: number[] = new Array(3 * channels).fill(0)

  constructor(energyOf: EnergyOf, pulsesPerKwh: number, startMs: number) {
    this.energyOf = energyOf
    this.pulsesPerKwh = pulsesPerKwh
    this.resetTo(startMs)
  }

  private enter(next: number): void {
    this.halfHour = next
    const { counts } = this
    for (let channel = 0; channel < channels; channel++) {
      const owed = counts[rest + channel]! + (this.energyOf(next, channel) ?? 0) * this.pulsesPerKwh
      counts[pulses + channel] = Math.floor(owed / 1000)
      counts[rest + channel] = owed - counts[pulses + channel]! * 1000
      counts[taken + channel] = 0
    }
  }

  private reached(channel: number, atMs: number): number {
    return Math.floor((this.counts[pulses + channel]! * (atMs - startOfHalfHour(this.halfHour))) / halfHourMs)
  }

  /** Drops pulses that were not returned, and continues from an instant. */
  resetTo(atMs: number): void {
    this.enter(halfHourOf(atMs))
    for (let channel = 0; channel < channels; channel++) this.counts[taken + channel] = this.reached(channel, atMs)
  }

  /** Continues with this energy of each channel in the present half-hour counted already. */
  resumeFrom(countedWh: ArrayLike<number>): void {
    for (let channel = 0; channel < channels; channel++) {
      const counted = Math.floor(((countedWh[channel] ?? 0) * this.pulsesPerKwh) / 1000)
      this.counts[taken + channel] = Math.min(this.counts[pulses + channel]!, counted)
    }
  }

  /** Pulses of each channel up to an instant that were not returned yet. */
  pulsesUntil(atMs: number): number[] {
    const found = new Array<number>(channels).fill(0)
    const until = halfHourOf(atMs)
    if (until < this.halfHour) {
      this.resetTo(atMs)
      return found
    }
    const { counts } = this
    while (this.halfHour < until) {
      for (let channel = 0; channel < channels; channel++) {
        found[channel]! += counts[pulses + channel]! - counts[taken + channel]!
      }
      this.enter(this.halfHour + 1)
    }
    for (let channel = 0; channel < channels; channel++) {
      const now = this.reached(channel, atMs)
      found[channel]! += Math.max(0, now - counts[taken + channel]!)
      counts[taken + channel] = Math.max(now, counts[taken + channel]!)
    }
    return found
  }
}
