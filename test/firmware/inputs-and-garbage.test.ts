// What no meter expects: inputs that count more than a connection can carry, and logs that hold anything at all.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRandom } from '../../emulation/random.ts'
import { createSimFlash, type SimFlash } from '../../emulation/sim-flash.ts'
import { entriesOf } from '../../firmware/event-log.ts'
import { flashPagesFull, pageBytes } from '../../firmware/flash-map.ts'
import { pageHeaderBytes } from '../../firmware/flash-pages.ts'
import { readProfile } from '../../firmware/logs.ts'
import { createMeter, type Meter } from '../../firmware/meter.ts'
import { fault, selfTest } from '../../firmware/self-test.ts'
import { type Configuration, defaultConfiguration, writeSettings } from '../../firmware/settings.ts'
import { decodeEvent, eventCode } from '../../protocol/event-entry.ts'
import { dayMs, halfHourMs } from '../../protocol/half-hour.ts'
import { decodeDayBlock } from '../../protocol/profile-coding.ts'
import { createDirectLine } from '../support/sim/direct-line.ts'

const eui = Uint8Array.of(0, 0xdb, 0x12, 0x34, 0x56, 0x78, 0x90, 0xa0)
const key = createRandom(1).bytes(32)
const midnight = Date.UTC(2026, 10, 22)

/** A meter on a flash, whose time and pulses the test gives. */
function meterOn(flash: SimFlash, startMs: number) {
  let nowMs = startMs
  let pulses = [0, 0, 0, 0]
  const line = createDirectLine(eui, key)
  const meter = createMeter({
    nowMs: () => nowMs,
    upMs: () => nowMs,
    flash,
    uart: { write: line.take, ready: () => true },
    takePulses() {
      const taken = pulses
      pulses = [0, 0, 0, 0]
      return taken
    },
  })
  return {
    meter,
    line,
    nowMs: () => nowMs,
    pass(ms: number, counted: number[]) {
      nowMs += ms
      pulses = counted
      meter.step()
    },
  }
}

function newFlash(change: Partial<Configuration> = {}): SimFlash {
  const flash = createSimFlash(pageBytes, flashPagesFull, createRandom(2))
  writeSettings(flash, { eui, key, version: 1, configuration: { ...defaultConfiguration(), ...change } })
  return flash
}

/** Every half-hour of a channel in the logs, with whether it is marked. */
function halfHoursOf({ state }: Meter, channel: number): { halfHour: number; wh: number; isMarked: boolean }[] {
  const next = readProfile(state.metering.logs, channel, 0, 3000000)
  const found = []
  for (let block = next(); block !== undefined; block = next()) {
    const profile = decodeDayBlock(block)!
    for (const [i, wh] of profile.wh.entries())
      if (wh >= 0) found.push({ halfHour: profile.day * 48 + i, wh, isMarked: profile.marked[i] === 1 })
  }
  return found
}

function eventsOf({ state }: Meter, code: number) {
  const next = entriesOf(state.metering.logs.events, 1, 0)
  const found = []
  for (let entry = next(); entry !== undefined; entry = next()) found.push(decodeEvent(entry, 0)!)
  return found.filter((entry) => entry.code === code)
}

for (const pulsesPerKwh of [1000, 1]) {
  test(`24 hours of 1 kHz on every input, ${pulsesPerKwh} pulses for a kWh: capped, counted apart, and no page is worn`, () => {
    const flash = newFlash({ pulsesPerKwh })
    const { meter, pass, line, nowMs } = meterOn(flash, midnight)
    const before = [...flash.erases]
    for (let i = 0; i < dayMs / 250; i++) pass(250, [250, 250, 250, 250])
    for (const channel of [0, 1, 2, 3]) {
      const halfHours = halfHoursOf(meter, channel)
      assert.is(halfHours.length, 48)
      assert.ok(halfHours.every(({ wh, isMarked }) => wh === 41400 && isMarked))
    }
    const { journal } = meter.state.metering.logs
    assert.equal(journal.registers, [0, 0, 0, 0].fill(48 * 41400))
    const countedWh = (4 * 86400 * 1000 * 1000) / pulsesPerKwh
    assert.is(journal.excessWh + meter.state.metering.excessWh, countedWh - 4 * 48 * 41400)
    const [over, ...others] = eventsOf(meter, eventCode.overCapacity)
    assert.ok(over !== undefined && over.value > 0)
    assert.is(others.length, 0, 'one event for all half-hours of a run')
    assert.ok(selfTest(meter.state.metering).faults & fault.overCapacity)
    const erased = Math.max(...flash.erases.map((erases, page) => erases - before[page]!))
    assert.ok(erased <= 3, `a page was erased ${erased} times in a day`)
    const again = meterOn(flash, nowMs())
    const [registers] = again.line.ask(again.meter, 'readRegisters', {})
    assert.ok(registers!.snapshots.length > 0)
    assert.is(again.meter.importWh(), 48 * 41400)
    again.pass(2 * halfHourMs, [5, 0, 0, 0])
    assert.not.ok(selfTest(again.meter.state.metering).faults & fault.overCapacity)
    assert.ok(line.ask(meter, 'selfTest', {})[0]!.excessWh > 0)
  })
}

