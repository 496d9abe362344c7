// What a meter must have recorded, computed in the simplest way: maps and lists, without flash, coding or pages. This is the
// model with which the firmware is compared; it shares no code with it.
//
// What survives a power cut is `kept`, and changes only inside `durable`: each such change is one that a power cut either
// leaves undone or finds done. `budget` says how many more of them come to pass before power fails.

import type { RegisterSnapshot } from '../../../protocol/register-snapshot.ts'
import type { PlainSettings } from './plain-settings.ts'

export const halfHourMs = 1800000
export const dayMs = 86400000
/** A board's clock that shows an earlier time was never set. */
export const clockSetMs = Date.UTC(2024, 0, 1)

/** A day's half-hours on the four channels, -1 for one that was not recorded. Never changed in place. */
export interface Day {
  wh: number[][]
  marked: boolean[]
  /** Channels of which the day is over. */
  closed: boolean[]
}

export interface PlainEvent {
  code: number
  sequence: number
  atSeconds: number
  value: number
  detail: number
}

/** What survives a power cut. */
export interface StoredRequest {
  settings: PlainSettings
  version: number
  boots: number
  registers: number[]
  matrix: number[]
  days: Map<number, Day>
  /** The day that is being recorded, 0 for none; the newest half-hour of which nothing can be recorded any more. */
  openDay: number
  newest: number
  running: { halfHour: number; wh: number[] } | undefined
  dailyReads: RegisterSnapshot[]
  billing: RegisterSnapshot[]
  /** The newest 100 of the event log, and of the security log. */
  events: PlainEvent[][]
  sequence: number
  lastCode: number
  lastSeconds: number
  acknowledged: number
  clockAheadMs: number
  clockSetSeconds: number
  driftPpm: number
  excessWh: number
  aliveMs: number
}

/** What does not survive a power cut. */
export interface Ram {
  wh: number[]
  rest: number[]
  room: number[]
  excessWh: number
  wasOver: boolean
  checkpoints: number
  checkpointUpMs: number
  halfHour: number
  marked: boolean
  day: number
  tou: number
  lost: boolean
  boardMs: number
  upMs: number
  startUpMs: number
  estimateMs: number
  offSinceMs: number
}

export interface PlainMeter {
  budget: number
  /** Records so far whose place is a ring: day blocks, daily reads, billing. */
  ringRecords: number
  kept: StoredRequest
  ram: Ram
}

/** Power has failed in the model. */
export class Stopped extends Error {}

export function durable(meter: PlainMeter, change: (kept: StoredRequest) => void): void {
  if (meter.budget === 0) throw new Stopped()
  meter.budget -= 1
  change(meter.kept)
}

const fours = () => [0, 0, 0, 0]

export function createPlainMeter(settings: PlainSettings): PlainMeter {
  return {
    budget: Number.POSITIVE_INFINITY,
    ringRecords: 0,
    kept: {
      settings,
      version: 1,
      boots: 0,
      registers: fours(),
      matrix: new Array(48).fill(0),
      days: new Map(),
      openDay: 0,
      newest: -1,
      running: undefined,
      dailyReads: [],
      billing: [],
      events: [[], []],
      sequence: 0,
      lastCode: 0,
      lastSeconds: 0,
      acknowledged: 0,
      clockAheadMs: 0,
      clockSetSeconds: 0,
      driftPpm: 0,
      excessWh: 0,
      aliveMs: 0,
    },
    ram: {
      wh: fours(),
      rest: fours(),
      room: fours(),
      excessWh: 0,
      wasOver: false,
      checkpoints: 255,
      checkpointUpMs: 0,
      halfHour: 0,
      marked: true,
      day: 0,
      tou: 0,
      lost: false,
      boardMs: 0,
      upMs: 0,
      startUpMs: 0,
      estimateMs: 0,
      offSinceMs: -1,
    },
  }
}

export function copyOfPlain(meter: PlainMeter): PlainMeter {
  const { kept, ram } = meter
  return {
    budget: Number.POSITIVE_INFINITY,
    ringRecords: meter.ringRecords,
    kept: {
      ...kept,
      registers: [...kept.registers],
      matrix: [...kept.matrix],
      days: new Map(kept.days),
      running: kept.running && { halfHour: kept.running.halfHour, wh: [...kept.running.wh] },
      dailyReads: [...kept.dailyReads],
      billing: [...kept.billing],
      events: kept.events.map((entries) => [...entries]),
    },
    ram: { ...ram, wh: [...ram.wh], rest: [...ram.rest], room: [...ram.room] },
  }
}

