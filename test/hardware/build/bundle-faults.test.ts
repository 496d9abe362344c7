// Faults of a board in the shim: worn-out flash, an error of the firmware, flash that throws.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRandom } from '../../../emulation/random.ts'
import { boards } from '../../../hardware/boards/boards.ts'
import { eventCode } from '../../../protocol/event-entry.ts'
import { createFrameDecoder, encodeFrame } from '../../../protocol/frame.ts'
import { halfHourMs } from '../../../protocol/half-hour.ts'
import { decodePacket, encodeWake, lineVersion } from '../../../protocol/link.ts'
import { read, start, whOf } from '../../support/espruino/shim-meter.ts'
import { boardEui, recordedFlash } from '../../support/sim/board-flash.ts'

const first = 20000 * 48

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
