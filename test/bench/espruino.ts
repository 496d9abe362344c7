// The meter on a real Espruino, with 13 months behind it: processor time of a start and of each command, and variables of
// the heap. ESPRUINO names the interpreter (Espruino for Linux), ESPRUINO_SMALL one with a heap of 5,100 variables.

import { bundleFirmware } from '../../hardware/build/bundle.ts'
import { runBundle } from '../support/espruino/interpreter.ts'
import { commands, tryWithin } from '../support/espruino/year-old-meter.ts'
import { hasSocat } from '../support/left-out.ts'
import { recordedDaysBefore } from '../support/sim/board-flash.ts'
import { type Bench, quantile, type Row } from './row.ts'

const days = 397

/** Records beside the half-hours: a household has some 80 when its day ends, 40 kWh a day with export fill the page. */
const journalRecords = [0, 80, 235]

/** How often a command is run, so that ticks of 10 ms tell something. */
const repeats = 10

export const espruino: Bench = async (note) => {
  const { ESPRUINO, ESPRUINO_SMALL } = process.env
  const rows: Row[] = []
  const row = (name: string, value: number, unit: string) => rows.push({ bench: 'espruino', name, value, unit })
  const { code, bytes } = await bundleFirmware('linux')
  row('script for a board', bytes, 'bytes')
  if (!hasSocat || (ESPRUINO === undefined && ESPRUINO_SMALL === undefined)) {
    note('the rest is left out: it needs socat, and ESPRUINO or ESPRUINO_SMALL to name an interpreter')
    return rows
  }
  const flash = recordedDaysBefore(Date.now(), days, 13)
  if (ESPRUINO !== undefined) {
    const timed = `let benchMs=Date.now();${code};print("bench start",Date.now()-benchMs);`
    for (const records of journalRecords) {
      const tookMs: number[] = []
      const full = recordedDaysBefore(Date.now(), days, 13, records)
      for (let i = 0; i < repeats; i++) {
        const run = await runBundle(ESPRUINO, timed, full, 'file')
        tookMs.push(Number((await run.says(/bench start ([\d.]+)\s/))[1]))
        await run.end()
      }
      row(`a start with full logs, ${records} checkpoints in the journal`, quantile(tookMs, 0.5), 'ms')
      note(`starts with ${records} checkpoints done`)
    }
    const run = await runBundle(ESPRUINO, code, flash, 'file')
    try {
      for (const [name, command] of Object.entries(commands)) {
        const times = name === '13 months' ? 1 : repeats
        const before = run.cpuMs()
        for (let i = 0; i < times; i++) {
          const fault = await command(run, flash, days)
          if (fault !== '') throw new Error(`${name}: ${fault}`)
        }
        row(`${name}, wake to sleep, processor time`, (run.cpuMs() - before) / times, 'ms')
        note(`${name} done`)
      }
    } finally {
      await run.end()
    }
  }
  if (ESPRUINO_SMALL !== undefined) {
    const within = async (variables: number) =>
      tryWithin(ESPRUINO_SMALL, code, flash, days, variables, Object.keys(commands))
    let [low, high] = [1000, 5100]
    let rest = 0
    while (high - low > 100) {
      const middle = Math.round((low + high) / 200) * 100
      const trial = await within(middle)
      rest = trial.rest
      note(`${middle} variables: ${trial.fault === '' ? 'enough' : trial.fault}`)
      if (trial.fault === '') high = middle
      else low = middle
    }
    row('variables at rest, of 5,100', rest, '')
    row('variables at the peak (enough for every command, to 100)', high, '')
  }
  return rows
}
