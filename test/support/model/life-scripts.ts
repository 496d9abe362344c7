// Scripts of events for a meter in a test, each from a seed.

import type { Random } from '../../../emulation/random.ts'
import type { Act } from './life-acts.ts'
import { dayMs, halfHourMs } from './plain-meter.ts'

export interface Load {
  /** Steps in each half-hour. */
  steps: number
  /** The most pulses in a step, of each channel. */
  pulses: readonly [number, number, number, number]
}

/**
 * Half-hours of household, solar panels and motors, from `fromMs` on. Steps come at any millisecond; the first one of a
 * half-hour on its boundary, or up to two seconds late.
 */
export function ordinary(random: Random, fromMs: number, halfHours: number, load: Load): Act[] {
  const acts: Act[] = []
  for (let i = 0; i < halfHours; i++) {
    const startMs = fromMs + i * halfHourMs
    const times = [startMs + (random.below(3) === 0 ? 0 : random.below(2000))]
    for (let n = 1; n < load.steps; n++) times.push(startMs + 2000 + random.below(halfHourMs - 2000))
    times.sort((a, b) => a - b)
    // Little is used at night, and sometimes nothing.
    const share = random.below(12) === 0 ? 0 : random.next()
    for (const atMs of times) {
      acts.push({ do: 'step', atMs, pulses: load.pulses.map((most) => Math.floor(random.next() * share * (most + 1))) })
    }
  }
  return acts
}

/** The time at which an act ends; acts without a time take none. */
function timesIn(acts: readonly Act[]): number[] {
  let atMs = 0
  return acts.map((act) => {
    if (act.do === 'step' || act.do === 'start') atMs = act.atMs
    return atMs
  })
}

/** Inserts acts without a time of their own, each at the first step from its instant on. */
export function woven(acts: readonly Act[], more: readonly { atMs: number; act: Act }[]): Act[] {
  const times = timesIn(acts)
  const after = new Map<number, Act[]>()
  for (const { atMs, act } of more) {
    const at = times.findIndex((time) => time >= atMs)
    if (at >= 0) after.set(at, [...(after.get(at) ?? []), act])
  }
  return acts.flatMap((act, i) => [act, ...(after.get(i) ?? [])])
}

/** Removes the acts during an outage; the meter starts at its end. */
export function powerOff(acts: readonly Act[], fromMs: number, untilMs: number, told: boolean): Act[] {
  const times = timesIn(acts)
  const before = acts.filter((_, i) => times[i]! < fromMs)
  const after = acts.filter((_, i) => times[i]! > untilMs)
  return [...before, ...(told ? [{ do: 'fails' } as const] : []), { do: 'start', atMs: untilMs }, ...after]
}

/**
 * Years before the days that a test looks at: few steps, so that they are quickly lived, many starts and billing entries,
 * so that the pages of every log are nearly full at their end.
 */
export function history(
  random: Random,
  fromMs: number,
  days: number,
  counts: { starts: number; billing: number; acknowledged: number },
): Act[] {
  const acts = ordinary(random, fromMs, days * 48, { steps: 1, pulses: [900, 500, 300, 90] })
  const spread = (count: number, act: (atMs: number) => Act) =>
    Array.from({ length: count }, (_, i) => {
      const atMs = fromMs + Math.floor(((i + 1) * days * dayMs) / (count + 1))
      return { atMs, act: act(atMs) }
    })
  const ends = woven(acts, [
    ...spread(counts.billing, () => ({ do: 'ask', name: 'takeBilling', fields: { cause: 4 } })),
    ...spread(counts.acknowledged, () => ({ do: 'acknowledge' })),
  ])
  const times = timesIn(ends)
  const starts = spread(counts.starts, (atMs) => ({ do: 'start', atMs }))
  const woken = [...ends]
  for (const { atMs } of starts.reverse()) {
    const at = times.findIndex((time) => time >= atMs)
    woken.splice(at + 1, 0, { do: 'start', atMs: times[at]! + 1000 })
  }
  return [{ do: 'start', atMs: fromMs }, ...woken]
}
