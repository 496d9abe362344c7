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
import { boardScripts } from '../../../hardware/install/board-scripts.ts'
import { eventCode } from '../../../protocol/event-entry.ts'
import { createFrameDecoder, encodeFrame } from '../../../protocol/frame.ts'
import { halfHourMs } from '../../../protocol/half-hour.ts'
import { decodePacket, encodeWake, lineVersion } from '../../../protocol/link.ts'
import type { ProfileDay } from '../../../protocol/profile-coding.ts'
import { createEspruinoShim, type EspruinoShim } from '../../support/espruino/shim.ts'
import { unprobedCalls } from '../../support/espruino/unprobed-calls.ts'
import { type Asker, createAsker } from '../../support/sim/asker.ts'
import { boardEui, boardKey, recordedFlash } from '../../support/sim/board-flash.ts'

const names = Object.keys(boards) as BoardName[]
const firstDay = 20000
const first = firstDay * 48
const flashBytes = flashPagesFull * pageBytes

/** The script of a board as it is shipped. */
async function scriptOf(name: BoardName): Promise<string> {
  return (await boardScripts(name)).meter
}

interface Bench {
  shim: EspruinoShim
  asker: Asker
  sent: Uint8Array[]
}

async function start(name: BoardName, cells: Uint8Array, clockMs: number, eraseBytes = 0): Promise<Bench> {
  const { flash, line } = boards[name]
  const sent: Uint8Array[] = []
  const shim = createEspruinoShim({
    cells: cells.slice(),
    flashAt: 'spi' in flash ? 0 : flash.base,
    eraseBytes: eraseBytes || ('spi' in flash ? 4096 : flash.eraseBytes),
    serial: line.device,
    ...('spi' in flash ? { spi: flash.spi } : {}),
    send: (bytes) => {
      sent.push(bytes)
      asker.received(bytes)
    },
    clockMs,
  })
  const asker = createAsker(boardKey, (bytes) => shim.receive(bytes))
  shim.run(await scriptOf(name))
  return { shim, asker, sent }
}

/** Wakes the meter and reads; the days, or the error code. */
function read({ shim, asker }: Bench, firstHalfHour: number, count: number, channel = 0) {
  asker.wake(boardEui, createRandom(shim.nowMs()).bytes(8))
  shim.pass(100)
  assert.ok(asker.awake(), 'awake')
  asker.ask(firstHalfHour, count, channel)
  shim.pass(2000)
  return asker.refusal() ?? asker.days()
}

function whOf(days: ReturnType<typeof read>): number[] {
  assert.ok(Array.isArray(days), `refused with ${days}`)
  return days.flatMap((profile) => [...profile.wh])
}

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

test('worn-out flash stops the meter, which says so when it is woken', async () => {
  const { cells } = recordedFlash(first, 2, 10)
  const bench = await start('linux', cells, (first + 2) * halfHourMs)
  bench.shim.wearOut()
  bench.shim.pass(halfHourMs * 2)
  assert.is(bench.shim.calls.reboots, 0)
  const saysSo = () => {
    bench.sent.length = 0
    bench.shim.receive(encodeFrame(encodeWake(boardEui, new Uint8Array(8))))
    bench.shim.pass(100)
    const packets: Uint8Array[] = []
    const decoder = createFrameDecoder(
      (packet) => packets.push(packet),
      () => {},
    )
    for (const bytes of bench.sent) decoder.push(bytes)
    assert.equal(packets.map(decodePacket), [
      { kind: 'awake', version: lineVersion, tag: new Uint8Array(2), boot: 0, session: 0 },
    ])
  }
  saysSo()
  bench.shim.pass(halfHourMs * 2)
  saysSo()
})

test('an error of the firmware is an event, and the watchdog is fed no more', async () => {
  for (const name of ['esp32', 'linux'] as const) {
    const { cells } = recordedFlash(first, 2, 10)
    const bench = await start(name, cells, (first + 2) * halfHourMs)
    bench.shim.pass(5000)
    const { kicks } = bench.shim.calls
    if (boards[name].watchdogSeconds > 0) assert.ok(kicks >= 18, `${kicks} kicks in 5 s`)
    bench.shim.failOnce(new Error('out of something'))
    bench.asker.wake(boardEui, createRandom(4).bytes(8))
    bench.shim.pass(60000)
    assert.match(bench.shim.said.at(-1)!, 'fault: Error: out of something')
    assert.ok(bench.shim.calls.kicks <= kicks + 1)
    assert.is(bench.shim.calls.reboots, boards[name].watchdogSeconds > 0 ? 0 : 1)
    // As the restart does.
    const again = await start(name, bench.shim.cells, bench.shim.nowMs())
    again.asker.wake(boardEui, createRandom(5).bytes(8))
    again.shim.pass(100)
    again.asker.request('readEvents', { log: 1, firstSequence: 0 })
    again.shim.pass(2000)
    const entries = again.asker.answers('readEvents')!.flatMap(({ entries }) => [...entries])
    const codes = entries.filter((_, i) => i % 16 === 0)
    assert.ok(codes.includes(eventCode.exception), codes.join())
    assert.is(codes.at(-1), eventCode.started)
  }
})

test('a flash that throws when it does not take a record costs that place, and nothing else', async () => {
  const { cells } = recordedFlash(first, 2, 10)
  const bench = await start('rp2040', cells, (first + 2) * halfHourMs)
  bench.shim.throwOnWrite(3)
  for (let i = 0; i < 3; i++) {
    for (let n = 0; n <= i; n++) bench.shim.edge(boards.rp2040.pulses.pins[0]!)
    bench.shim.pass(halfHourMs)
  }
  assert.equal(
    whOf(read(bench, first + 2, 3)).filter((_, i) => i >= 2 && i < 5),
    [1, 2, 3],
  )
})

test.run()
