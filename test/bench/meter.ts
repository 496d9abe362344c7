// Time: how long a year of a meter takes to simulate, through the whole firmware.

import { flashPagesFull, pageBytes } from '../../firmware/flash-map.ts'
import { createMeter } from '../../firmware/meter.ts'
import { defaultConfiguration, writeSettings } from '../../firmware/settings.ts'
import { createEmulatedBoard, systemTimers } from '../../hardware/emulator/emulated-board.ts'
import { createMemoryFlash } from '../../hardware/emulator/flash-file.ts'
import { runLoad } from '../../hardware/emulator/virtual-run.ts'
import { householdWh } from '../../hardware/load/household.ts'
import type { Bench } from './row.ts'

const yearHalfHours = 365 * 48

export const meter: Bench = async () => {
  const flash = createMemoryFlash({ pageBytes, pages: flashPagesFull })
  writeSettings(flash, {
    eui: new Uint8Array(8),
    key: new Uint8Array(32),
    version: 1,
    configuration: defaultConfiguration(),
  })
  const boardClock = { nowMs: 0 }
  const board = createEmulatedBoard({
    flash,
    clock: () => boardClock.nowMs,
    load: (halfHour) => householdWh(1, halfHour),
    otherLoad: (halfHour, channel) => Math.floor(householdWh(channel, halfHour) / 3),
    pulsesPerKwh: 1000,
    send: () => {},
    baud: 0,
    timers: systemTimers,
  })
  const from = 20000 * 48
  const startMs = performance.now()
  for (const _ of runLoad({ boardClock, board, createMeter, from, to: from + yearHalfHours })) void _
  const tookMs = performance.now() - startMs
  const bootMs = performance.now()
  createMeter(board)
  const row = (name: string, value: number, unit: string) => ({ bench: 'meter', name, value, unit })
  return [
    row('a meter-year through the firmware, all channels', tookMs / 1000, 's'),
    row('simulated to real time', (yearHalfHours * 1800) / (tookMs / 1000), ': 1'),
    row('start with a full log, on this machine', performance.now() - bootMs, 'ms'),
  ]
}
