// A new board of a row, as the simulator has it.

import type { EspruinoBoard } from '../boards/board-row.ts'
import { meterFlashBytes } from '../boards/board-rules.ts'
import { espruinoCalls } from './espruino-calls.ts'
import type { PromptTiming } from './espruino-prompt.ts'
import type { PromptSimOptions } from './prompt-simulator.ts'

/** What only builds after the last release have, of all that the script could call (espruino-calls.ts). */
const laterThanReleases = espruinoCalls
  .filter(({ since }) => !/^\d/.test(since))
  .map(({ name }) => name.replace(/^(\w+) (\w+)\(\)$/, '$1.prototype.$2'))

/** What Espruino for Linux leaves out. */
const absentOn = ({ reports }: EspruinoBoard) => (reports === 'LINUX' ? ['setDeepSleep'] : [])

/** A new board of a row, its flash blank, as it comes with the row's Espruino. */
export function newBoard(row: EspruinoBoard, timing: PromptTiming): PromptSimOptions {
  const { flash, storage } = row
  const common = {
    board: row.reports,
    version: row.build.release ?? '2v29.277',
    variables: row.heap.variables,
    // Node has what came after the releases: a release does not.
    without: [...(row.build.release === undefined ? [] : laterThanReleases), ...absentOn(row)],
    storage,
    baud: row.consoleBaud,
    timing,
  }
  if ('spi' in flash) {
    const cells = new Uint8Array(storage.bytes).fill(0xff)
    const spi = { port: flash.spi, cells: new Uint8Array(meterFlashBytes(row)).fill(0xff) }
    return { ...common, cells, address: storage.at, eraseBytes: 4096, freeAreas: [], spi }
  }
  // Pages outside Storage lie before it.
  const address = Math.min(storage.at, flash.base)
  const cells = new Uint8Array(storage.at + storage.bytes - address).fill(0xff)
  const freeAreas = address < storage.at ? [{ addr: address, length: storage.at - address }] : []
  return { ...common, cells, address, eraseBytes: flash.eraseBytes, freeAreas }
}
