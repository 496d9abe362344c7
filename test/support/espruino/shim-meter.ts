// The meter's script for a board in the shim, started on a flash, and the other end of its line.

import * as assert from 'uvu/assert'
import { createRandom } from '../../../emulation/random.ts'
import { type BoardName, boards } from '../../../hardware/boards/boards.ts'
import { boardScripts } from '../../../hardware/install/board-scripts.ts'
import { type Asker, createAsker } from '../sim/asker.ts'
import { boardEui, boardKey } from '../sim/board-flash.ts'
import { createEspruinoShim, type EspruinoShim } from './shim.ts'

/** The script of a board as it is shipped. */
export async function scriptOf(name: BoardName): Promise<string> {
  return (await boardScripts(name)).meter
}

/** A meter's script that runs. */
export interface Bench {
  shim: EspruinoShim
  asker: Asker
  sent: Uint8Array[]
}

/** Starts the script of a board. `eraseBytes` is another unit of erasing than that of the row. */
export async function start(name: BoardName, cells: Uint8Array, clockMs: number, eraseBytes = 0): Promise<Bench> {
  const { flash, line } = boards[name]
  const sent: Uint8Array[] = []
  const shim = createEspruinoShim({
    cells: cells.slice(),
    flashAt: 'spi' in flash ? 0 : flash.base,
    eraseBytes: eraseBytes || ('spi' in flash ? 4096 : flash.eraseBytes),
    serial: line.device,
    ...('spi' in flash ? { spi: flash.spi } : {}),
    send: (bytes) => {
      sent.push(bytes)
      asker.received(bytes)
    },
    clockMs,
  })
  const asker = createAsker(boardKey, (bytes) => shim.receive(bytes))
  shim.run(await scriptOf(name))
  return { shim, asker, sent }
}

/** Wakes the meter and reads; the days, or the error code. */
export function read({ shim, asker }: Bench, firstHalfHour: number, count: number, channel = 0) {
  asker.wake(boardEui, createRandom(shim.nowMs()).bytes(8))
  shim.pass(100)
  assert.ok(asker.awake(), 'awake')
  asker.ask(firstHalfHour, count, channel)
  shim.pass(2000)
  return asker.refusal() ?? asker.days()
}

/** The half-hours of days that were read. */
export function whOf(days: ReturnType<typeof read>): number[] {
  assert.ok(Array.isArray(days), `refused with ${days}`)
  return days.flatMap((profile) => [...profile.wh])
}