test('energy up to what the connection carries is no excess, across a power cut within the half-hour too', () => {
  const flash = newFlash({ halfHourWhMax: 300 })
  let { meter, pass } = meterOn(flash, midnight)
  pass(halfHourMs / 2, [200, 0, 0, 0])
  ;({ meter, pass } = meterOn(flash, midnight + halfHourMs / 2 + 1000))
  pass(1000, [90, 0, 0, 0])
  pass(1000, [90, 0, 0, 0])
  pass(halfHourMs / 2, [0, 300, 0, 0])
  pass(halfHourMs, [300, 301, 0, 0])
  assert.equal(
    halfHoursOf(meter, 0).map(({ wh }) => wh),
    [300, 300],
  )
  assert.equal(
    halfHoursOf(meter, 1).map(({ wh }) => wh),
    [300, 300],
  )
  assert.is(meter.state.metering.logs.journal.excessWh, 81)
})

/** Lives on from a start on spoilt logs: it counts, records, closes a day and answers. */
function assertLivesOn(flash: SimFlash, name: string): Meter {
  const life = meterOn(flash, midnight + 20 * 3600000 + 60000)
  const { meter, pass, line } = life
  const startWh = meter.importWh()
  for (let i = 0; i < 12; i++) pass(halfHourMs, [i, 1, 2, 3])
  assert.is(meter.importWh(), startWh + 66, name)
  const recorded = halfHoursOf(meter, 0).slice(-11)
  assert.equal(
    recorded.map(({ wh }) => wh),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
    name,
  )
  for (const log of [1, 2]) assert.ok(line.ask(meter, 'readEvents', { log, firstSequence: 0 }), name)
  assert.ok(line.ask(meter, 'readDailyReads', { firstDay: 0, count: 65536 }).length > 0, name)
  assert.ok(line.ask(meter, 'takeBilling', { cause: 4 })[0]!.number > 0, name)
  assert.ok(line.ask(meter, 'readBilling', { firstNumber: 0 }).length > 0, name)
  const again = meterOn(flash, life.nowMs() + 1000)
  assert.is(again.meter.importWh(), startWh + 66, name)
  return meter
}

/** A flash with some weeks behind it. */
function lived(seed: number): { flash: SimFlash; importWh: number; boots: number } {
  const flash = newFlash()
  const random = createRandom(seed)
  const { meter, pass } = meterOn(flash, midnight - 40 * dayMs)
  for (let i = 0; i < 40 * 48; i++) pass(halfHourMs, [random.below(900), 3, 2, 1])
  return { flash, importWh: meter.importWh(), boots: meter.boot() }
}

for (const keepsHeaders of [false, true]) {
  test(`random bytes in every page but the settings, ${keepsHeaders ? 'behind the headers' : 'headers too'}`, () => {
    for (let seed = 1; seed <= 40; seed++) {
      const { flash } = lived(seed)
      const random = createRandom(seed)
      for (let page = 2; page < flashPagesFull; page++) {
        const kept = keepsHeaders ? pageHeaderBytes : 0
        flash.image.cells.set(random.bytes(pageBytes - kept), page * pageBytes + kept)
      }
      const meter = assertLivesOn(flash, `seed ${seed}`)
      assert.is(meter.state.metering.lost, false)
      if (keepsHeaders) assert.ok(selfTest(meter.state.metering).faults & fault.unreadable)
    }
  })
}

test('random bytes in one log: the others keep all, and the loss is an event and a fault', () => {
  const logs = { journal: 2, events: 4, billing: 6, dailyReads: 8, others: 11, imports: 17 }
  for (const [name, page] of Object.entries(logs)) {
    for (let seed = 1; seed <= 5; seed++) {
      const { flash, importWh, boots } = lived(seed)
      const random = createRandom(seed + 100)
      const pages = name === 'journal' || name === 'events' ? 2 : 1
      const at = page * pageBytes + pageHeaderBytes
      for (let i = 0; i < pages; i++)
        flash.image.cells.set(random.bytes(pageBytes - pageHeaderBytes), at + i * pageBytes)
      const meter = assertLivesOn(flash, `${name}, seed ${seed}`)
      const wasJournal = name === 'journal'
      // Without the journal the registers are those of the newest midnight, and starts go on from the event log.
      assert.ok(meter.importWh() >= (wasJournal ? importWh - 48 * 900 : importWh), name)
      assert.ok(meter.boot() > boots, name)
      const [unreadable] = eventsOf(meter, eventCode.logsUnreadable)
      if (wasJournal || name === 'events') {
        assert.is(unreadable?.detail, wasJournal ? 1 : 0)
        assert.ok(selfTest(meter.state.metering).faults & fault.unreadable)
      }
    }
  }
})

test('a few spoilt records of the journal are left out, and counted', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const { flash } = lived(seed)
    const random = createRandom(seed)
    const { slots } = meterOn(flash, midnight).meter.state.metering.logs.journal
    const slot = 3 + random.below(slots.used - 4)
    flash.image.cells.set([0x77, ...random.bytes(15)], slots.page * pageBytes + pageHeaderBytes + slot * 16)
    const meter = assertLivesOn(flash, `seed ${seed}`)
    assert.equal(
      eventsOf(meter, eventCode.logsUnreadable).map(({ value, detail }) => [value, detail]),
      [[1, 0]],
    )
  }
})

test.run()
