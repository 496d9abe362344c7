// The bundle for a board, in Node: its size, and what it does among Espruino's globals and nothing else.

import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRandom } from '../../../emulation/random.ts'
import { flashPagesFull, pageBytes } from '../../../firmware/flash-map.ts'
import { boardFault } from '../../../hardware/boards/board-rules.ts'
import { type BoardName, boards } from '../../../hardware/boards/boards.ts'
import { bundleFirmware } from '../../../hardware/build/bundle.ts'
import { outsideSubset } from '../../../hardware/build/espruino-subset.ts'
import { halfHourMs } from '../../../protocol/half-hour.ts'
import type { ProfileDay } from '../../../protocol/profile-coding.ts'
import { read, scriptOf, start, whOf } from '../../support/espruino/shim-meter.ts'
import { unprobedCalls } from '../../support/espruino/unprobed-calls.ts'
import { boardEui, recordedFlash } from '../../support/sim/board-flash.ts'

const names = Object.keys(boards) as BoardName[]
const firstDay = 20000
const first = firstDay * 48
const flashBytes = flashPagesFull * pageBytes

for (const name of names) {
  test(`the bundle for ${name} is inside the subset and small`, async () => {
    assert.is(boardFault(boards[name]), undefined)
    const code = await scriptOf(name)
    assert.equal(outsideSubset(code, true), [])
    assert.equal(unprobedCalls(code), [], 'calls that smets1 flash does not probe: add them to espruino-calls.ts')
    assert.ok(code.length <= boards[name].scriptBytesMax, `${code.length} bytes`)
  })

  test(`the bundle for ${name} answers wake and readProfile with the days recorded`, async () => {
    const { cells, truth } = recordedFlash(first, 3 * 48 + 7, 5)
    const bench = await start(name, cells, (first + 3 * 48 + 7) * halfHourMs + 60000)
    assert.equal(bench.shim.said, ['smets1: started, boot 2'])
    assert.is(bench.shim.consoleOn(), boards[name].console)
    assert.equal(bench.shim.setups.length, 1)
    assert.is(bench.shim.setups[0]!.baud, boards[name].line.baud)
    assert.is(bench.shim.watchdog(), boards[name].watchdogSeconds)
    assert.equal(whOf(read(bench, first, 48)), [...truth.values()].slice(0, 48))
    const all = whOf(read(bench, first, 4 * 48)).filter((wh) => wh >= 0)
    assert.equal(all, [...truth.values()])
  })
}

test('the same sources give the same bundle', async () => {
  const { code, bytes, parts } = await bundleFirmware('linux')
  assert.is(code, await scriptOf('linux'))
  assert.is(bytes, code.length)
  assert.is(
    parts.reduce((sum, part) => sum + part.bytes, 0),
    bytes,
  )
  assert.ok(parts.some((part) => part.name === 'firmware/journal.ts'))
})

test('what is outside the subset is refused with file and line', async () => {
  const refused = await bundleFirmware('linux', { clock: 'async () => 2 ** 3' }).catch((error: Error) => error)
  assert.instance(refused, Error)
  assert.match((refused as Error).message, 'entry of linux:3: async function')
  assert.match((refused as Error).message, 'entry of linux:3: **')
})

test('a row that cannot work is refused', () => {
  const row = boards.esp32
  const flash = { base: 0, eraseBytes: 4096, pages: 25, ratedErases: 1 }
  assert.is(boardFault({ ...row, flash }), undefined)
  assert.match(boardFault({ ...row, flash: { ...flash, eraseBytes: 16384 } })!, 'one erase sets 16384 bytes')
  assert.match(boardFault({ ...row, flash: { ...flash, base: 512, eraseBytes: 1024 } })!, '200h')
  assert.match(boardFault({ ...row, flash: { ...flash, pages: 14 } })!, '14 pages are too few')
  assert.match(boardFault({ ...row, line: { ...row.line, baud: 2000000 } })!, '2000000 baud')
  assert.match(boardFault({ ...row, deepSleep: true, line: { ...row.line, options: {} } })!, 'receive pin')
  assert.match(boardFault({ ...row, console: 'Serial1', line: { ...row.line, device: 'Serial1' } })!, 'console')
  const inStorage = { ...flash, base: row.storage.at, storageFile: 'x' }
  assert.match(boardFault({ ...row, flash: inStorage })!, 'header')
  assert.match(boardFault({ ...row, powerFail: 'D17' })!, 'D17 is used twice')
  assert.match(boardFault({ ...row, storage: { at: 0x320000, bytes: 65536 } })!, 'Storage has 65536 bytes')
})

test('missing settings are reported, and nothing is sent', async () => {
  const bench = await start('linux', new Uint8Array(flashBytes).fill(0xff), first * halfHourMs)
  assert.is(bench.shim.said.length, 1)
  assert.match(bench.shim.said[0]!, 'not started: Error: no settings')
  bench.asker.wake(boardEui, new Uint8Array(8))
  bench.shim.pass(5000)
  assert.equal(bench.sent, [])
  assert.equal(bench.shim.setups, [])
  assert.ok(bench.shim.cells.every((byte) => byte === 0xff))
})

test('flash that differs from the board’s row is reported, and nothing is changed', async () => {
  const { cells } = recordedFlash(first, 3, 6)
  const bench = await start('esp32', cells, first * halfHourMs, 1024)
  assert.match(bench.shim.said.join(), 'another board')
  bench.shim.pass(5000)
  assert.equal(bench.shim.setups, [])
  assert.equal(bench.shim.cells, cells)
})

