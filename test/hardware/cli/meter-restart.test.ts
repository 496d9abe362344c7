import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fridgeWh, householdWh } from '../../../hardware/load/household.ts'
import { reactiveVarh } from '../../../hardware/load/reactive.ts'
import { solarExportWh, typicalPeakW } from '../../../hardware/load/solar.ts'
import { eventCode } from '../../../protocol/event-entry.ts'
import {
  createMeterFolder,
  logsIn,
  type MeterFolder,
  provision,
  readOverLine,
  start,
} from '../../support/bench/meter-command.ts'
import { eventsOf, profileOf } from '../../support/sim/emulated-world.ts'
import { until } from '../../support/until.ts'

const test = suite('meter-restart')
let at: MeterFolder
test.before.each(() => {
  at = createMeterFolder()
})
test.after.each(() => at.remove())

const port = 'tcp://127.0.0.1:0'
const seed = 21

function whOf(halfHour: number, channel: number): number {
  if (channel === 0) return householdWh(seed, halfHour)
  if (channel === 1) return solarExportWh(seed, typicalPeakW, halfHour)
  const { importVarh, exportVarh } = reactiveVarh(seed, householdWh(seed, halfHour), fridgeWh(seed, halfHour))
  return channel === 2 ? importVarh : exportVarh
}

/** Every register is what the house has used since its log began, neither more nor less. */
function assertRegisters(): void {
  const logs = logsIn(at)
  const { journal } = logs
  const first = Math.min(...profileOf(logs).wh.keys())
  for (const channel of [0, 1, 2, 3]) {
    let used = 0
    for (let i = first; i <= journal.newest; i++) used += whOf(i, channel)
    const running = journal.running[channel]!
    assert.is(journal.registers[channel], used + running)
    assert.ok(running <= whOf(journal.newest + 1, channel), `${running} Wh of the half-hour under way`)
  }
}

const codes = () => eventsOf(logsIn(at)).map(({ code }) => code)

test('registers continue after a stop, a kill and a stop with warning, on four channels', async () => {
  provision(at)
  const ways = [
    { signal: 'SIGTERM', lastGasp: false },
    { signal: 'SIGKILL', lastGasp: false },
    { signal: 'SIGINT', lastGasp: true },
    { signal: 'SIGTERM', lastGasp: false },
  ] as const
  const kept: number[] = []
  for (const { signal, lastGasp } of ways) {
    // An hour passes in a second.
    const meter = await start(at, { port, days: 2, seed, lastGasp, timeScale: 3600 })
    const { lastHalfHour } = meter.ready
    await until(() => logsIn(at).journal.newest > lastHalfHour, 'half-hour of this start')
    meter.child.kill(signal)
    assert.equal(await meter.ended, signal === 'SIGKILL' ? [null, 'SIGKILL'] : [0, null])
    assertRegisters()
    kept.push(logsIn(at).journal.registers[0]!)
    if (lastGasp) assert.is(codes().at(-1), eventCode.lastGasp)
  }
  for (let i = 1; i < kept.length; i++) assert.ok(kept[i]! > kept[i - 1]!, kept.join(' '))
  assert.is(codes().filter((code) => code === eventCode.started).length, 4)
})

test('all four channels are read over the line as the models have them', async () => {
  provision(at)
  const meter = await start(at, { port, days: 3, seed, baud: 0 })
  const last = meter.ready.lastHalfHour
  for (const channel of [0, 1, 2, 3]) {
    const { wh, marked } = await readOverLine(meter.ready.port, last - 99, 100, channel)
    assert.is(wh.size, 100)
    assert.equal(marked, [])
    for (const [halfHour, value] of wh) assert.is(value, whOf(halfHour, channel), `channel ${channel}, ${halfHour}`)
  }
  meter.child.kill('SIGTERM')
  assert.equal(await meter.ended, [0, null])
})

test('without panels nothing goes out, and the import is the same', async () => {
  provision(at)
  const meter = await start(at, { port, days: 1, seed, solar: 0, baud: 0 })
  const last = meter.ready.lastHalfHour
  const out = await readOverLine(meter.ready.port, last - 47, 48, 1)
  assert.equal([...new Set(out.wh.values())], [0])
  const { wh } = await readOverLine(meter.ready.port, last - 47, 48)
  for (const [halfHour, value] of wh) assert.is(value, householdWh(seed, halfHour))
})

test.run()
