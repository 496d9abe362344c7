// A meter on a scripted board, beside the model of it: both get the same acts.
//
// What is committed: every durable change of the model (plain-meter.ts) that belongs to an act which came to its end. When
// power fails in an act, the durable changes of that act are done up to one of them and none after it: `worlds` holds each
// such outcome, and nothing else is allowed. Looking at the flash then leaves the worlds that are as it is. If there is
// none, something was lost, invented, doubled or went backwards. What is in RAM is lost: less than checkpointWh of each
// channel, what the interrupted act counted, and less than 1 Wh.

import { PowerCut, type SimFlash } from '../../../emulation/sim-flash.ts'
import type { Board } from '../../../firmware/board.ts'
import { createMeter, type Meter } from '../../../firmware/meter.ts'
import { encodeConfiguration, writeSettings } from '../../../firmware/settings.ts'
import type { Answer, Ask } from '../../../protocol/messages.ts'
import { decodeSnapshot } from '../../../protocol/register-snapshot.ts'
import { createDirectLine, type DirectLine } from '../sim/direct-line.ts'
import { type Act, type AskAct, onModel, type Times } from './life-acts.ts'
import { createPlainMeter, dayMs, outcomes, type PlainMeter } from './plain-meter.ts'
import { type PlainSettings, toConfiguration } from './plain-settings.ts'
import { anyFindings, compare, compareBlocks, type Findings, findingKinds, noFindings, readBack } from './read-back.ts'
import type { RingCut } from './ring-capacity.ts'

/**
 * What a power cut can cost: per channel what was counted and not committed, the interrupted act's part of it, and the
 * registers before it.
 */
export interface Stake {
  wh: number[]
  actWh: number[]
  registers: number[]
}

export interface Life {
  flash: SimFlash
  /** Read instead of the flash, so that reading does not repair it. */
  copy: SimFlash
  line: DirectLine
  meter: Meter | undefined
  worlds: PlainMeter[]
  nowMs: number
  boardAheadMs: number
  startedMs: number
  pulses: readonly number[]
  /** Days before this one are not compared. */
  fromDay: number
  ringCuts: RingCut[]
  atStake: Stake | undefined
  found: Findings
  /** The first findings, as text. */
  first: string | undefined
  /**
   * The most energy lost by a power cut on a channel, in Wh: in all, and beyond what the interrupted act counted. That is
   * less than checkpointWh and what makes no whole Wh yet: the greatest share of this bound.
   */
  lostWh: number
  beyondActWh: number
  shareOfBound: number
}

const eui = Uint8Array.of(0, 0xdb, 0x12, 0x34, 0x56, 0x78, 0x90, 0xa0)
const key = Uint8Array.from({ length: 32 }, (_, i) => i * 7)

/** A life that continues from what is in flash; `copy` is a flash of the same size, for looking. */
export function lifeOn(flash: SimFlash, copy: SimFlash, worlds: PlainMeter[], fromDay: number): Life {
  return {
    flash,
    copy,
    line: createDirectLine(eui, key),
    meter: undefined,
    worlds,
    nowMs: 0,
    boardAheadMs: 0,
    startedMs: 0,
    pulses: [],
    fromDay,
    ringCuts: [],
    atStake: undefined,
    found: noFindings(),
    first: undefined,
    lostWh: 0,
    beyondActWh: 0,
    shareOfBound: 0,
  }
}

/** A meter that has its settings and has never had power. */
export function newLife(flash: SimFlash, copy: SimFlash, settings: PlainSettings): Life {
  writeSettings(flash, { eui, key, version: 1, configuration: toConfiguration(settings) })
  return lifeOn(flash, copy, [createPlainMeter(settings)], 0)
}

function boardOf(life: Life): Board {
  return {
    nowMs: () => life.nowMs + life.boardAheadMs,
    upMs: () => life.nowMs - life.startedMs,
    flash: life.flash,
    uart: { write: (bytes) => life.line.take(bytes), ready: () => true },
    takePulses() {
      const taken = [0, 1, 2, 3].map((i) => life.pulses[i] ?? 0)
      life.pulses = []
      return taken
    },
  }
}

