// Reads everything back that a meter has recorded, and compares it with the model.

import type { SimFlash } from '../../../emulation/sim-flash.ts'
import type { Flash } from '../../../firmware/board.ts'
import { entriesOf } from '../../../firmware/event-log.ts'
import { openLogs, readBilling, readDailyReads, readProfile, snapshotNow } from '../../../firmware/logs.ts'
import { encodeConfiguration, readSettings } from '../../../firmware/settings.ts'
import { decodeReceivedDay, partCoding, partHalfHoursMax } from '../../../protocol/day-part.ts'
import { decodeEvent } from '../../../protocol/event-entry.ts'
import { dayBlockBytesMax } from '../../../protocol/limits.ts'
import { dayBlockDay, decodeDayBlock } from '../../../protocol/profile-coding.ts'
import { decodeSnapshot, type RegisterSnapshot } from '../../../protocol/register-snapshot.ts'
import type { Day, StoredRequest } from './plain-meter.ts'
import { type PlainSettings, toConfiguration } from './plain-settings.ts'
import { aheadAtStart } from './plain-time.ts'
import { mustOf, type Recorded, type RingCut } from './ring-capacity.ts'

export interface Findings {
  /** Committed, and missing or different. */
  lost: number
  /** Present although never committed. */
  invented: number
  /** Present twice. */
  doubled: number
  /** Registers or the count of starts that went back. */
  backwards: number
}

export const findingKinds = ['lost', 'invented', 'doubled', 'backwards'] as const

export function noFindings(): Findings {
  return { lost: 0, invented: 0, doubled: 0, backwards: 0 }
}

export function anyFindings(found: Findings): boolean {
  return findingKinds.some((kind) => found[kind] > 0)
}

/** What the meter's own functions read from flash, as bytes. */
export interface Readback {
  boots: number
  clock: { clockAheadMs: number; clockSetSeconds: number }
  /** Alerts up to this sequence were acknowledged. */
  acknowledged: number
  /** Version of the settings, and the configuration in bytes. */
  version: number
  configuration: Uint8Array
  registers: RegisterSnapshot
  excessWh: number
  /** Day blocks of each channel, in the order in which they were read. */
  blocks: Uint8Array[][]
  dailyReads: Uint8Array[]
  billing: Uint8Array[]
  events: Uint8Array[]
}

function all(next: () => Uint8Array | undefined): Uint8Array[] {
  const found: Uint8Array[] = []
  for (let one = next(); one !== undefined; one = next()) found.push(one)
  return found
}

/** Reads it all as a start would find it: give a copy of the flash, because reading counts a start and repairs. */
export function readBack(copy: SimFlash, fromDay: number): Readback {
  const logs = openLogs(copy)
  const registers = snapshotNow(logs, 0)
  const settings = readSettings(copy)!
  return {
    boots: logs.journal.boots,
    clock: { clockAheadMs: logs.journal.clockAheadMs, clockSetSeconds: logs.journal.clockSetSeconds },
    acknowledged: logs.events.acknowledged,
    version: settings.version,
    configuration: encodeConfiguration(settings.configuration),
    registers: decodeSnapshot(registers!)!,
    excessWh: logs.journal.excessWh,
    blocks: [0, 1, 2, 3].map((channel) => all(readProfile(logs, channel, fromDay * 48, 3000000 - fromDay * 48))),
    dailyReads: all(readDailyReads(logs, 0, 65536, settings.configuration.dailyReads)),
    billing: all(readBilling(logs, 0)),
    events: [1, 2].map((log) => Buffer.concat(all(entriesOf(logs.events, log, 0)))),
  }
}

/** Blocks that were decoded and found right, by the day they are of. */
const right = new WeakMap<Day, (Uint8Array | undefined)[]>()

/** Half-hours that were asked. */
export interface Asked {
  first: number
  count: number
}