test('a clock that is not set is reported; requests are answered, and half-hours are recorded once it is set', async () => {
  const { cells, truth } = recordedFlash(first, 3, 6)
  const bench = await start('esp32', cells, 12345)
  assert.equal(bench.shim.said, ['smets1: started, boot 2', 'smets1: clock not set'])
  for (let i = 0; i < 70; i++) bench.shim.edge('D27')
  bench.shim.pass(3 * halfHourMs)
  assert.equal(
    whOf(read(bench, first, 6)).filter((wh) => wh >= 0),
    [...truth.values()],
  )
  bench.shim.setClock((first + 5) * halfHourMs - 1000)
  bench.shim.pass(2000)
  for (let i = 0; i < 80; i++) bench.shim.edge('D27')
  bench.shim.pass(halfHourMs)
  const [day] = read(bench, first, 8) as ProfileDay[]
  assert.equal([...day!.wh].slice(3, 7), [-1, 0, 80, -1])
  assert.equal([...day!.marked].slice(3, 7), [0, 1, 0, 0])
})

test('however long an answer, no timers pile up', async () => {
  const days = 120
  const { cells, truth } = recordedFlash(first, days * 48, 6)
  const bench = await start('linux', cells, (first + days * 48) * halfHourMs + 60000)
  const asleep = bench.shim.timers()
  bench.asker.wake(boardEui, createRandom(7).bytes(8))
  bench.shim.pass(100)
  bench.asker.ask(first, days * 48)
  let most = 0
  const untilMs = bench.shim.nowMs() + 60000
  while (bench.asker.days() === undefined && bench.shim.nowMs() < untilMs) {
    bench.shim.pass(100)
    most = Math.max(most, bench.shim.timers())
  }
  assert.equal(whOf(bench.asker.days()!), [...truth.values()])
  assert.ok(most <= asleep + 1, `${most} timers, ${asleep} asleep`)
})

test('a board that sleeps deeply is woken by an edge on its line, and listens', async () => {
  const { cells, truth } = recordedFlash(first, 48, 9)
  const bench = await start('pico', cells, (first + 48) * halfHourMs + 1000)
  assert.ok(!bench.shim.deepSleep())
  bench.shim.pass(11000)
  assert.ok(bench.shim.deepSleep())
  assert.ok(bench.shim.edge('B7'))
  assert.ok(!bench.shim.deepSleep())
  bench.shim.pass(1000)
  assert.equal(whOf(read(bench, first, 48)), [...truth.values()])
  bench.shim.pass(30000)
  assert.ok(bench.shim.deepSleep())
})

for (const name of names) {
  test(`on ${name} each input is set to its mode before it is watched`, async () => {
    const { pulses, powerFail } = boards[name]
    const { cells } = recordedFlash(first, 1, 7)
    const { shim } = await start(name, cells, (first + 1) * halfHourMs)
    for (const pin of pulses.pins) assert.is(shim.watchedMode(pin), pulses.mode, pin)
    if (powerFail !== undefined) assert.is(shim.watchedMode(powerFail), 'input_pullup')
  })
}

test('a supply that fails has one last gasp, however often its pin falls', async () => {
  const { cells } = recordedFlash(first, 1, 7)
  const { shim } = await start('esp32', cells, (first + 1) * halfHourMs)
  const fall = () => {
    const before = shim.cells.slice()
    assert.ok(shim.edge(boards.esp32.powerFail!))
    return Buffer.compare(before, shim.cells) !== 0
  }
  assert.ok(fall())
  for (let i = 0; i < 100; i++) assert.not.ok(fall())
  shim.pass(61000)
  assert.ok(fall())
})

test('pulses of all four channels are counted', async () => {
  const { cells } = recordedFlash(first, 1, 7)
  const bench = await start('nrf52840', cells, (first + 1) * halfHourMs)
  for (const [channel, pin] of ['D3', 'D4', 'D28', 'D29'].entries()) {
    for (let i = 0; i <= channel * 10; i++) bench.shim.edge(pin)
  }
  bench.shim.pass(halfHourMs + 300)
  for (const channel of [0, 1, 2, 3]) {
    const days = read(bench, first, 2, channel) as ProfileDay[]
    assert.is(days[0]!.wh[1], channel * 10 + 1, `channel ${channel}`)
  }
})

test('pulses on the pin are counted, and recorded as half-hours end, past midnight too', async () => {
  const { cells } = recordedFlash(first, 46, 7)
  const bench = await start('esp32', cells, (first + 46) * halfHourMs)
  const counts = [30, 0, 411, 7]
  for (const count of counts) {
    for (let i = 0; i < count; i++) {
      assert.ok(bench.shim.edge('D27'))
      bench.shim.pass(halfHourMs / (count + 1))
    }
    // The step of a quarter of a second after the boundary records it.
    bench.shim.pass(halfHourMs - (bench.shim.nowMs() % halfHourMs) + 300)
  }
  const days = read(bench, first + 46, 4)
  assert.equal(whOf(days).slice(46, 50), counts)
})

test('a board without a pulse input takes its steady load', async () => {
  const { cells } = recordedFlash(first, 2, 8)
  const bench = await start('linux', cells, (first + 2) * halfHourMs)
  bench.shim.pass(5 * halfHourMs + 1000)
  const wh = whOf(read(bench, first, 48)).slice(2, 7)
  for (const one of wh) assert.ok(Math.abs(one - 250) <= 1, `${one} Wh`)
})

test('malformed bytes on the line are dropped; the next wake is answered', async () => {
  const { cells, truth } = recordedFlash(first, 48, 9)
  const bench = await start('linux', cells, (first + 48) * halfHourMs + 1000)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 700 }), (malformed) => {
      bench.shim.receive(malformed)
      bench.shim.pass(300)
    }),
    { numRuns: 50, seed: 1 },
  )
  assert.equal(whOf(read(bench, first, 48)), [...truth.values()])
  assert.is(bench.shim.said.length, 1)
})

test.run()
