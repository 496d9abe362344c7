// What can be seen of a scenario before it runs: queues that grow for ever, because more comes in a day than the rates let
// through.

import type { DcoSettings } from '../../host/dco/dco-settings.ts'
import { settingsAt, type WanSettings } from '../../host/wan/wan-settings.ts'
import { createPopulation, isOf } from './population.ts'
import type { Scenario } from './scenario.ts'

const secondsPerDay = 86_400
/** A wake-up, a read and the sleep: each is sealed or opened by the DCO. */
const dcoCallsPerRead = 3

/** Reads a day of each cohort: with a cache one for each meter and log, without it one for each party, too. */
function readsPerDay(scenario: Scenario): Map<string, number> {
  const isCached = scenario.bridge.cachePolicy !== 'off'
  const reads = new Map<string, number>()
  const seen = new Set<string>()
  const population = createPopulation(scenario)
  for (const { name, asks } of scenario.parties) {
    for (const ask of asks.filter(({ every }) => every === 'day')) {
      for (const meter of population) {
        const key = `${meter.index} ${ask.srv} ${isCached ? '' : name}`
        if (!isOf(meter, ask.of) || seen.has(key)) continue
        seen.add(key)
        reads.set(meter.cohort, (reads.get(meter.cohort) ?? 0) + 1)
      }
    }
  }
  return reads
}

/** Calls a second that the model of the DCO lets through. */
function dcoCallsPerSecond(dco: DcoSettings | undefined): number {
  if (dco === undefined) return Number.POSITIVE_INFINITY
  const { callsPerSecond, workers, latencyMs, jitterMs } = dco
  const byRate = callsPerSecond > 0 ? callsPerSecond : Number.POSITIVE_INFINITY
  const callMs = latencyMs + jitterMs / 2
  const byWorkers = workers > 0 && callMs > 0 ? (workers * 1000) / callMs : Number.POSITIVE_INFINITY
  return Math.min(byRate, byWorkers)
}

/** Sessions a second that the model of the WAN lets through for a cohort. */
function sessionsPerSecond(wan: WanSettings | undefined, place: { csp: string; cohort: string }): number {
  const { callsPerSecond, smsPerSecond } = settingsAt(wan, place)
  const limit = (rate: number) => (rate > 0 ? rate : Number.POSITIVE_INFINITY)
  return Math.min(limit(callsPerSecond), limit(smsPerSecond))
}

/** Queues that can never drain, in words; none when all can. */
export function neverDraining(scenario: Scenario): string[] {
  const problems: string[] = []
  const { population, dco, wan, ratedMeters } = scenario
  const isLimited = Object.values(population.cohorts).some(({ rate }) => rate > 0)
  if (!isLimited && dco === undefined && wan === undefined) return []
  const share = population.meters / ratedMeters
  const reads = readsPerDay(scenario)
  for (const [name, { rate, csp }] of Object.entries(population.cohorts)) {
    const bySms = sessionsPerSecond(wan, { csp, cohort: name }) * share * secondsPerDay
    if ((reads.get(name) ?? 0) > bySms)
      problems.push(
        `the queue of cohort ${name} can never drain: ${reads.get(name)} reads of meters a day at least, and the WAN lets ` +
          `${Math.floor(bySms)} sessions through; raise wan callsPerSecond or smsPerSecond, or ask for less`,
      )
    const possible = rate * share * 1440
    const wanted = reads.get(name) ?? 0
    if (rate > 0 && wanted > possible)
      problems.push(
        `the queue of cohort ${name} can never drain: ${wanted} reads of meters a day at least, and its rate of ${rate} sessions a minute ` +
          `lets ${Math.floor(possible)} through; raise population.cohorts.${name}.rate or ask for less`,
      )
  }
  const calls = [...reads.values()].reduce((sum, one) => sum + one, 0) * dcoCallsPerRead
  const possible = dcoCallsPerSecond(dco) * share * secondsPerDay
  if (calls > possible)
    problems.push(
      `the queue of the DCO can never drain: ${calls} calls a day at least, and its settings let ${Math.floor(possible)} through; ` +
        'raise dco.callsPerSecond or dco.workers, or ask for less',
    )
  return problems
}
