// The model's counting: what a half-hour may hold, and how often it is committed.

import { eventCode } from '../../../protocol/event-entry.ts'
import { durable, hasCounted, note, type PlainMeter } from './plain-meter.ts'

const none = [0, 0, 0, 0]

export function count(meter: PlainMeter, pulses: readonly number[]): void {
  const { ram, kept } = meter
  for (const [i, more] of pulses.entries()) {
    const thousandths = ram.rest[i]! + more * 1000
    const whole = Math.floor(thousandths / kept.settings.pulsesPerKwh)
    const taken = Math.min(whole, ram.room[i]!)
    ram.wh[i]! += taken
    ram.room[i]! -= taken
    ram.excessWh += whole - taken
    ram.rest[i] = thousandths % kept.settings.pulsesPerKwh
  }
}

/** The half-hour begins in which each channel may count what the connection can carry. */
export function beginHalfHour(meter: PlainMeter, halfHour: number): void {
  const { ram, kept } = meter
  const { excessWh } = ram
  if (excessWh > 0) {
    durable(meter, () => {
      kept.excessWh += excessWh
    })
    if (!ram.wasOver) note(meter, eventCode.overCapacity, excessWh, 0)
  }
  ram.wasOver = excessWh > 0
  ram.excessWh = 0
  ram.halfHour = halfHour
  const running = kept.running?.halfHour === halfHour ? kept.running.wh : none
  ram.room = running.map((wh) => Math.max(0, kept.settings.halfHourWhMax - wh))
}

/** Whether a record is due within the half-hour, and allowed: 255 at once, and one more every two minutes. */
export function isCheckpointDue(meter: PlainMeter): boolean {
  const { ram, kept } = meter
  if (!hasCounted(meter, kept.settings.checkpointWh)) return false
  const more = Math.floor((ram.upMs - ram.checkpointUpMs) / 120000)
  ram.checkpoints = Math.min(255, ram.checkpoints + Math.max(0, more))
  ram.checkpointUpMs = more < 0 ? ram.upMs : ram.checkpointUpMs + more * 120000
  return ram.checkpoints > 0
}