/** Whether a part of a day has the half-hours that were asked of it, as they were recorded. */
function isRightPart(day: Day, channel: number, bytes: Uint8Array, { first, count }: Asked): boolean {
  const part = decodeReceivedDay(bytes)
  if (part === undefined) return false
  const from = Math.max(first, part.day * 48)
  const to = Math.min(first + count, part.day * 48 + 48)
  if (part.day * 48 + part.first !== from || part.count !== to - from || part.count > partHalfHoursMax) return false
  for (let i = part.first; i < part.first + part.count; i++) {
    if (part.wh[i] !== day.wh[channel]![i] || part.marked[i] !== (day.marked[i] ? 1 : 0)) return false
  }
  return part.channel === channel && part.open === !day.closed[channel]
}

function isRight(day: Day, channel: number, block: Uint8Array, asked: Asked): boolean {
  const open = !day.closed[channel]
  if ((block[1]! & 15) === partCoding) return isRightPart(day, channel, block, asked)
  const blocks = right.get(day) ?? []
  right.set(day, blocks)
  const known = blocks[channel]
  // Blocks of a day that is open and of one that is not differ in a bit.
  if (known !== undefined && Buffer.compare(known, block) === 0) return true
  const profile = decodeDayBlock(block)
  if (profile === undefined || profile.channel !== channel || profile.open !== open) return false
  for (let i = 0; i < 48; i++) {
    if (profile.wh[i] !== day.wh[channel]![i] || profile.marked[i] !== (day.marked[i] ? 1 : 0)) return false
  }
  blocks[channel] = block
  return true
}

/** Compares what was read of one channel. Returns the days that are missing, from the first that was asked on. */
export function compareBlocks(
  kept: StoredRequest,
  channel: number,
  blocks: readonly Uint8Array[],
  asked: Asked,
  found: Findings,
): number[] {
  const fromDay = Math.floor(asked.first / 48)
  const seen = new Set<number>()
  for (const block of blocks) {
    const number = dayBlockDay(block, 0)
    const day = kept.days.get(number)
    if (seen.has(number)) found.doubled += 1
    seen.add(number)
    if (day === undefined || number < fromDay) found.invented += 1
    else if (!isRight(day, channel, block, asked)) found.lost += 1
  }
  return [...kept.days.keys()].filter((number) => number >= fromDay && !seen.has(number))
}

/** Day blocks and snapshots have their number at the same place. */
const snapshotNumber = (bytes: Uint8Array) => dayBlockDay(bytes, 0)

function isSameSnapshot(a: RegisterSnapshot, b: RegisterSnapshot): boolean {
  return (
    a.cause === b.cause &&
    a.late === b.late &&
    a.number === b.number &&
    a.atSeconds === b.atSeconds &&
    a.registers.every((value, i) => value === b.registers[i]) &&
    a.matrix.every((value, i) => value === b.matrix[i])
  )
}

/** Bytes of snapshots that were decoded and found right. */
const rightSnapshots = new WeakMap<RegisterSnapshot, Uint8Array>()

function isRightSnapshot(truth: RegisterSnapshot, bytes: Uint8Array): boolean {
  const known = rightSnapshots.get(truth)
  if (known !== undefined && Buffer.compare(known, bytes) === 0) return true
  const snapshot = decodeSnapshot(bytes)
  if (snapshot === undefined || !isSameSnapshot(snapshot, truth)) return false
  rightSnapshots.set(truth, bytes)
  return true
}

/** The newest `keep` of what is expected, no more and no less. Returns the numbers of those that are missing. */
function compareSnapshots(
  expected: readonly RegisterSnapshot[],
  keep: number,
  read: readonly Uint8Array[],
  found: Findings,
): number[] {
  const newest = expected.slice(-keep)
  const seen = new Set<number>()
  for (const bytes of read) {
    const number = snapshotNumber(bytes)
    const truth = newest.find((one) => one.number === number)
    if (truth === undefined) found.invented += 1
    else if (seen.has(number)) found.doubled += 1
    else if (!isRightSnapshot(truth, bytes)) found.lost += 1
    seen.add(number)
  }
  return newest.map(({ number }) => number).filter((number) => !seen.has(number))
}

