import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readBilling, readDailyReads } from '../../../firmware/logs.ts'
import { createMeter } from '../../../firmware/meter.ts'
import { advance, runLoad, startMeterAt } from '../../../hardware/emulator/virtual-run.ts'
import { fridgeWh, householdWh } from '../../../hardware/load/household.ts'
import { reactiveVarh } from '../../../hardware/load/reactive.ts'
import { solarExportWh } from '../../../hardware/load/solar.ts'
import { readTariff } from '../../../hardware/settings/tariff-file.ts'
import { eventCode } from '../../../protocol/event-entry.ts'
import { dateOfDay, halfHourMs, startOfHalfHour } from '../../../protocol/half-hour.ts'
import { decodeSnapshot, type RegisterSnapshot } from '../../../protocol/register-snapshot.ts'
import {
  createEmulatedWorld,
  type EmulatedWorld,
  eventsOf,
  first,
  logsOf,
  profileOf,
} from '../../support/sim/emulated-world.ts'

const load = (halfHour: number) => householdWh(3, halfHour)
function otherLoad(halfHour: number, channel: number): number {
  if (channel === 1) return solarExportWh(3, 3600, halfHour)
  const { importVarh, exportVarh } = reactiveVarh(3, load(halfHour), fridgeWh(3, halfHour))
  return channel === 2 ? importVarh : exportVarh
}
const whOf = (halfHour: number, channel: number) => (channel === 0 ? load(halfHour) : otherLoad(halfHour, channel))

/** Energy of a channel from the beginning to the start of a half-hour. */
function sumTo(halfHour: number, channel: number): number {
  let sum = 0
  for (let i = first; i < halfHour; i++) sum += whOf(i, channel)
  return sum
}

function live(world: EmulatedWorld, halfHours: number) {
  const run = runLoad({ ...world, createMeter, from: first, to: first + halfHours })
  let next = run.next()
  while (!next.done) next = run.next()
  return next.value!
}

function snapshots(next: () => Uint8Array | undefined): RegisterSnapshot[] {
  const all: RegisterSnapshot[] = []
  for (let bytes = next(); bytes !== undefined; bytes = next()) all.push(decodeSnapshot(bytes)!)
  return all
}

test('four channels are recorded as they are, and add up to their registers', () => {
  const world = createEmulatedWorld({ load, otherLoad })
  live(world, 20 * 48)
  const logs = logsOf(world)
  for (const channel of [0, 1, 2, 3]) {
    const { wh, marked } = profileOf(logs, channel)
    assert.is(wh.size, 20 * 48)
    assert.equal(marked, [])
    for (const [halfHour, value] of wh) assert.is(value, whOf(halfHour, channel))
    assert.is(logs.journal.registers[channel], sumTo(first + 20 * 48, channel))
    assert.ok(logs.journal.registers[channel]! > 0)
  }
})

test('a meter with a simulated past has the same daily reads, billing entries and events as one run through it', () => {
  const world = createEmulatedWorld({ load, otherLoad, configuration: { billingDay: 15 } })
  live(world, 100 * 48 + 20)
  const logs = logsOf(world)
  const daily = snapshots(readDailyReads(logs, 0, 65535, 31))
  assert.is(daily.length, 31)
  for (const [i, entry] of daily.entries()) {
    const midnight = first + (100 - 30 + i) * 48
    assert.is(entry.atSeconds * 1000, startOfHalfHour(midnight))
    assert.not(entry.late)
    for (const channel of [0, 1, 2, 3]) assert.is(entry.registers[channel], sumTo(midnight, channel))
  }
  const billing = snapshots(readBilling(logs, 0))
  assert.equal(
    billing.map(({ number }) => number),
    [1, 2, 3],
  )
  for (const entry of billing) {
    assert.is(dateOfDay(entry.atSeconds / 86400).day, 15)
    assert.is(entry.registers[0], sumTo((entry.atSeconds * 1000) / halfHourMs, 0))
  }
  assert.equal(
    eventsOf(logsOf(world)).map(({ code, atSeconds }) => [code, atSeconds]),
    [
      [eventCode.started, startOfHalfHour(first) / 1000],
      ...billing.map(({ atSeconds }) => [eventCode.billing, atSeconds]),
    ],
  )
})

