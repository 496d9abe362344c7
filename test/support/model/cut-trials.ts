// Cuts a meter's power at every flash operation of a script, and again at every operation after that.
//
// The meter runs once, and its flash operations are written down. What flash would hold if power failed in one of them is
// what it held before, with the operations up to that one done and that one torn: no second run is needed to get there.

import { createRandom, type Random } from '../../../emulation/random.ts'
import { createSimFlash, PowerCut, type SimFlash, type TornModel, tornModels } from '../../../emulation/sim-flash.ts'
import { dailyReadPages, flashMapOf } from '../../../firmware/flash-map.ts'
import { type Operation, record, replay } from '../sim/flash-recorder.ts'
import type { Act } from './life-acts.ts'
import { cutIn, type Life, lifeOn, live, look, newLife, outcomesOf, type Stake, stakeOf } from './meter-life.ts'
import { copyOfPlain, halfHourMs, type PlainMeter } from './plain-meter.ts'
import type { PlainSettings } from './plain-settings.ts'
import { type Findings, findingKinds, noFindings } from './read-back.ts'

export interface Tally extends Findings {
  cuts: number
  /** The most energy lost by a power cut on a channel, in Wh: in all, and beyond what the interrupted act counted. */
  lostWh: number
  beyondActWh: number
  /** The greatest share of its bound that energy lost by a cut had. */
  shareOfBound: number
  /** The most programs of one word between two erases. */
  programs: number
  /** The first things found, for people. */
  first: string[]
}

export function noTally(): Tally {
  return { cuts: 0, ...noFindings(), lostWh: 0, beyondActWh: 0, shareOfBound: 0, programs: 0, first: [] }
}

export function addTally(to: Tally, from: Tally): void {
  to.cuts += from.cuts
  for (const kind of findingKinds) to[kind] += from[kind]
  to.lostWh = Math.max(to.lostWh, from.lostWh)
  to.beyondActWh = Math.max(to.beyondActWh, from.beyondActWh)
  to.shareOfBound = Math.max(to.shareOfBound, from.shareOfBound)
  to.programs = Math.max(to.programs, from.programs)
  to.first.push(...from.first.slice(0, 5 - to.first.length))
}

/** Random numbers that begin anew with each seed given: what happens after a cut depends on that cut alone. */
interface Seeded extends Random {
  seed(seed: number): void
}

function createSeeded(): Seeded {
  let random = createRandom(0)
  return {
    seed(seed) {
      random = createRandom(seed)
    },
    next: () => random.next(),
    below: (below) => random.below(below),
    bytes: (count) => random.bytes(count),
  }
}

/** The flash that is needed to try cuts at one depth. */
interface Bench {
  random: Seeded
  /** On which the meter lives; its operations. */
  live: SimFlash
  operations: Operation[]
  /** Which follows it, operation by operation. */
  rolling: SimFlash
}

export interface Job {
  pageBytes: number
  pages: number
  models: readonly TornModel[]
  /** Acts that are lived on after a cut, before everything is compared once more. */
  ahead: number
  /** Which of all first cuts are tried: each whose number leaves `part` when divided by `parts`. */
  part: number
  parts: number
  benches: Bench[]
  copy: SimFlash
  tally: Tally
}

function createBench(pageBytes: number, pages: number): Bench {
  const random = createSeeded()
  const flash = () => createSimFlash(pageBytes, pages, random)
  const bench: Bench = { random, live: flash(), operations: [], rolling: flash() }
  record(bench.live, bench.operations)
  return bench
}

export function createJob(
  options: Pick<Job, 'pageBytes' | 'pages' | 'ahead'> & Partial<Pick<Job, 'models' | 'part' | 'parts'>>,
  depth: number,
): Job {
  const { pageBytes, pages } = options
  return {
    models: tornModels,
    part: 0,
    parts: 1,
    ...options,
    benches: Array.from({ length: depth + 1 }, () => createBench(pageBytes, pages)),
    copy: createSimFlash(pageBytes, pages, createRandom(1)),
    tally: noTally(),
  }
}

/** A life at depth 0 that has come to the end of `history`, and erases of each page so far. */
export function ground(job: Job, settings: PlainSettings, history: readonly Act[], fromDay: number): Life {
  const bench = job.benches[0]!
  bench.random.seed(1)
  const life = newLife(bench.live, job.copy, settings)
  for (const act of history) live(life, act)
  life.fromDay = fromDay
  look(life)
  return life
}

