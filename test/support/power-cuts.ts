// Cuts the power of a profile log at any flash operation, starts it again, and compares it with a model that knows
// only what was recorded and when.

import { flashMapPages } from '../../firmware/flash-map.ts'
import { openProfileLog } from '../../firmware/profile-log.ts'
import { firstHalfHourOfDay } from '../../protocol/half-hour.ts'
import { decodeDayBlock } from '../../protocol/profile-coding.ts'
import { createRandom } from './random.ts'
import { createSimFlash, PowerCut, type SimFlash, type TornModel } from './sim-flash.ts'

/** The half-hours to record: number, Wh, whether marked. */
export interface Recording {
  halfHour: number
  wh: number
  marked: boolean
}

/** `count` half-hours from `first` on, with a gap and a mark now and then. */
export function recordings(seed: number, first: number, count: number): Recording[] {
  const random = createRandom(seed)
  const list: Recording[] = []
  for (let i = 0; i < count; i++) {
    if (random.below(60) === 0) continue
    list.push({
      halfHour: first + i,
      wh: random.below(20) === 0 ? random.below(3000) : random.below(400),
      marked: random.below(50) === 0,
    })
  }
  return list
}

export interface Findings {
  cuts: number
  /** Committed before the cut and not there, or not as written, after it. */
  lost: number
  /** There after the cut although never recorded so. */
  invented: number
  /** Half-hours read twice. */
  doubled: number
  /** Register or boot count that went back. */
  backwards: number
}

export function noFindings(): Findings {
  return { cuts: 0, lost: 0, invented: 0, doubled: 0, backwards: 0 }
}

interface Run {
  flash: SimFlash
  /** Register after each recording. */
  registers: number[]
  /** Recordings committed, and begun. */
  done: number
  begun: number
  boot: number
}

/** Records from where the run stands until the end or a power cut. Answers true when power was cut. */
function record(run: Run, list: Recording[], found: Findings): boolean {
  try {
    const log = openProfileLog(run.flash)
    if (log.boot() <= run.boot) found.backwards += 1
    run.boot = log.boot()
    const register = log.committedWh()
    if (register < (run.registers[run.done - 1] ?? 0) || register > (run.registers[run.begun - 1] ?? 0))
      found.backwards += 1
    for (let i = run.done; i < list.length; i++) {
      run.begun = i + 1
      const { halfHour, wh, marked } = list[i]!
      log.record(halfHour, wh, marked, run.registers[i]!)
      run.done = i + 1
    }
    return false
  } catch (error) {
    if (error instanceof PowerCut) return true
    throw error
  }
}

/** Reads everything back and compares it. `from` is the first recording that the flash must still hold. */
function compare(run: Run, list: Recording[], from: number, found: Findings): void {
  const expected = new Map(list.slice(from, run.done).map((entry) => [entry.halfHour, entry]))
  const maybe = new Map(list.slice(0, run.begun).map((entry) => [entry.halfHour, entry]))
  const log = openProfileLog(run.flash)
  run.boot = log.boot()
  const cursor = log.read(list[0]!.halfHour, list.at(-1)!.halfHour - list[0]!.halfHour + 1)
  const seen = new Set<number>()
  for (let block = cursor.next(); block !== undefined; block = cursor.next()) {
    const profile = decodeDayBlock(block)
    if (profile === undefined) {
      found.invented += 1
      continue
    }
    for (let i = 0; i < 48; i++) {
      if (profile.wh[i]! < 0) continue
      const halfHour = firstHalfHourOfDay(profile.day) + i
      if (seen.has(halfHour)) found.doubled += 1
      seen.add(halfHour)
      const truth = maybe.get(halfHour)
      const right = truth !== undefined && truth.wh === profile.wh[i] && truth.marked === (profile.marked[i] === 1)
      if (!right) found.invented += 1
      else expected.delete(halfHour)
    }
  }
  found.lost += expected.size
}

/** A flash in which `list` up to `count` is recorded without a fault: the ground on which cuts are tried. */
export function prepared(
  pageBytes: number,
  list: Recording[],
  count: number,
): { flash: SimFlash; registers: number[] } {
  const flash = createSimFlash(pageBytes, flashMapPages, createRandom(1))
  const registers: number[] = []
  let register = 0
  for (const entry of list) {
    register += entry.wh
    registers.push(register)
  }
  record({ flash, registers, done: 0, begun: 0, boot: 0 }, list.slice(0, count), noFindings())
  return { flash, registers }
}

/**
 * One history: from `ground`, record on, with power cut at each of `cuts` (operations after the last start), then to the
 * end. Compares after every cut and at the end. Answers false when the first cut lies behind the end.
 */
export function tryCuts(
  ground: { flash: SimFlash; registers: number[] },
  list: Recording[],
  count: number,
  cuts: number[],
  model: TornModel,
  seed: number,
  found: Findings,
  keep = 0,
): boolean {
  const random = createRandom(seed)
  const flash = createSimFlash(ground.flash.pageBytes, ground.flash.pages, random, ground.flash.snapshot())
  const run: Run = { flash, registers: ground.registers, done: count, begun: count, boot: 1 }
  for (const cut of cuts) {
    flash.cutAfter(cut, model)
    const wasCut = record(run, list, found)
    flash.powerOn()
    if (!wasCut) {
      compare(run, list, keep, found)
      return cut !== cuts[0]
    }
    found.cuts += 1
    // Looking must not heal: what is compared is a copy.
    const copy = createSimFlash(flash.pageBytes, flash.pages, createRandom(seed + 1), flash.snapshot())
    compare({ ...run, flash: copy }, list, keep, found)
  }
  record(run, list, found)
  compare(run, list, keep, found)
  return true
}
