// Many meters on one half-duplex line: one is awake at a time, each gets its turn, and none answers for another.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRandom } from '../../../emulation/random.ts'
import { createSimLine, type LineDevice, type SimLine } from '../../../emulation/sim-line.ts'
import { createVirtualClock } from '../../../emulation/virtual-clock.ts'
import { createSimMeter } from '../../../emulation/world.ts'
import { createDco } from '../../../host/dco/sealer.ts'
import { ask } from '../../../host/wan/ask.ts'
import type { OpenPort } from '../../../host/wan/bindings.ts'
import { readHalfHours } from '../../../host/wan/layouts.ts'
import { defaultLineLimits } from '../../../host/wan/line-limits.ts'
import { createLineQueue } from '../../../host/wan/line-queue.ts'
import { createMeterSessions } from '../../../host/wan/meter-session.ts'
import { ReadError } from '../../../host/wan/read-error.ts'
import { createLine } from '../../../host/wan/serial-line.ts'
import { noUsage } from '../../../host/wan/usage.ts'
import { type Priority, priority } from '../../../host/wan/waiting-requests.ts'
import { createFrameDecoder } from '../../../protocol/frame.ts'
import { halfHourMs } from '../../../protocol/half-hour.ts'
import { kind } from '../../../protocol/link.ts'

const euiOf = (index: number) => `00-DB-12-34-56-78-90-${index.toString(16).padStart(2, '0').toUpperCase()}`
const endMs = Date.UTC(2026, 10, 22)
const end = endMs / halfHourMs

/** Properties of the adapter and of the line. */
interface Faults {
  /** The adapter receives its own bytes, too. */
  echo?: boolean
  /** Meters receive what the others send, and what they send themselves. */
  bus?: boolean
  /** Drops a packet that the bridge sends. */
  drops?(packet: Uint8Array): boolean
}

/** A port whose adapter echoes, or drops packets that the bridge sends. */
function faultyPort(openPort: OpenPort, faults: Faults): OpenPort {
  return async (url, baud, events) => {
    const port = await openPort(url, baud, events)
    return {
      close: port.close,
      write(bytes) {
        if (faults.echo) events.data(bytes)
        let isDropped = false
        const decoder = createFrameDecoder(
          (packet) => {
            isDropped ||= faults.drops?.(packet) === true
          },
          () => {},
        )
        decoder.push(bytes)
        if (!isDropped) port.write(bytes)
      },
    }
  }
}

function bench(count: number, faults: Faults = {}, seed = 1) {
  const random = createRandom(seed)
  const clock = createVirtualClock(0)
  const line = createSimLine(clock, 115200, random)
  const devices: LineDevice[] = []
  const wires: SimLine = {
    ...line,
    attach(device) {
      devices.push(device)
      line.attach(device)
    },
    send(bytes) {
      line.send(bytes)
      if (faults.bus) for (const device of devices) device.received(bytes)
    },
  }
  const keys = Array.from({ length: count }, () => random.bytes(32))
  const meters = keys.map((key, i) => createSimMeter(clock, wires, euiOf(i), key, random))
  for (const [i, meter] of meters.entries()) {
    clock.set(0)
    meter.live(end - 48, Array(48).fill(i + 1))
  }
  clock.set(endMs + 60000)
  for (const meter of meters) meter.meter().step()

  const openPort = faultyPort(line.openPort, faults)
  const dco = createDco({ key: (eui) => keys[meters.findIndex((_, i) => euiOf(i) === eui)] }, random.bytes)
  const sessions = createMeterSessions({ dco, timing: clock })
  const lineQueue = createLineQueue({ lineRate: 0, cohortRate: () => 0 }, clock)
  const shared = createLine('sim:', openPort, defaultLineLimits, clock)
  /** In which order reads were done. */
  const done: { meter: number; atMs: number }[] = []

  function withSession<T>(
    meter: number,
    work: Parameters<typeof sessions.withSession<T>>[3],
    urgency: Priority,
    trtMs: number,
  ) {
    const deadlineMs = clock.nowMs() + trtMs
    const lineRequest = {
      line: 'default',
      place: { cohort: 'c', csp: 'w' },
      eui: euiOf(meter),
      priority: urgency,
      deadlineMs,
    }
    const task = { deadlineMs, usage: noUsage() }
    return sessions.withSession(lineQueue.forRequest(shared, lineRequest), euiOf(meter), task, work)
  }
  const read = async (meter: number, urgency: Priority = priority.onDemand, trtMs = 16000) => {
    const readings = await withSession(
      meter,
      (conversation) => readHalfHours(conversation, 0, end - 48, 48),
      urgency,
      trtMs,
    )
    done.push({ meter, atMs: clock.nowMs() })
    return readings.map(({ wh }) => wh)
  }
  const notOpened = (meter: number) => meters[meter]!.meter().state.line.notOpened
  return { clock, line, meters, keys, read, withSession, done, notOpened }
}

