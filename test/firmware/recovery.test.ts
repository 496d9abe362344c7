// What a meter makes of clocks that were wrong and of power that failed at a bad moment, against the model, act by act.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRandom } from '../../emulation/random.ts'
import { createSimFlash } from '../../emulation/sim-flash.ts'
import { eventCode } from '../../protocol/event-entry.ts'
import { createJob, ground, pagesTurned, tryCuts } from '../support/model/cut-trials.ts'
import type { Act } from '../support/model/life-acts.ts'
import { type Life, live, look, newLife } from '../support/model/meter-life.ts'
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

/** Half-hours with 100 pulses of each channel, a step at the end of each; `from` and `to` in hours after the first day. */
function hours(from: number, to: number): Act[] {
  const acts: Act[] = []
  for (let half = from * 2 + 1; half <= to * 2; half++) {
    acts.push({ do: 'step', atMs: firstMs + half * halfHourMs, pulses: [100, 50, 20, 10] })
  }
  return acts
}

const start = (hour: number): Act => ({ do: 'start', atMs: firstMs + hour * 2 * halfHourMs })

test('days that a wrong clock had entered too early are recorded and closed when they come', () => {
  const life = newMeter()
  const at = (hour: number, minutes: number) => firstMs + hour * 2 * halfHourMs + minutes * 60000
  const aWhile = { do: 'step', atMs: at(20, 10), pulses: [9, 0, 0, 0] } as const
  // Four days ahead for some minutes: the days up to the one that was entered then follow one another.
  liveAll(life, [start(9), ...hours(9, 20), { do: 'jump', ms: 4 * dayMs }, aWhile, { do: 'jump', ms: -4 * dayMs }])
  liveAll(life, [...hours(20, 34), start(34.7), ...hours(35, 24 * 7)])
  const days = [...life.worlds[0]!.kept.days.values()]
  assert.is(days.filter((day) => day.closed.every(Boolean)).length, 7)
})

test('a day that was closed too early takes no more half-hours, and none is recorded where nobody reads it', () => {
  const life = newMeter()
  liveAll(life, [start(9), ...hours(9, 12), { do: 'jump', ms: 13 * 2 * halfHourMs }, ...hours(12, 13)])
  liveAll(life, [{ do: 'jump', ms: -13 * 2 * halfHourMs }, ...hours(13, 50)])
})

test('setting the clock of the board itself is no step when the meter had been told the time already', () => {
  const life = newMeter()
  const noon = firstMs + dayMs / 2
  liveAll(life, [{ do: 'start', atMs: noon, boardMs: 5000 }, { do: 'setClock', aheadMs: 0 }, ...hours(12, 14)])
  liveAll(life, [{ do: 'jump', ms: -life.boardAheadMs }, ...hours(14, 15)])
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
  liveAll(life, [start(0), step(10, 999)])
  liveAll(life, [{ do: 'settings', settings: { ...plainSettings, pulsesPerKwh: 1 } }, step(20, 1)])
  assert.equal(life.worlds[0]!.ram.wh, [0, 0, 0, 0])
  assert.equal(life.worlds[0]!.kept.registers, [1000, 0, 0, 0])
})

test('a meter that goes by an estimate of the time takes the midnight that passed while it was off', () => {
  const life = newMeter({ deviceProfile: secureProfile })
  liveAll(life, [start(9), ...hours(9, 23.5)])
  liveAll(life, [{ do: 'step', atMs: firstMs + 24 * 2 * halfHourMs - 1000, pulses: [90, 0, 0, 0] }])
  liveAll(life, [
    { do: 'fails' },
    { do: 'start', atMs: firstMs + 30 * 2 * halfHourMs, boardMs: 1000 },
    ...hours(30, 33),
  ])
})

/** A day whose midnight is a billing date, with so many records in the journal before the last half-hour ends. */
const midnight: PlainSettings = { ...plainSettings, billingDay: 3, checkpointWh: 10 }

function beforeMidnight(records: number): Act[] {
  const acts = [start(-20), ...hours(-20, 23.5)]
  for (let i = 1; i <= records; i++) {
    acts.push({ do: 'step', atMs: firstMs + 23.5 * 2 * halfHourMs + i * 2000, pulses: [10, 0, 0, 0] })
  }
  return acts
}

/** Numbers of records with which the journal's page turns while that midnight is written. */
function turningAt(): number[] {
  const found: number[] = []
  for (let records = 150; records < 170; records++) {
    const job = createJob({ pageBytes: 4096, pages: 25, ahead: 0 }, 0)
    const life = ground(job, midnight, beforeMidnight(records), 0)
    const before = pagesTurned(life.flash)
    for (const act of hours(23.5, 24)) live(life, act)
    if (pagesTurned(life.flash).journal! > before.journal!) found.push(records)
  }
  return found
}

test('power fails in the midnight of a billing date, and again at each operation of the start after it', () => {
  const job = createJob({ pageBytes: 4096, pages: 25, ahead: 3, parts: 7 }, 2)
  const life = ground(job, midnight, beforeMidnight(5), 0)
  tryCuts(job, life, hours(23.5, 24.5).slice(0, 1), 2)
  assert.not.ok(anyFindings(job.tally), job.tally.first.join('\n'))
  assert.ok(job.tally.cuts > 800, `${job.tally.cuts} cuts`)
})

test('power fails in that midnight wherever the page of the journal turns, and any time later', () => {
  const turning = turningAt()
  assert.ok(turning.length >= 3, 'the page turns at none of its records')
  for (const [seed, records] of turning.entries()) {
    for (let again = 0; again < 3; again++) {
      const job = createJob({ pageBytes: 4096, pages: 25, ahead: 3, models: ['weak'] }, 1)
      const life = ground(job, midnight, beforeMidnight(records), 0)
      tryCuts(job, life, [...hours(23.5, 24), start(25), start(26), ...hours(26, 27)], 1, [], seed * 100 + again + 1)
      assert.not.ok(anyFindings(job.tally), job.tally.first.join('\n'))
      assert.ok(job.tally.cuts > 30)
    }
  }
})

test.run()
