import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createMeter } from '../../firmware/meter.ts'
import { createFaultyFlash, PowerCut } from '../../hardware/emulator/flash-faults.ts'
import { createMemoryFlash } from '../../hardware/emulator/flash-file.ts'
import { createPoweredMeter, type PlannedCut, type PowerEvent } from '../../hardware/emulator/powered-meter.ts'
import { householdWh } from '../../hardware/load/household.ts'
import { eventCode } from '../../protocol/event-entry.ts'
import { halfHourMs, startOfHalfHour } from '../../protocol/half-hour.ts'
import { createEmulatedWorld, eventsOf, first, logsOf, profileOf } from '../support/sim/emulated-world.ts'

const load = (halfHour: number) => householdWh(3, halfHour)

/** A meter that lives through cuts, stepped every ten minutes or so. */
function powered(cuts: PlannedCut[], given: { lastGasp?: boolean; seed?: number } = {}) {
  const world = createEmulatedWorld({ load, seed: given.seed ?? 1 })
  const news: PowerEvent[] = []
  const meter = createPoweredMeter(
    {
      ...world,
      createMeter,
      cuts,
      lastGasp: given.lastGasp === true,
      powerOn: () => {},
      onPowerEvent: (what) => news.push(what),
    },
    createMeter(world.board),
  )
  function live(halfHours: number): void {
    const endMs = world.boardClock.nowMs + halfHours * halfHourMs
    while (world.boardClock.nowMs < endMs) {
      const stepMs = Math.min(600000, endMs - world.boardClock.nowMs)
      meter.runUntil(world.boardClock.nowMs + stepMs, world.boardClock.upMs + stepMs)
    }
  }
  const events = () => eventsOf(logsOf(world))
  return { ...world, world, meter, news, live, events }
}

test('power fails inside any operation, comes back by itself, and no recorded half-hour is wrong', () => {
  let boots = 0
  for (let operations = 1; operations <= 80; operations++) {
    const { world, meter, news, live } = powered([{ after: { operations }, offMs: 1000 }], { seed: operations })
    live(52)
    if (news.length === 0) continue
    boots += 1
    assert.equal(
      news.map(({ power }) => power),
      ['off', 'on'],
    )
    meter.stop()
    const logs = logsOf(world)
    const { wh, marked } = profileOf(logs)
    for (const [halfHour, value] of wh) {
      if (!marked.includes(halfHour)) assert.is(value, load(halfHour), `operation ${operations}, ${halfHour - first}`)
    }
    // The half-hour of the cut is marked or missing, and so may be the next when it is cut as it ends; no other.
    assert.ok(wh.size - marked.length >= 50, `${wh.size} half-hours, ${marked.length} marked`)
    let truth = 0
    for (let i = first; i < first + 52; i++) truth += load(i)
    const lost = truth - logs.journal.registers[0]!
    // A second without power, and what was counted since the last step: at most a quarter of an hour.
    assert.ok(lost >= 0 && lost <= 900, `operation ${operations}: ${lost} Wh lost`)
  }
  assert.ok(boots > 60, `${boots} cuts`)
})

test('cuts after a time are exact; with a warning nothing that was counted is lost, without one little is', () => {
  for (const lastGasp of [true, false]) {
    const cuts = [
      { after: { ms: 20.5 * halfHourMs }, offMs: 3 * halfHourMs },
      { after: { ms: 5.25 * halfHourMs }, offMs: halfHourMs / 2 },
      // While there is no power anyway.
      { after: { ms: 21 * halfHourMs }, offMs: 1000 },
    ]
    const { boardClock, meter, news, live, events } = powered(cuts, { lastGasp })
    live(5)
    assert.is(meter.dueInMs(), halfHourMs / 4)
    live(0.5)
    assert.is(meter.meter(), undefined)
    assert.is(meter.dueInMs(), halfHourMs / 4)
    live(24.5)
    assert.is(boardClock.nowMs, startOfHalfHour(first + 30))
    assert.is(news.length, 4)
    assert.is(meter.dueInMs(), Number.POSITIVE_INFINITY)
    const halves = [5, 20, 23]
    const none = [21, 22]
    let truth = 0
    for (let i = 0; i < 30; i++) if (!none.includes(i)) truth += load(first + i) * (halves.includes(i) ? 0.5 : 1)
    const lost = truth - meter.meter()!.importWh()
    assert.ok(lastGasp ? Math.abs(lost) <= 2 : lost > 2 && lost < 400, `${lost} Wh lost`)
    const outages = events().filter(({ code }) => code === eventCode.powerOutage)
    assert.is(outages.length, 2)
    if (lastGasp) {
      assert.equal(
        outages.map(({ value, detail }) => [value, detail]),
        [
          [900, 0],
          [5400, 0],
        ],
      )
    }
    assert.is(events().filter(({ code }) => code === eventCode.lastGasp).length, lastGasp ? 2 : 0)
  }
})