/** What comes after a power cut in act `at`: mostly power is back at once, or a few hours later, or the next day. */
function afterCut(acts: readonly Act[], at: number, nowMs: number, number: number, ahead: number): Act[] {
  const skipped = [1, 1, 1, 2, 1, 1, 40, 1, 1, 5, 1, 300][number % 12]!
  for (let i = at + skipped; i < acts.length; i++) {
    const act = acts[i]!
    if (act.do === 'step' || act.do === 'start')
      return [{ do: 'start', atMs: act.atMs }, ...acts.slice(i + 1, i + 1 + ahead)]
  }
  return [{ do: 'start', atMs: nowMs + halfHourMs }]
}

function settle(job: Job, life: Life, path: readonly string[]): void {
  const { tally } = job
  for (const kind of findingKinds) tally[kind] += life.found[kind]
  tally.lostWh = Math.max(tally.lostWh, life.lostWh)
  tally.beyondActWh = Math.max(tally.beyondActWh, life.beyondActWh)
  tally.shareOfBound = Math.max(tally.shareOfBound, life.shareOfBound)
  tally.programs = Math.max(tally.programs, life.flash.mostPrograms())
  if (life.first !== undefined && tally.first.length < 5) tally.first.push(`${path.join(', then ')}: ${life.first}`)
}

/** A life that is a copy of another, with its power cut off in an act: in `flash` is what that left behind. */
function cutOff(life: Life, before: PlainMeter[], outcomes: PlainMeter[], stake: Stake, flash: SimFlash): Life {
  const cut = lifeOn(flash, life.copy, before, life.fromDay)
  cut.nowMs = life.nowMs
  cut.boardAheadMs = life.boardAheadMs
  cut.startedMs = life.startedMs
  cut.ringCuts = [...life.ringCuts]
  cutIn(cut, outcomes.map(copyOfPlain), stake)
  return cut
}

/**
 * Lives `acts`, the first of which may be a start, and cuts power at each flash operation on the way, `depth` times one
 * after the other. Everything is compared after a start, at the end, and after every cut.
 */
export function tryCuts(
  job: Job,
  life: Life,
  acts: readonly Act[],
  depth: number,
  path: readonly string[] = [],
  seed = 0,
): void {
  const level = job.benches.length - 1 - depth
  const bench = job.benches[level]!
  const below = job.benches[level + 1]
  let number = 0
  if (below !== undefined) bench.rolling.become(life.flash.image)
  for (const [at, act] of acts.entries()) {
    const before = below === undefined ? [] : life.worlds.map(copyOfPlain)
    const stake = stakeOf(life, act)
    bench.operations.length = 0
    live(life, act)
    if (act.do === 'start') look(life)
    if (below === undefined) continue
    let after: PlainMeter[] | undefined
    for (const [i, operation] of [...bench.operations].entries()) {
      for (const model of job.models) {
        number += 1
        if (level === 0 && number % job.parts !== job.part) continue
        job.tally.cuts += 1
        after ??= outcomesOf(life, before, act)
        const cutSeed = Math.imul(seed, 69069) + number
        below.random.seed(cutSeed)
        below.live.become(bench.rolling.image)
        tear(below.live, operation, model)
        const cut = cutOff(life, before, after, stake, below.live)
        const rest = afterCut(acts, at, life.nowMs, number, depth > 1 ? acts.length : job.ahead)
        const where = `${model} cut ${number} in act ${at}, operation ${i + 1} of ${bench.operations.length}`
        tryCuts(job, cut, rest, depth - 1, [...path, where], cutSeed)
      }
      replay(bench.rolling, operation)
    }
  }
  look(life)
  settle(job, life, path)
}

function tear(flash: SimFlash, operation: Operation, model: TornModel): void {
  flash.cutAfter(0, model)
  try {
    replay(flash, operation)
  } catch (error) {
    if (!(error instanceof PowerCut)) throw error
  }
  flash.powerOn()
}

/** How many pages each log has erased. */
export function pagesTurned(flash: SimFlash): { [log: string]: number } {
  const map = flashMapOf(flash.pages)
  const erased = (first: number, pages: number) =>
    flash.erases.slice(first, first + pages).reduce((sum, erases) => sum + erases, 0)
  return {
    settings: erased(map.settings, 2),
    journal: erased(map.journal, 2),
    events: erased(map.events, 2),
    billing: erased(map.billing, 2),
    dailyReads: erased(map.dailyReads, dailyReadPages),
    others: erased(map.others, map.othersPages),
    imports: erased(map.imports, map.importPages),
  }
}
