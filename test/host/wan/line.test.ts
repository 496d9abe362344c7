import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRandom } from '../../../emulation/random.ts'
import { createWorld } from '../../../emulation/world.ts'
import { createDco } from '../../../host/dco/sealer.ts'
import { defaultLineLimits } from '../../../host/wan/line-limits.ts'
import { ReadError } from '../../../host/wan/read-error.ts'
import { createLine } from '../../../host/wan/serial-line.ts'
import { noUsage } from '../../../host/wan/usage.ts'
import { channel } from '../../../protocol/messages.ts'
import { type MeterReader, readProfile } from '../../support/sim/single-read.ts'

const eui = '00-DB-12-34-56-78-90-A0'
const key = createRandom(42).bytes(32)
const endMs = Date.UTC(2026, 10, 22)
const whOf = (halfHour: number) => createRandom(halfHour).below(500)

function bench(seed: number, days: number, baud = 115200, hostKey = key) {
  const world = createWorld({ seed, days, eui, key, baud, endMs, whOf })
  const random = createRandom(seed + 1)
  const line = createLine('sim:', world.line.openPort, { ...defaultLineLimits, baud }, world.clock)
  const dco = createDco({ key: (id) => (id === eui ? hostKey : undefined) }, random.bytes)
  const reader: MeterReader = { line, dco, timing: world.clock }
  const usage = noUsage()
  const read = (first: number, count: number, trtMs = 16000) =>
    world.clock.run(readProfile(reader, eui, channel.activeImport, first, count, world.clock.nowMs() + trtMs, usage))
  return { ...world, usage, read, reader }
}

async function fault(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
  } catch (error) {
    if (error instanceof ReadError) return error.fault
    throw error
  }
  return 'none'
}

test('a day of 48 half-hours costs one wake-up, one session and at most 260 bytes', async () => {
  const world = bench(1, 3)
  const readings = await world.read(world.end - 48, 48)
  assert.equal(
    readings.map((reading) => reading.wh),
    Array.from({ length: 48 }, (_, i) => whOf(world.end - 48 + i)),
  )
  assert.is(world.usage.wakeUps, 1)
  assert.is(world.usage.sessions, 1)
  const bytes = world.usage.bytesIn + world.usage.bytesOut
  assert.ok(bytes <= 260, `${bytes} bytes`)
  assert.is(bytes, world.line.bytes.toDevice + world.line.bytes.toHost)
})

test('a day that is not over gives what is complete', async () => {
  const world = bench(2, 2)
  world.meter.live(world.end, [11, 12, 13])
  const readings = await world.read(world.end, 48)
  assert.equal(readings.map((reading) => reading.wh).slice(0, 4), [11, 12, 13, undefined])
})

test('thirteen months in one session', async () => {
  const world = bench(3, 397)
  const readings = await world.read(world.first, 397 * 48, 60000)
  assert.is(readings.filter((reading, i) => reading.wh === whOf(world.first + i)).length, 397 * 48)
  assert.is(world.usage.sessions, 1)
  assert.is(world.usage.asks, 1)
})

test('half-hours that were not recorded are empty', async () => {
  const world = bench(4, 2)
  const readings = await world.read(world.first - 96, 96)
  assert.ok(readings.every((reading) => reading.wh === undefined))
})

for (const [name, faults] of Object.entries({
  lost: { loss: 0.002 },
  turned: { flip: 0.002 },
  doubled: { double: 0.002 },
})) {
  test(`a line with bytes ${name} loses time, never data`, async () => {
    let whole = 0
    for (let seed = 1; seed <= 15; seed++) {
      const world = bench(seed, 8)
      world.line.faults = faults
      const outcome = world.read(world.first, 8 * 48)
      const readings = await outcome.catch((error) => {
        if (!(error instanceof ReadError)) throw error
        return []
      })
      for (const reading of readings) assert.is(reading.wh, whOf(reading.halfHour))
      if (readings.length > 0) whole += 1
    }
    assert.ok(whole >= 14, `${whole} of 15 reads came through`)
  })
}

test('a meter that is absent, silent or has another key is distinguished', async () => {
  const absent = bench(5, 1)
  absent.line.unplug()
  assert.is(await fault(absent.read(absent.first, 48)), 'no port')

  const silent = bench(6, 1)
  silent.meter.off()
  assert.is(await fault(silent.read(silent.first, 48)), 'no awake')

  const stranger = bench(7, 1, 115200, createRandom(9).bytes(32))
  assert.is(await fault(stranger.read(stranger.first, 48)), 'wrong key')
})

test('a meter that dies in the middle of an answer, or a line that is pulled, ends the read within its time', async () => {
  const dies = bench(8, 30, 9600)
  const startMs = dies.clock.nowMs()
  dies.clock.after(800, () => dies.meter.off())
  assert.ok(['no answer', 'too late'].includes(await fault(dies.read(dies.first, 30 * 48))))
  assert.ok(dies.clock.nowMs() - startMs <= 16000)

  const pulled = bench(9, 30, 9600)
  pulled.clock.after(800, () => pulled.line.unplug())
  assert.is(await fault(pulled.read(pulled.first, 30 * 48)), 'no port')
})

test('a meter that returns is read in a new session', async () => {
  const world = bench(10, 2)
  world.line.unplug()
  assert.is(await fault(world.read(world.first, 48)), 'no port')
  world.line.plug()
  world.meter.off()
  world.meter.on()
  assert.is((await world.read(world.first, 48)).length, 48)
})

test('malformed on the line is dropped and counted', async () => {
  const world = bench(11, 2)
  const random = createRandom(12)
  world.clock.after(3, () => world.line.send(random.bytes(700)))
  const readings = await world.read(world.end - 48, 48)
  assert.is(readings[0]!.wh, whOf(world.end - 48))
  assert.ok(world.usage.framesDropped > 0)
})

test('nothing that was on the line before is taken again', async () => {
  const world = bench(13, 2)
  const recorded: Uint8Array[] = []
  const send = world.line.send
  world.line.send = (bytes) => {
    recorded.push(bytes)
    send(bytes)
  }
  await world.read(world.end - 48, 48)
  assert.ok(recorded.length >= 2)
  // A second meter that only repeats what the first one said.
  world.meter.off()
  world.line.attach({ received: () => recorded.forEach(send) })
  assert.ok(['no awake', 'no answer'].includes(await fault(world.read(world.end - 48, 48))))
})

test('a DCO over its budget of 4 s is counted, and the read ends', async () => {
  const world = bench(15, 2)
  const dco = createDco({ key: () => key }, createRandom(1).bytes)
  const slow = {
    open(id: string) {
      const session = dco.open(id)!
      const later = <T>(call: Promise<T>) => new Promise<T>((resolve) => world.clock.after(4001, () => resolve(call)))
      return { ...session, sealAsk: (message: Uint8Array) => later(session.sealAsk(message)) }
    },
  }
  const reader = { ...world.reader, dco: slow }
  const deadlineMs = world.clock.nowMs() + 16000
  const read = readProfile(reader, eui, 0, world.end - 48, 48, deadlineMs, world.usage)
  assert.is(await fault(world.clock.run(read)), 'DCO too slow')
  assert.equal([world.usage.dcoSlow, world.usage.dcoMsMax], [1, 4000])
})

test('a slow meter is waited for, and its answer to an earlier ask is taken', async () => {
  const world = bench(14, 2)
  const send = world.line.send
  world.line.send = (bytes) => void world.clock.after(3000, () => send(bytes))
  assert.is((await world.read(world.end - 48, 48))[0]!.wh, whOf(world.end - 48))
})

test.run()