test('stopped, the meter saves every pulse that it has counted', () => {
  for (const lastGasp of [true, false]) {
    const { world, meter, live, events } = powered([], { lastGasp })
    live(7.4)
    const counted = meter.meter()!.importWh()
    meter.stop()
    assert.is(meter.meter(), undefined)
    assert.is(logsOf(world).journal.registers[0], counted)
    assert.is(events().at(-1)!.code, lastGasp ? eventCode.lastGasp : eventCode.started)
  }
})

test('an interrupted operation has done a part of its work, the same for the same seed, and flash is dead until power', () => {
  const geometry = { pageBytes: 4096, pages: 2 }
  function torn(seed: number, erase: boolean): Uint8Array {
    const flash = createFaultyFlash(createMemoryFlash(geometry), { seed, erasesMax: Number.POSITIVE_INFINITY })
    flash.program(0, new Uint8Array(4096).fill(0x5a))
    flash.cutInside(flash.operations() + 1)
    assert.throws(
      () => (erase ? flash.erase(0) : flash.program(0, new Uint8Array(4096))),
      (error: unknown) => error instanceof PowerCut,
    )
    assert.throws(
      () => flash.read(0, 4),
      (error: unknown) => error instanceof PowerCut,
    )
    flash.powerOn()
    return flash.read(0, 4096)
  }
  let part = 0
  for (let seed = 0; seed < 40; seed++) {
    for (const erase of [true, false]) {
      const cells = torn(seed, erase)
      assert.equal(torn(seed, erase), cells)
      for (const cell of cells) assert.is(erase ? cell & 0x5a : cell | 0x5a, 0x5a)
      const done = erase ? 0xff : 0
      if (cells.some((cell) => cell === done) && cells.some((cell) => cell !== done)) part += 1
    }
  }
  assert.ok(part > 60, `${part} of 80 done in part`)
})

test('a worn page gives back wrong bits, more with each erase; a fresh one does not', () => {
  const flash = createFaultyFlash(createMemoryFlash({ pageBytes: 4096, pages: 2 }), { seed: 3, erasesMax: 10 })
  const wrongAfter = (fill: number): number => {
    flash.program(0, new Uint8Array(4096).fill(fill))
    return flash.read(0, 4096).filter((cell) => cell !== fill).length
  }
  let high = 0
  let low = 0
  for (let erase = 1; erase <= 60; erase++) {
    flash.erase(0)
    const stuckLow = flash.read(0, 4096).filter((cell) => cell !== 0xff).length
    const stuckHigh = wrongAfter(0)
    if (erase <= 10) assert.equal([stuckLow, stuckHigh], [0, 0])
    assert.ok(stuckLow >= low && stuckHigh >= high)
    low = stuckLow
    high = stuckHigh
  }
  // 1 + 2 + ... + 50 cells, of which some lie in one byte.
  assert.ok(low + high > 1100 && low + high <= 1275, `${low} low, ${high} high`)
  assert.ok(low > 2 * high && high > 200)
  flash.erase(1)
  assert.ok(flash.read(4096, 4096).every((cell) => cell === 0xff))
})

test('a meter on worn flash skips bad slots and counts correctly until it reports that the flash is worn out', () => {
  const world = createEmulatedWorld({ load: () => 300, erasesMax: 0, configuration: { checkpointWh: 10 } })
  const meter = createPoweredMeter(
    { ...world, createMeter, cuts: [], lastGasp: false, powerOn: () => {}, onPowerEvent: () => {} },
    createMeter(world.board),
  )
  let days = 0
  let problem = ''
  while (problem === '' && days < 5000) {
    try {
      meter.runUntil(world.boardClock.nowMs + 86400000, world.boardClock.upMs + 86400000)
      days += 1
      assert.is(meter.meter()!.importWh(), days * 48 * 300)
    } catch (error) {
      problem = (error as Error).message
    }
  }
  // A page that does not take its header any more ends it.
  assert.ok(days > 10, `${days} days`)
  assert.match(problem, /worn out/)
})

test.run()