const whole = (meter: number) => Array(48).fill(meter + 1)

test('every meter answers for itself, and the others stay asleep', async () => {
  const b = bench(8)
  const all = await b.clock.run(Promise.all(b.meters.map((_, i) => b.read(i))))
  assert.equal(
    all,
    b.meters.map((_, i) => whole(i)),
  )
  // The last one is being told to sleep.
  await b.clock.pass(1000)
  for (const meter of b.meters) {
    const { sessions, notOpened } = meter.meter().state.line
    assert.equal([sessions, notOpened, meter.meter().awake()], [1, 0, false])
  }
})

test('an adapter that receives its own bytes reads as well', async () => {
  const b = bench(3, { echo: true })
  const all = await b.clock.run(Promise.all([0, 1, 2].map((i) => b.read(i))))
  assert.equal(all, [whole(0), whole(1), whole(2)])
})

test('on a two-wire bus each meter receives all others and itself, and ignores them', async () => {
  const b = bench(4, { echo: true, bus: true })
  const all = await b.clock.run(Promise.all(b.meters.map((_, i) => b.read(i))))
  assert.equal(
    all,
    b.meters.map((_, i) => whole(i)),
  )
  await b.clock.pass(1000)
  for (const meter of b.meters) {
    const { sessions, notOpened, framesDropped } = meter.meter().state.line
    assert.equal([sessions, notOpened, framesDropped], [1, 0, 0])
  }
})

test('a meter that got no sleep command sleeps when another is woken: it neither answers nor counts the other’s requests', async () => {
  // The shortest ask is that to sleep: 2 bytes of message, 16 of tag, 3 of header.
  let isDropping = true
  const b = bench(3, { drops: (packet) => isDropping && packet[0] === kind.ask && packet.length === 21 })
  assert.equal(await b.clock.run(b.read(0)), whole(0))
  assert.ok(b.meters[0]!.meter().awake(), 'it waits for more')
  assert.equal(await b.clock.run(b.read(1)), whole(1))
  assert.is(b.meters[0]!.meter().awake(), false)
  assert.equal([0, 1, 2].map(b.notOpened), [0, 0, 0])
  assert.equal(await b.clock.run(b.read(0)), whole(0), 'and wakes again')
  isDropping = false
  const lost = await b.clock.run(
    b.withSession(0, (conversation) => ask(conversation, 'selfTest', {}), priority.onDemand, 16000),
  )
  assert.is(lost.notOpened, 0)
})

test('meters take turns: one with many tasks does not delay the others', async () => {
  const b = bench(6)
  // The first meter has 200 tasks; the others have one each, requested later.
  const many = Array.from({ length: 200 }, () => b.read(0, priority.onDemand, 600000))
  const others = [1, 2, 3, 4, 5].map((i) => b.read(i, priority.onDemand, 600000))
  await b.clock.run(Promise.all([...many, ...others]))
  const places = [1, 2, 3, 4, 5].map((meter) => b.done.findIndex((one) => one.meter === meter))
  // One session of the first meter, 32 tasks, goes ahead of them at most.
  assert.ok(Math.max(...places) <= 32 + 5, places.join(' '))
})

test('on demand goes ahead of settlement and schedules, on whichever meter', async () => {
  const b = bench(9)
  const urgencies = [priority.scheduled, priority.settlement, priority.onDemand]
  await b.clock.run(Promise.all(b.meters.map((_, i) => b.read(i, urgencies[i % 3], 600000))))
  // The first to ask had the line before anybody else came.
  const order = b.done.slice(1).map(({ meter }) => urgencies[meter % 3]!)
  assert.equal(
    order,
    [...order].sort((x, y) => x - y),
  )
})

test('a meter that does not answer costs the others no more than its own tries', async () => {
  const b = bench(4)
  b.meters[0]!.off()
  const fault = b.read(0).catch((error) => (error instanceof ReadError ? error.fault : String(error)))
  const others = [1, 2, 3].map((i) => b.read(i, priority.onDemand, 60000))
  assert.equal(await b.clock.run(Promise.all([fault, ...others])), ['no awake', whole(1), whole(2), whole(3)])
})

test.run()