/**
 * All that `action` may leave behind when power fails in it: each of its durable changes done up to one of them, and none
 * after it. What is in RAM is gone.
 */
export function outcomes(meter: PlainMeter, action: (meter: PlainMeter) => void): PlainMeter[] {
  const found: PlainMeter[] = []
  for (let budget = 0; ; budget++) {
    const outcome = copyOfPlain(meter)
    outcome.budget = budget
    found.push(outcome)
    try {
      action(outcome)
      outcome.budget = Number.POSITIVE_INFINITY
      return found
    } catch (error) {
      if (!(error instanceof Stopped)) throw error
      outcome.budget = Number.POSITIVE_INFINITY
    }
  }
}

/** The meter's time: an estimate while it is lost. */
export function timeOf({ kept, ram }: PlainMeter): number {
  return ram.lost ? ram.estimateMs + ram.upMs - ram.startUpMs : ram.boardMs + kept.clockAheadMs
}

export function secondsOf(meter: PlainMeter): number {
  return meter.ram.lost ? 0 : Math.floor(timeOf(meter) / 1000)
}

export function addEvent(meter: PlainMeter, code: number, atSeconds: number, value: number, detail: number): void {
  durable(meter, (kept) => {
    kept.sequence += 1
    const log = kept.events[code >= 32 ? 1 : 0]!
    log.push({ code, sequence: kept.sequence, atSeconds, value, detail })
    if (log.length > 100) log.shift()
    kept.lastCode = code
    kept.lastSeconds = Math.max(kept.lastSeconds, atSeconds)
  })
}

export function note(meter: PlainMeter, code: number, value: number, detail: number): void {
  addEvent(meter, code, secondsOf(meter), value, detail)
}

export function copyOfDay(day: Day | undefined): Day {
  if (day === undefined) {
    return {
      wh: [0, 1, 2, 3].map(() => new Array(48).fill(-1)),
      marked: new Array(48).fill(false),
      closed: [false, false, false, false],
    }
  }
  return { wh: day.wh.map((wh) => [...wh]), marked: [...day.marked], closed: [...day.closed] }
}

/**
 * Commits what was counted. It belongs to the running half-hour, to the one that ends with it, or to none: then what was
 * committed of the running one belongs to none either. A half-hour not after all that is recorded is not recorded.
 */
export function commit(meter: PlainMeter, whose: 'running' | 'ended' | 'none', isMarked: boolean): void {
  const { ram } = meter
  const wh = ram.wh
  const minute = Math.min(29, Math.max(0, Math.floor((timeOf(meter) - ram.halfHour * halfHourMs) / 60000)))
  ram.wh = fours()
  durable(meter, (kept) => {
    for (const [i, value] of wh.entries()) kept.registers[i]! += value
    kept.matrix[ram.tou]! += wh[0]!
    const isRecorded = whose === 'ended' && ram.halfHour > kept.newest
    const ofRunning = kept.running?.halfHour === ram.halfHour ? kept.running.wh : fours()
    const sum = wh.map((value, i) => value + ofRunning[i]!)
    kept.running = whose === 'running' ? { halfHour: ram.halfHour, wh: sum } : undefined
    kept.aliveMs = Math.max(kept.aliveMs, ram.halfHour * halfHourMs + (isRecorded ? 30 : minute) * 60000)
    if (!isRecorded) return
    kept.openDay = Math.floor(ram.halfHour / 48)
    const day = copyOfDay(kept.days.get(kept.openDay))
    for (const [i, value] of sum.entries()) day.wh[i]![ram.halfHour % 48] = value
    day.marked[ram.halfHour % 48] = isMarked
    kept.days.set(kept.openDay, day)
    kept.newest = ram.halfHour
  })
}

export function hasCounted(meter: PlainMeter, least: number): boolean {
  return meter.ram.wh.some((wh) => wh >= least)
}

/** Commits all that is counted; the running half-hour continues. */
export function commitAll(meter: PlainMeter): void {
  if (hasCounted(meter, 1)) commit(meter, meter.ram.lost ? 'none' : 'running', false)
}

export function commitToNone(meter: PlainMeter): void {
  if (hasCounted(meter, 1) || meter.kept.running !== undefined) commit(meter, 'none', false)
}
