// Erases of each page in a year, of every log, against what the flash of each board is rated for.

import { createRandom } from '../../emulation/random.ts'
import { createSimFlash, type SimFlash } from '../../emulation/sim-flash.ts'
import { flashMapOf, flashPagesFull, pageBytes } from '../../firmware/flash-map.ts'
import { createMeter } from '../../firmware/meter.ts'
import { defaultConfiguration, writeSettings } from '../../firmware/settings.ts'
import { type BoardName, boards } from '../../hardware/boards/boards.ts'
import { householdWh } from '../../hardware/load/household.ts'
import { halfHourMs } from '../../protocol/half-hour.ts'
import type { Bench, Row } from './row.ts'

const days = 365
const stepsPerHalfHour = 12

/** Wh (varh) of the four channels in a half-hour. */
type Load = (halfHour: number) => number[]

const household: Load = (halfHour) => {
  const wh = householdWh(1, halfHour)
  return [wh, 0, Math.round(wh * 0.3), 5]
}

// 40 kWh of import, 20 of export, 15 of reactive import and 3 of reactive export a day.
const heavy: Load = (halfHour) => {
  const slot = halfHour % 48
  return [slot < 10 ? 3000 : 263, slot > 18 && slot < 34 ? 1333 : 0, 312, 62]
}

/** A year of a meter that is started once a day, as a bench on a desk has it. */
function liveYear(load: Load, checkpointWh: number): SimFlash {
  const flash = createSimFlash(pageBytes, flashPagesFull, createRandom(1))
  const configuration = { ...defaultConfiguration(), checkpointWh }
  writeSettings(flash, { eui: new Uint8Array(8), key: new Uint8Array(32), version: 1, configuration })
  const first = 20000 * 48
  let nowMs = first * halfHourMs
  let pulses = [0, 0, 0, 0]
  const clock = () => nowMs
  const board = {
    nowMs: clock,
    upMs: clock,
    flash,
    uart: { write: () => {}, ready: () => true },
    takePulses: () => {
      const taken = pulses
      pulses = [0, 0, 0, 0]
      return taken
    },
  }
  for (let day = 0; day < days; day++) {
    const meter = createMeter(board)
    for (let i = 0; i < 48; i++) {
      const wh = load(first + day * 48 + i)
      for (let step = 1; step <= stepsPerHalfHour; step++) {
        nowMs += halfHourMs / stepsPerHalfHour
        pulses = wh.map(
          (one) => Math.floor((one * step) / stepsPerHalfHour) - Math.floor((one * (step - 1)) / stepsPerHalfHour),
        )
        meter.step()
      }
    }
  }
  return flash
}

/** The most erases of a page of each log. */
function mostErased(flash: SimFlash): { [log: string]: number } {
  const map = flashMapOf(flashPagesFull)
  const most = (from: number, to: number) => Math.max(...flash.erases.slice(from, to))
  return {
    journal: most(map.journal, map.events),
    'event logs': most(map.events, map.billing),
    'billing data log': most(map.billing, map.dailyReads),
    'daily read log': most(map.dailyReads, map.others),
    'day blocks of the other channels': most(map.others, map.imports),
    'day blocks of active import': most(map.imports, flashPagesFull),
  }
}

export const wear: Bench = async (note) => {
  const rows: Row[] = []
  const row = (name: string, value: number, unit: string) => rows.push({ bench: 'wear', name, value, unit })
  for (const [home, load] of [
    ['household', household],
    ['heavy home', heavy],
  ] as const) {
    for (const checkpointWh of home === 'household' ? [100] : [100, 250]) {
      const erased = mostErased(liveYear(load, checkpointWh))
      const title = `${home}, a record every ${checkpointWh} Wh`
      for (const [log, most] of Object.entries(erased)) {
        if (home === 'household' || log === 'journal') row(`${title}: ${log}, erases of a page in a year`, most, '')
      }
      for (const name of Object.keys(boards) as BoardName[]) {
        if (name === 'linux') continue
        const { ratedErases } = boards[name].flash
        row(
          `${title}: years on ${name} (${ratedErases} erases)`,
          ratedErases / Math.max(...Object.values(erased)),
          'years',
        )
      }
      note(`${title} done`)
    }
  }
  return rows
}