function compareEvents(kept: StoredRequest, log: number, read: Uint8Array, found: Findings): void {
  const expected = kept.events[log]!
  let at = 0
  for (const entry of expected) {
    const event = decodeEvent(read, at)
    at += 16
    const isSame =
      event !== undefined &&
      event.code === entry.code &&
      event.sequence === entry.sequence &&
      event.atSeconds === entry.atSeconds &&
      event.value === entry.value &&
      event.detail === entry.detail
    if (!isSame) found.lost += 1
  }
  if (read.length > at) found.invented += (read.length - at) / 16
}

const configurations = new WeakMap<PlainSettings, Uint8Array>()

function configurationOf(settings: PlainSettings): Uint8Array {
  const bytes = configurations.get(settings) ?? encodeConfiguration(toConfiguration(settings))
  configurations.set(settings, bytes)
  return bytes
}

/** What the rings took from `fromDay` on, as far as one knows; what is not there any more may have been as long as can be. */
function recordedOf(kept: StoredRequest, read: Readback, fromDay: number): Recorded {
  const days = [...kept.days.keys()].filter((day) => day >= fromDay).sort((a, b) => a - b)
  const lengths = read.blocks.map((blocks) => new Map(blocks.map((block) => [dayBlockDay(block, 0), block.length])))
  const ofDays = (channels: number[]) =>
    days.map((number) => ({
      number,
      bytes: channels.map((channel) => lengths[channel]!.get(number) ?? dayBlockBytesMax),
    }))
  const longest = Math.max(
    20,
    ...read.dailyReads.map(({ length }) => length),
    ...read.billing.map(({ length }) => length),
  )
  const ofSnapshots = (list: readonly RegisterSnapshot[]) => list.map(({ number }) => ({ number, bytes: [longest] }))
  return {
    imports: ofDays([0]),
    others: ofDays([1, 2, 3]),
    dailyReads: ofSnapshots(kept.dailyReads),
    billing: ofSnapshots(kept.billing),
  }
}

/** Compares what was read from `fromDay` on with one state of the model. `cuts` are the power cuts that took room in rings. */
export function compare(
  kept: StoredRequest,
  read: Readback,
  fromDay: number,
  flash: Flash,
  cuts: readonly RingCut[],
): Findings {
  const found = noFindings()
  // Reading counted as a start as well.
  if (read.boots !== kept.boots + 1) found[read.boots <= kept.boots ? 'backwards' : 'invented'] += 1
  if (aheadAtStart(read.clock) !== aheadAtStart(kept) || read.acknowledged !== kept.acknowledged) found.lost += 1
  const configuration = configurationOf(kept.settings)
  if (read.version !== kept.version || Buffer.compare(read.configuration, configuration) !== 0) found.lost += 1
  for (const [i, wh] of read.registers.registers.entries()) {
    if (wh !== kept.registers[i]) found[wh < kept.registers[i]! ? 'backwards' : 'invented'] += 1
  }
  let sum = 0
  for (const [i, wh] of read.registers.matrix.entries()) {
    sum += wh
    if (wh !== kept.matrix[i]) found[wh < kept.matrix[i]! ? 'backwards' : 'invented'] += 1
  }
  if (sum !== read.registers.registers[0] || read.excessWh !== kept.excessWh) found.invented += 1
  const asked = { first: fromDay * 48, count: 3000000 }
  const days = read.blocks.map((blocks, channel) => compareBlocks(kept, channel, blocks, asked, found))
  const dailyReads = compareSnapshots(kept.dailyReads, kept.settings.dailyReads, read.dailyReads, found)
  const billing = compareSnapshots(kept.billing, 12, read.billing, found)
  for (const [log, entries] of read.events.entries()) compareEvents(kept, log, entries, found)
  if (days.flat().length + dailyReads.length + billing.length > 0) {
    const must = mustOf(recordedOf(kept, read, fromDay), flash.pageBytes, flash.pages, cuts)
    found.lost += days[0]!.filter((day) => day >= must.importDay).length
    found.lost += days
      .slice(1)
      .flat()
      .filter((day) => day >= must.otherDay).length
    found.lost += dailyReads.filter((number) => number >= must.dailyRead).length
    found.lost += billing.filter((number) => number >= must.billing).length
  }
  return found
}