/** A finding. */
export function find(life: Life, found: Findings, what: string): void {
  for (const kind of findingKinds) life.found[kind] += found[kind]
  const time = new Date(life.nowMs).toISOString()
  life.first ??= `${time}: ${what}: ${findingKinds.map((kind) => `${found[kind]} ${kind}`).join(', ')}`
}

/** Fields of the frames of an answer, for any ask. */
type Answers = object[]

function onMeter(life: Life, act: Act): Answers | undefined {
  if (act.do === 'start') {
    life.meter = createMeter(boardOf(life))
    return
  }
  const meter = life.meter!
  const { kept } = life.worlds[0]!
  if (act.do === 'step') {
    life.pulses = act.pulses
    meter.step()
  } else if (act.do === 'fails') meter.powerFails()
  else if (act.do === 'setClock') life.line.ask(meter, 'setClock', { utcMs: life.nowMs + act.aheadMs, confirmed: 1 })
  else if (act.do === 'acknowledge') life.line.ask(meter, 'acknowledgeAlerts', { sequence: kept.sequence })
  else if (act.do === 'settings') {
    const settings = encodeConfiguration(toConfiguration(act.settings))
    life.line.ask(meter, 'writeSettings', { version: kept.version, settings })
  } else if (act.do === 'ask') return life.line.ask(meter, act.name as 'readProfile', act.fields as Ask<'readProfile'>)
  return
}

/** Whether an answer is right in this world. */
function isRightAnswer(world: PlainMeter, act: AskAct, answers: Answers): boolean {
  if (act.name === 'readRegisters') {
    const { snapshots } = answers[0] as Answer<'readRegisters'>
    const { registers, matrix } = decodeSnapshot(snapshots)!
    return registers.join() === world.kept.registers.join() && matrix.join() === world.kept.matrix.join()
  }
  if (act.name !== 'readProfile') return true
  const blocks = answers.flatMap((answer) => blocksIn((answer as Answer<'readProfile'>).blocks))
  const { channel, firstHalfHour, count } = act.fields
  const found = noFindings()
  const missing = compareBlocks(world.kept, channel, blocks, { first: firstHalfHour, count }, found)
  return !anyFindings(found) && !missing.some((day) => day <= Math.floor((firstHalfHour + count - 1) / 48))
}

function blocksIn(bytes: Uint8Array): Uint8Array[] {
  const blocks: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += bytes[at]!) blocks.push(bytes.slice(at, at + bytes[at]!))
  return blocks
}

function timesOf(life: Life): Times {
  return { nowMs: life.nowMs, boardMs: life.nowMs + life.boardAheadMs, upMs: life.nowMs - life.startedMs }
}

/** What a power cut in this act would cost at most. */
export function stakeOf(life: Life, act: Act): Stake {
  const { kept, ram } = life.worlds[0]!
  const whOf = (pulses: number) => (pulses * 1000) / kept.settings.pulsesPerKwh
  const actWh = act.do === 'step' ? act.pulses.map(whOf) : [0, 0, 0, 0]
  const isOn = life.meter !== undefined
  const counted = (i: number) => ram.wh[i]! + ram.rest[i]! / kept.settings.pulsesPerKwh
  return { wh: actWh.map((wh, i) => wh + (isOn ? counted(i) : 0)), actWh, registers: [...kept.registers] }
}

/** All that a power cut in this act may leave behind, in every world. */
export function outcomesOf(life: Life, worlds: readonly PlainMeter[], act: Act): PlainMeter[] {
  const times = timesOf(life)
  return worlds.flatMap((world) => outcomes(world, (one) => onModel(act, times, one)))
}