test('tariff registers change at quarter-hours, also after a late call', () => {
  const text = { time: 'utc', weekday: { '00:00': 1, '00:15': 2, '06:45': 3, '07:00': 1 } }
  const read = readTariff(JSON.stringify(text))
  assert.ok(read.ok)
  for (const stops of [1, 7]) {
    const world = createEmulatedWorld({ load: () => 100, configuration: { tariff: read.ok ? read.table : undefined! } })
    const meter = createMeter(world.board)
    const end = startOfHalfHour(first + 48)
    for (let i = 1; i <= stops; i++) advance(world.boardClock, meter, end - ((stops - i) * 86400000) / stops)
    meter.commit()
    const { matrix } = logsOf(world).journal
    assert.equal([...matrix.subarray(0, 4)], [50 + 34 * 100, 1300, 50, 0])
  }
})

test('a machine that was asleep leaves a gap; one that came late does not', () => {
  const asleep = createEmulatedWorld({ load })
  const meter = createMeter(asleep.board)
  advance(asleep.boardClock, meter, startOfHalfHour(first + 4) + 60000)
  // Its wall clock went on for five hours, the one that stands still in sleep for a second.
  advance(asleep.boardClock, meter, asleep.boardClock.nowMs + 10 * halfHourMs, asleep.boardClock.upMs + 1000)
  advance(asleep.boardClock, meter, startOfHalfHour(first + 17))
  const { wh, marked } = profileOf(logsOf(asleep))
  assert.equal(
    [...wh.keys()],
    [0, 1, 2, 3, 4, 14, 15, 16].map((i) => first + i),
  )
  assert.equal(marked, [first + 4, first + 14])
  assert.is(meter.importWh(), sumTo(first + 17, 0), 'the house went on')
  assert.equal(
    eventsOf(logsOf(asleep)).map(({ code, value }) => [code, Math.round(value / 10)]),
    [
      [eventCode.started, 0],
      [eventCode.clockForward, 1800],
    ],
  )

  const late = createEmulatedWorld({ load })
  advance(late.boardClock, createMeter(late.board), startOfHalfHour(first + 17))
  assert.equal(
    [...profileOf(logsOf(late)).wh.values()],
    Array.from({ length: 17 }, (_, i) => load(first + i)),
  )
  assert.is(late.boardClock.upMs, 17 * halfHourMs)
})

test('a meter that continues from another’s flash counts nothing twice and omits nothing', () => {
  for (const pulsesPerKwh of [1000, 800]) {
    for (const minutes of [0, 7, 14.9, 22, 29.9]) {
      const world = createEmulatedWorld({ load, otherLoad, configuration: { pulsesPerKwh } })
      const meter = createMeter(world.board)
      advance(world.boardClock, meter, startOfHalfHour(first + 5) + minutes * 60000)
      meter.commit()
      const { journal } = logsOf(world)
      world.board.off()
      const again = startMeterAt({ ...world, createMeter }, journal.aliveMs, journal.running.slice())
      advance(world.boardClock, again, startOfHalfHour(first + 9))
      const logs = logsOf(world)
      for (const channel of [0, 1, 2, 3]) {
        const { wh } = profileOf(logs, channel)
        const total = sumTo(first + 9, channel)
        const sum = [...wh.values()].reduce((all, value) => all + value, 0)
        assert.is(wh.size, 9)
        assert.is(sum, logs.journal.registers[channel])
        // Less than 1 Wh is in RAM alone, at the stop and now.
        assert.ok(Math.abs(sum - total) <= (pulsesPerKwh === 1000 ? 0 : 2), `${sum} of ${total} Wh`)
      }
      assert.equal(profileOf(logs).marked, Math.floor(minutes) === 0 ? [] : [first + 5])
    }
  }
})

test.run()
