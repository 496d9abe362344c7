// A population in parts, each in a process of its own: meters are independent of each other. The number of parts comes from
// the scenario alone, so that the report does not depend on the machine.

import { fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { PlaceSettings } from '../../host/wan/wan-settings.ts'
import { addMeasures, type Measures, noMeasures } from './measures.ts'
import { rehearse } from './rehearsal.ts'
import type { Scenario } from './scenario.ts'

/** Most meters of one part, for its memory, and most days of meters, for its time. */
const metersPerPart = 10_000
const meterDaysPerPart = 30_000
/** Most parts that time alone makes. */
const partsForTimeMax = 8

export interface PartsOptions {
  scenario: Scenario
  /** Parts of the population; as many as the scenario needs unless given. */
  parts?: number
  /** Processes at once; as many as this machine has processors unless given. */
  processes: number | undefined
  /** Called with the share that is done, 0 to 1. */
  progress(share: number): void
  isCancelled(): boolean
}

export interface Rehearsed {
  measures: Measures
  parts: number
  /** Parts that were begun before the rehearsal was ended. */
  begun: number
  /** Most memory of all processes at once, as far as it is known. */
  memoryBytes: number
}

interface PartResult {
  measures: Measures
  memoryBytes: number
}

/** From a part: the hours that it has done, or its measures, or why it failed. */
export type PartMessage = { hours: number } | PartResult | { problem: string }

/** Whether meters wait for each other in the WAN; delays are each meter's own. */
const wanLimits = (wan: Scenario['wan']) =>
  wan !== undefined &&
  [wan.all, ...Object.values(wan.csps), ...Object.values(wan.cohorts)].some((place: Partial<PlaceSettings>) =>
    [place.contexts, place.callsPerSecond, place.smsPerSecond].some((limit = 0) => limit > 0),
  )

const dcoLimits = (dco: Scenario['dco']) =>
  dco !== undefined && [dco.workers, dco.callsPerSecond, dco.stallEveryMinutes].some((limit) => limit > 0)

/** A scenario with rates is divided only when memory needs it: the parts do not share queues. */
export function partsOf({ population, days, wan, dco }: Scenario): number {
  const forMemory = Math.ceil(population.meters / metersPerPart)
  const isLimited = wanLimits(wan) || dcoLimits(dco) || Object.values(population.cohorts).some(({ rate }) => rate > 0)
  const forTime = isLimited ? 1 : Math.ceil((population.meters * days) / meterDaysPerPart)
  return Math.max(forMemory, Math.min(forTime, partsForTimeMax))
}

/** How often a running part is told that the rehearsal was ended, milliseconds. */
const cancelCheckMs = 200

/** Rehearses one part in a process of its own. @throws Error with what went wrong there */
function rehearsePart(
  { scenario, isCancelled }: PartsOptions,
  part: number,
  parts: number,
  progress: (hours: number) => void,
): Promise<PartResult> {
  const child = fork(fileURLToPath(new URL('./part-process.js', import.meta.url)), { serialization: 'advanced' })
  const watch = setInterval(() => {
    if (isCancelled() && child.connected) child.send('end')
  }, cancelCheckMs)
  child.send({ scenario, part, parts })
  return new Promise<PartResult>((resolve, reject) => {
    child.on('message', (message: PartMessage) => {
      if ('hours' in message) progress(message.hours)
      else if ('measures' in message) resolve(message)
      else reject(new Error(message.problem))
    })
    child.on('error', reject)
    child.on('exit', (code, signal) => reject(new Error(`a part of the rehearsal ended by itself (${signal ?? code})`)))
  }).finally(() => {
    clearInterval(watch)
    if (child.connected) child.disconnect()
  })
}

/** Rehearses a scenario, in this process or in several. @throws Error when a part failed */
export async function rehearseAll(options: PartsOptions): Promise<Rehearsed> {
  const { scenario, isCancelled } = options
  const parts = options.parts ?? partsOf(scenario)
  const hours = new Array<number>(parts).fill(0)
  const progress = (part: number, done: number) => {
    hours[part] = done
    options.progress(hours.reduce((sum, one) => sum + one, 0) / (parts * scenario.days * 24))
  }
  if (parts === 1) {
    const measures = await rehearse({ scenario, part: 0, parts, progress: (done) => progress(0, done), isCancelled })
    return { measures, parts, begun: 1, memoryBytes: process.resourceUsage().maxRSS * 1024 }
  }
  const results = new Array<PartResult | undefined>(parts)
  let next = 0
  async function work(): Promise<void> {
    for (let part = next; part < parts && !isCancelled(); part = next) {
      next += 1
      results[part] = await rehearsePart(options, part, parts, (done) => progress(part, done))
    }
  }
  const processes = Math.min(parts, options.processes ?? availableParallelism())
  await Promise.all(Array.from({ length: processes }, work))
  const measures = noMeasures()
  // In the order of the parts, so that the sums are the same however they took turns.
  for (const one of results) if (one !== undefined) addMeasures(measures, one.measures)
  const most = Math.max(...results.map((one) => one?.memoryBytes ?? 0))
  return { measures, parts, begun: next, memoryBytes: processes * most }
}
