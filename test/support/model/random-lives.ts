// Random lives of a meter, each from a seed: any act may happen at any time.

import { createRandom, type Random } from '../../../emulation/random.ts'
import { createSimFlash, tornModels } from '../../../emulation/sim-flash.ts'
import { noTally, type Tally } from './cut-trials.ts'
import type { Act } from './life-acts.ts'
import { ordinary, woven } from './life-scripts.ts'
import { type Life, live, look, newLife } from './meter-life.ts'
import { dayMs } from './plain-meter.ts'
import { type PlainSettings, type PlainTariff, plainSettings, richTariff, secureProfile } from './plain-settings.ts'
import { findingKinds } from './read-back.ts'

export interface LifeOptions {
  days: number
  /** Power cuts in the middle of a flash operation, about. */
  cuts: number
  /** Whether clocks go wrong, are lost and are set, and settings change. */
  anything: boolean
  /** Steps in each half-hour. */
  steps: number
}

export const fortnight: LifeOptions = { days: 14, cuts: 30, anything: false, steps: 3 }
export const cutYear: LifeOptions = { days: 365, cuts: 300, anything: false, steps: 2 }
export const anyYear: LifeOptions = { days: 365, cuts: 60, anything: true, steps: 2 }

const minuteMs = 60000

/** After so many power cuts of which none left firm flash, the meter has one start without a cut. */
const mostUnsettled = 3

/** Half an hour of each, so that a change of local time is in reach of every seed. */
const simpleTariff: PlainTariff = {
  local: false,
  profiles: [
    [
      [0, 9],
      [28, 8],
    ],
  ],
  weekday: 0,
  weekend: 0,
  dates: [],
}

function randomSettings(random: Random, pulsesPerKwh: number): PlainSettings {
  return {
    ...plainSettings,
    pulsesPerKwh,
    dailyReads: 1 + random.below(31),
    checkpointWh: 10 + random.below(300),
    billingDay: random.below(29),
    // In one of four lives most half-hours have more.
    halfHourWhMax: random.below(4) === 0 ? 50 + random.below(400) : 41400,
    tariff: [undefined, simpleTariff, richTariff][random.below(3)],
  }
}

function anyAct(random: Random, life: Life, today: number, anything: boolean): Act {
  const { settings } = life.worlds[0]!.kept
  const kind = random.below(anything ? 12 : 5)
  if (kind === 0) return { do: 'ask', name: 'takeBilling', fields: { cause: 4 + random.below(4) } }
  if (kind === 1) return { do: 'ask', name: 'readRegisters', fields: {} }
  if (kind === 2) return { do: 'acknowledge' }
  if (kind < 5) {
    const firstHalfHour = (today - random.below(3)) * 48 + random.below(48)
    return { do: 'ask', name: 'readProfile', fields: { channel: random.below(4), firstHalfHour, count: 96 } }
  }
  if (kind === 5) return { do: 'settings', settings: randomSettings(random, settings.pulsesPerKwh) }
  if (kind === 6) {
    const pulsesPerKwh = [1000, 800, 3200, 10000][random.below(4)]!
    const deviceProfile = random.below(2) * secureProfile
    return { do: 'settings', settings: { ...settings, pulsesPerKwh, deviceProfile } }
  }
  if (kind < 9) return { do: 'setClock', aheadMs: random.below(3) === 0 ? random.below(7200000) - 3600000 : 0 }
  // A board's clock goes wrong by seconds, hours or days, or is corrected.
  if (kind === 9) return { do: 'jump', ms: -life.boardAheadMs }
  const most = [10000, 40 * minuteMs, 5 * 60 * minuteMs, 3 * dayMs][random.below(4)]!
  // Less is a correction, which a meter that steps four times a second notices a moment later; here it steps less often.
  const ms = 2000 + random.below(most)
  return { do: 'jump', ms: random.below(2) === 0 ? ms : -ms }
}

