// What a meter makes of clocks that were wrong and of power that failed at a bad moment, against the model, act by act.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRandom } from '../../emulation/random.ts'
import { createSimFlash } from '../../emulation/sim-flash.ts'
import { eventCode } from '../../protocol/event-entry.ts'
import type { Act } from '../support/model/life-acts.ts'
import { type Life, live, look, newLife } from '../support/model/meter-life.ts'
import { cutMidnightTwice, cutWhereJournalTurns, halfHourSteps, startAt } from '../support/model/midnight-cuts.ts'
import { dayMs, halfHourMs } from '../support/model/plain-meter.ts'
import { type PlainSettings, plainSettings, secureProfile } from '../support/model/plain-settings.ts'
import { anyFindings } from '../support/model/read-back.ts'

const firstMs = Date.UTC(2026, 2, 2)

function newMeter(settings: Partial<PlainSettings> = {}, seed = 1): Life {
  const random = createRandom(seed)
  const flash = createSimFlash(4096, 25, random)
  return newLife(flash, createSimFlash(4096, 25, createRandom(seed)), { ...plainSettings, ...settings })
}

/** Lives the acts, comparing everything after each. */
function liveAll(life: Life, acts: readonly Act[]): void {
  for (const act of acts) {
    live(life, act)
    look(life)
    assert.not.ok(anyFindings(life.found), `after ${JSON.stringify(act)}: ${life.first}`)
  }
}

test('days that a wrong clock had entered too early are recorded and closed when they come', () => {
  const life = newMeter()
  const at = (hour: number, minutes: number) => firstMs + hour * 2 * halfHourMs + minutes * 60000
  const aWhile = { do: 'step', atMs: at(20, 10), pulses: [9, 0, 0, 0] } as const
  // Four days ahead for some minutes: the days up to the one that was entered then follow one another.
  liveAll(life, [
    startAt(9),
    ...halfHourSteps(9, 20),
    { do: 'jump', ms: 4 * dayMs },
    aWhile,
    { do: 'jump', ms: -4 * dayMs },
  ])
  liveAll(life, [...halfHourSteps(20, 34), startAt(34.7), ...halfHourSteps(35, 24 * 7)])
  const days = [...life.worlds[0]!.kept.days.values()]
  assert.is(days.filter((day) => day.closed.every(Boolean)).length, 7)
})

test('a day that was closed too early gets no more half-hours, and none is recorded outside the readable range', () => {
  const life = newMeter()
  liveAll(life, [
    startAt(9),
    ...halfHourSteps(9, 12),
    { do: 'jump', ms: 13 * 2 * halfHourMs },
    ...halfHourSteps(12, 13),
  ])
  liveAll(life, [{ do: 'jump', ms: -13 * 2 * halfHourMs }, ...halfHourSteps(13, 50)])
})

test('setting the board’s own clock is not a step when the meter’s clock had been set already', () => {
  const life = newMeter()
  const noon = firstMs + dayMs / 2
  liveAll(life, [{ do: 'start', atMs: noon, boardMs: 5000 }, { do: 'setClock', aheadMs: 0 }, ...halfHourSteps(12, 14)])
  liveAll(life, [{ do: 'jump', ms: -life.boardAheadMs }, ...halfHourSteps(14, 15)])
  const [events] = life.worlds[0]!.kept.events
  assert.not.ok(events!.some(({ code }) => code === eventCode.clockBack || code === eventCode.clockForward))
})

test('parts of a Wh at one pulse rate do not become energy at another', () => {
  const life = newMeter({ pulsesPerKwh: 1000000 })
  const step = (second: number, pulses: number): Act => ({
    do: 'step',
    atMs: firstMs + second * 1000,
    pulses: [pulses, 0, 0, 0],
  })
  liveAll(life, [startAt(0), step(10, 999)])
  liveAll(life, [{ do: 'settings', settings: { ...plainSettings, pulsesPerKwh: 1 } }, step(20, 1)])
  assert.equal(life.worlds[0]!.ram.wh, [0, 0, 0, 0])
  assert.equal(life.worlds[0]!.kept.registers, [1000, 0, 0, 0])
})

test('a meter that goes by an estimate of the time takes the midnight that passed while it was off', () => {
  const life = newMeter({ deviceProfile: secureProfile })
  liveAll(life, [startAt(9), ...halfHourSteps(9, 23.5)])
  liveAll(life, [{ do: 'step', atMs: firstMs + 24 * 2 * halfHourMs - 1000, pulses: [90, 0, 0, 0] }])
  liveAll(life, [
    { do: 'fails' },
    { do: 'start', atMs: firstMs + 30 * 2 * halfHourMs, boardMs: 1000 },
    ...halfHourSteps(30, 33),
  ])
})

test('power fails in the midnight of a billing date, and again at some operations of the start after it', () => {
  const tally = cutMidnightTwice(35)
  assert.not.ok(anyFindings(tally), tally.first.join('\n'))
  assert.ok(tally.cuts > 160, `${tally.cuts} cuts`)
})

test('power fails in that midnight wherever the page of the journal turns, and any time later', () => {
  const tallies = cutWhereJournalTurns(1)
  assert.ok(tallies.length >= 3, 'the page turns at none of its records')
  for (const tally of tallies) {
    assert.not.ok(anyFindings(tally), tally.first.join('\n'))
    assert.ok(tally.cuts > 30, `${tally.cuts} cuts`)
  }
})

test.run()
