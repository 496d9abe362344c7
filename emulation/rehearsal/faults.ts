// The faults of a scenario: meters that are not reached for a time, and callbacks that do not answer.

import { isInShare, isOf, type RehearsedMeter } from './population.ts'
import { callbackOfParty, lineOfMeter } from './registry.ts'
import type { Scenario } from './scenario.ts'

export interface Faults {
  /** Bytes that a wake-up on this line costs in vain; undefined when the meter is reached. */
  failureBytes(line: string, nowMs: number): number | undefined
  /** Whether a callback does not answer. */
  isDown(url: string, nowMs: number): boolean
}

export function createFaults(scenario: Scenario, population: readonly RehearsedMeter[], startMs: number): Faults {
  const outages = scenario.faults
    .filter(({ kind }) => kind === 'unreachable')
    .map(({ of, share, fromMs, toMs, failureBytes }) => {
      const hit = population.filter((meter) => isOf(meter, of)).filter((_, place) => isInShare(place, share))
      return { lines: new Set(hit.map(({ eui }) => lineOfMeter(eui))), fromMs, toMs, failureBytes }
    })
  const callbacks = scenario.faults
    .filter(({ kind }) => kind === 'callback')
    .map(({ party = '', fromMs, toMs }) => ({ url: callbackOfParty(party), fromMs, toMs }))
  const isNow = ({ fromMs, toMs }: { fromMs: number; toMs: number }, nowMs: number) =>
    nowMs - startMs >= fromMs && nowMs - startMs < toMs
  const silent = new Set(population.filter(({ reachable }) => !reachable).map(({ eui }) => lineOfMeter(eui)))
  return {
    failureBytes(line, nowMs) {
      const outage = outages.find((one) => isNow(one, nowMs) && one.lines.has(line))
      return outage?.failureBytes ?? (silent.has(line) ? 0 : undefined)
    },
    isDown: (url, nowMs) => callbacks.some((one) => one.url === url && isNow(one, nowMs)),
  }
}