function dayOf(random: Random, life: Life, fromMs: number, options: LifeOptions): Act[] {
  const load = [150, 90, 60, 40].map((most) => Math.round((most * 4) / options.steps))
  const acts = ordinary(random, fromMs, 48, { steps: options.steps, pulses: load as [number, number, number, number] })
  const many = random.below(options.anything ? 3 : 2)
  const more = Array.from({ length: many }, () => ({
    atMs: fromMs + random.below(dayMs),
    act: anyAct(random, life, Math.floor(fromMs / dayMs), options.anything),
  }))
  // A start without a cut in an operation: power was off between two steps.
  const start = random.below(12)
  if (start > 2) return woven(acts, more)
  const offMs = random.below(start === 0 ? dayMs : 3 * 60 * minuteMs)
  const at = random.below(acts.length)
  const step = acts[at] as { atMs: number }
  const untilMs = step.atMs + offMs
  const rest = acts.slice(at + 1).filter((act) => act.do === 'step' && act.atMs > untilMs)
  const told: Act[] = random.below(2) === 0 ? [{ do: 'fails' }] : []
  return woven([...acts.slice(0, at + 1), ...told, { do: 'start', atMs: untilMs }, ...rest], more)
}

/** Runs a life to its end and returns the findings. */
export function randomLife(seed: number, options: LifeOptions): Tally {
  const random = createRandom(seed)
  // Small pages turn often; an event log with many entries of both kinds needs larger ones.
  const pageBytes = options.days < 30 && seed % 2 === 0 ? 2048 : 4096
  const flash = createSimFlash(pageBytes, 25, random)
  const copy = createSimFlash(pageBytes, 25, createRandom(seed + 1))
  const life = newLife(flash, copy, randomSettings(random, 1000))
  const fromDay = 20000 + random.below(360)
  const keepsTime = !options.anything || random.below(3) > 0
  const tally = noTally()
  const operationsPerCut = (options.days * 48 * options.steps * 2) / options.cuts

  function arm(): void {
    const soon = random.below(5) < 2
    flash.cutAfter(random.below(soon ? 40 : Math.ceil(2 * operationsPerCut)), tornModels[random.below(3)]!)
  }

  function start(atMs: number): Act {
    return keepsTime ? { do: 'start', atMs } : { do: 'start', atMs, boardMs: random.below(100000) }
  }

  /** Power cuts since everything was known for certain: what each may have left behind multiplies. */
  let unsettled = 0

  /** One act, and what follows if power fails in it. */
  function take(act: Act): void {
    const isBack = act.do === 'start' || (act.do === 'step' && life.meter === undefined && random.below(4) > 0)
    if (life.meter === undefined && !isBack) return
    const isCut = live(life, isBack ? start((act as { atMs: number }).atMs) : act)
    if (isCut) {
      tally.cuts += 1
      flash.powerOn()
      unsettled += 1
    }
    // What the next reading may find different is not settled until a start has made it firm.
    if (isCut ? flash.isFirm() : isBack) {
      look(life)
      if (unsettled === mostUnsettled) arm()
      unsettled = 0
    }
    if (isCut && unsettled < mostUnsettled) arm()
  }

  arm()
  let untilMs = 0
  for (let day = fromDay; day < fromDay + options.days; day++) {
    life.fromDay = Math.max(0, day - 40)
    for (const act of dayOf(random, life, day * dayMs, options)) {
      // Power may stay off into the next day.
      if ((act.do === 'step' || act.do === 'start') && act.atMs <= untilMs) continue
      take(act)
      untilMs = life.nowMs
    }
  }
  life.fromDay = 0
  look(life)
  for (const kind of findingKinds) tally[kind] = life.found[kind]
  tally.lostWh = life.lostWh
  tally.beyondActWh = life.beyondActWh
  tally.shareOfBound = life.shareOfBound
  tally.programs = flash.mostPrograms()
  if (life.first !== undefined) tally.first.push(`seed ${seed}: ${life.first}`)
  return tally
}