/** Executes the act, or lets power fail in it: then this returns true, and `worlds` has every outcome that is allowed. */
export function live(life: Life, act: Act): boolean {
  const stake = stakeOf(life, act)
  if (act.do === 'step' || act.do === 'start') life.nowMs = act.atMs
  if (act.do === 'jump') life.boardAheadMs += act.ms
  if (act.do === 'start') {
    life.startedMs = act.atMs
    if (life.meter !== undefined) life.atStake = stake
    if (act.boardMs !== undefined) life.boardAheadMs = act.boardMs - act.atMs
  }
  let answers: Answers | undefined
  try {
    answers = onMeter(life, act)
  } catch (error) {
    if (!(error instanceof PowerCut)) throw error
    cutIn(life, outcomesOf(life, life.worlds, act), stake)
    return true
  }
  const times = timesOf(life)
  for (const world of life.worlds) onModel(act, times, world)
  if (act.do !== 'ask') return false
  const right = life.worlds.filter((world) => isRightAnswer(world, act, answers!))
  if (right.length > 0) life.worlds = right
  else find(life, { ...noFindings(), invented: 1 }, `the answer to ${act.name}`)
  return false
}

/** Power has failed, and left one of `worlds` behind. */
export function cutIn(life: Life, worlds: PlainMeter[], stake: Stake): void {
  const before = life.worlds.reduce((least, { ringRecords }) => Math.min(least, ringRecords), Number.POSITIVE_INFINITY)
  if (worlds.some(({ ringRecords }) => ringRecords > before)) {
    const { kept } = worlds.at(-1)!
    life.ringCuts.push({
      day: kept.openDay || Math.floor(life.nowMs / dayMs),
      billing: kept.billing.at(-1)?.number ?? 0,
    })
  }
  life.meter = undefined
  life.worlds = distinct(worlds, false)
  life.atStake ??= stake
}

/** Worlds of one life that agree on this continue in the same way. `ram` only counts while the meter runs. */
function fingerprint({ kept, ram }: PlainMeter, isOn: boolean): string {
  const { settings, days, dailyReads, billing, events, ...rest } = kept
  // Lists that only grow can differ at their ends only.
  const ends = [
    days.size,
    days.get(Math.floor(kept.newest / 48)),
    dailyReads.at(-1),
    billing.at(-1),
    events[0]!.slice(-9),
  ]
  return JSON.stringify([rest, settings.checkpointWh, ends, isOn ? ram : 0])
}

function distinct(worlds: readonly PlainMeter[], isOn: boolean): PlainMeter[] {
  if (worlds.length < 2) return [...worlds]
  return [...new Map(worlds.map((world) => [fingerprint(world, isOn), world])).values()]
}

/** Compares everything on a copy of the flash, and keeps the worlds that agree with it. */
export function look(life: Life): void {
  const { copy } = life
  copy.become(life.flash.image)
  const read = readBack(copy, life.fromDay)
  const left: PlainMeter[] = []
  let nearest: { found: Findings; sum: number; world: PlainMeter } | undefined
  for (const world of life.worlds) {
    const found = compare(world.kept, read, life.fromDay, copy, life.ringCuts)
    const sum = findingKinds.reduce((all, kind) => all + found[kind], 0)
    if (sum === 0) left.push(world)
    if (nearest === undefined || sum < nearest.sum) nearest = { found, sum, world }
  }
  if (left.length > 0) life.worlds = distinct(left, life.meter !== undefined)
  else {
    find(life, nearest!.found, 'what is in flash')
    life.worlds = [nearest!.world]
  }
  weigh(life)
}

/** How much energy the last power cut has cost. */
function weigh(life: Life): void {
  const stake = life.atStake
  if (stake === undefined) return
  const { kept } = life.worlds[0]!
  for (const [i, wh] of stake.wh.entries()) {
    const lostWh = wh - (kept.registers[i]! - stake.registers[i]!)
    const beyondActWh = lostWh - stake.actWh[i]!
    life.lostWh = Math.max(life.lostWh, lostWh)
    life.beyondActWh = Math.max(life.beyondActWh, beyondActWh)
    life.shareOfBound = Math.max(life.shareOfBound, beyondActWh / (kept.settings.checkpointWh + 1))
    if (beyondActWh >= kept.settings.checkpointWh + 1) find(life, { ...noFindings(), lost: 1 }, `${lostWh} Wh`)
  }
  life.atStake = undefined
}
