// What an emulated meter runs by: the clocks and timers of this machine, or of a simulation.

import { systemTimers, type Timers } from './emulated-board.ts'
import { type MachineClocks, systemClocks } from './scaled-clock.ts'

export interface MeterTime {
  clocks: MachineClocks
  timers: Timers
  /** The longest wait of a sleeping meter, ms; the clocks of a machine may jump meanwhile. */
  sleepMsMax: number
  /** Whether each half-hour is forced to the disk: a simulation is too fast for that, and is not there for power cuts. */
  syncs: boolean
}

export const machineTime: MeterTime = {
  clocks: systemClocks,
  timers: systemTimers,
  sleepMsMax: 1000,
  syncs: true,
}
