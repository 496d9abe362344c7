// The spans of a meter's life in which power is cut (cut-trials.ts).

import { createRandom } from '../../../emulation/random.ts'
import type { Act } from './life-acts.ts'
import { history, ordinary, powerOff, woven } from './life-scripts.ts'
import { dayMs, halfHourMs } from './plain-meter.ts'
import { type PlainSettings, plainSettings, richTariff } from './plain-settings.ts'

export interface Span {
  settings: PlainSettings
  history: Act[]
  acts: Act[]
  /** Days before this one are not looked at in every comparison. */
  fromDay: number
}

/** 18 October 2024: summer time ends in the span, and a billing date is in it. */
const firstDay = 20014

const settings: PlainSettings = { ...plainSettings, checkpointWh: 120, billingDay: 10, tariff: richTariff }

/**
 * Thirty days with every kind of event: switches of the tariff inside half-hours, a billing date, billing entries
 * on demand, reads, power off for hours with and without notice, other settings, a clock that is set.
 */
export function month(seed: number, days = 30, steps = 24): Span {
  const random = createRandom(seed)
  const fromMs = firstDay * dayMs
  const before = 60
  const at = (day: number, hour: number) => fromMs + day * dayMs + hour * 2 * halfHourMs
  const ask = (day: number, act: Act) => ({ atMs: at(day, random.next() * 24), act })
  let acts = ordinary(random, fromMs, days * 48, { steps, pulses: [150, 90, 60, 40] })
  acts = powerOff(acts, at(3, 10.2), at(3, 13.7), false)
  acts = powerOff(acts, at(5, 22.9), at(6, 2.5), true)
  acts = powerOff(acts, at(15, 11.6), at(18, 8.1), false)
  acts = powerOff(acts, at(20, 21), at(21, 0), true)
  acts = woven(acts, [
    ask(1, { do: 'ask', name: 'takeBilling', fields: { cause: 4 } }),
    ask(4, { do: 'ask', name: 'readRegisters', fields: {} }),
    ask(7, { do: 'acknowledge' }),
    ask(8, { do: 'settings', settings: { ...settings, checkpointWh: 50, pulsesPerKwh: 1200 } }),
    ask(9, { do: 'setClock', aheadMs: 700 }),
    ask(10, { do: 'ask', name: 'readProfile', fields: { channel: 2, firstHalfHour: (firstDay + 8) * 48, count: 96 } }),
    ask(11, { do: 'setClock', aheadMs: -300000 }),
    ask(12, { do: 'setClock', aheadMs: 0 }),
    ask(22, { do: 'ask', name: 'takeBilling', fields: { cause: 5 } }),
    ask(24, { do: 'ask', name: 'takeBilling', fields: { cause: 6 } }),
  ])
  return {
    settings,
    history: history(random, fromMs - before * dayMs, before, { starts: 60, billing: 38, acknowledged: 3 }),
    acts,
    fromDay: firstDay - 2,
  }
}

/**
 * The day before a billing date, up to half an hour after its midnight. The history before it is such that pages of the
 * journal, of both rings of day blocks and of billing turn in it.
 */
export function day(steps = 2): Span {
  const before = 62
  const fromMs = Date.UTC(2024, 10, 9)
  return {
    settings,
    history: history(createRandom(4), fromMs - before * dayMs, before, { starts: 23, billing: 39, acknowledged: 3 }),
    acts: ordinary(createRandom(3), fromMs, 49, { steps, pulses: [50, 30, 20, 10] }),
    fromDay: fromMs / dayMs - 2,
  }
}
