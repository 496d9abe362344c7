// The fault options of `smets1 meter`, checked.

import type { ClockFaults, ClockStep } from '../emulator/clock-faults.ts'
import type { PlannedCut } from '../emulator/powered-meter.ts'
import { text, whole } from './meter-options.ts'

export interface MeterFaults {
  /** The meter's time runs so many times as fast. */
  timeScale: number
  cuts: PlannedCut[]
  lastGasp: boolean
  clock: ClockFaults
  /** Infinite for flash that does not wear out. */
  erasesMax: number
}

type Given = Record<string, unknown>

const units: { [unit: string]: number } = { ms: 1, s: 1000, m: 60000, h: 3600000, d: 86400000 }

/** A hundred years: longer than any of this is run. */
const durationMsMax = 3155760000000

function durationMs(written: string): number | undefined {
  const parts = /^(\d{1,12}(?:\.\d{1,3})?)(ms|s|m|h|d)$/.exec(written)
  const ms = parts === null ? Number.NaN : Number(parts[1]) * units[parts[2]!]!
  return ms <= durationMsMax ? ms : undefined
}

/** Every value of an option that may be given again. */
function all(options: Given, name: string): string[] {
  const value = options[name]
  const values = Array.isArray(value) ? value : value === undefined ? [] : [value]
  return values.flatMap((one) => text({ [name]: one }, name) ?? [])
}

function readCut(written: string): PlannedCut {
  const [after, off, ...more] = written.split('/')
  const offMs = off === undefined ? 1000 : durationMs(off)
  const operations = /^\d{1,9}$/.test(after!) ? Number(after) : undefined
  const ms = durationMs(after!)
  if (more.length > 0 || offMs === undefined || (operations === undefined ? ms === undefined : operations < 1)) {
    throw new Error(
      `--cut-power-after is a time such as 90s, 15m or 2h, or a number of operations on flash such as 200, and perhaps ` +
        `how long power is off, as in 15m/5m; not ${written}`,
    )
  }
  return { after: operations === undefined ? { ms: ms! } : { operations }, offMs }
}

function readStep(written: string): ClockStep {
  const parts = /^([+-]?\d{1,10}(?:\.\d{1,3})?)@(.+)$/.exec(written)
  const when = parts?.[2] ?? ''
  const afterMs = durationMs(when)
  const atMs = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?Z$/.test(when) ? Date.parse(when) : Number.NaN
  if (parts === null || (afterMs === undefined && Number.isNaN(atMs))) {
    throw new Error(
      `--clock-step is seconds@when, such as 3600@10m or --clock-step=-7200@2026-10-25T01:00Z; not ${written}`,
    )
  }
  return { seconds: Number(parts[1]), when: afterMs === undefined ? { atMs } : { afterMs } }
}

/** @throws Error with what is wrong and what to write instead */
export function readMeterFaults(options: Given): MeterFaults {
  return {
    timeScale: whole(options, 'timeScale', 1, 3600) ?? 1,
    cuts: all(options, 'cutPowerAfter').map(readCut),
    lastGasp: options.lastGasp === true,
    clock: {
      driftPpm: whole(options, 'clockDriftPpm', -100000, 100000) ?? 0,
      steps: all(options, 'clockStep').map(readStep),
      lost: options.clockLost === true,
    },
    erasesMax: whole(options, 'flashWear', 0, 1000000) ?? Number.POSITIVE_INFINITY,
  }
}
