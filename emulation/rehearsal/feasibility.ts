// What can be seen of a scenario before it runs: queues that grow for ever, because more comes in a day than the rates let
// through.

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

/** Queues that can never drain, in words; none when all can. */
export function neverDraining(scenario: Scenario): string[] {
  const problems: string[] = []
  const { population, dco, ratedMeters } = scenario
  const limited = Object.values(population.cohorts).some(({ rate }) => rate > 0) || dco.callsPerSecond > 0
  if (!limited) return []
  const share = population.meters / ratedMeters
  const reads = readsPerDay(scenario)
  for (const [name, { rate }] of Object.entries(population.cohorts)) {
    const possible = rate * share * 1440
    const wanted = reads.get(name) ?? 0
    if (rate > 0 && wanted > possible)
      problems.push(
        `the queue of cohort ${name} can never drain: ${wanted} reads of meters a day at least, and its rate of ${rate} sessions a minute ` +
          `lets ${Math.floor(possible)} through; raise population.cohorts.${name}.rate or ask for less`,
      )
  }
  const calls = [...reads.values()].reduce((sum, one) => sum + one, 0) * dcoCallsPerRead
  const possible = dco.callsPerSecond * share * secondsPerDay
  if (dco.callsPerSecond > 0 && calls > possible)
    problems.push(
      `the queue of the DCO can never drain: ${calls} calls a day at least, and ${dco.callsPerSecond} a second ` +
        `let ${Math.floor(possible)} through; raise dco.callsPerSecond or ask for less`,
    )
  return problems
}
