// Tasks that share a session: whose usage is charged, who waits, what ends a session.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRandom } from '../../../emulation/random.ts'
import { createWorld } from '../../../emulation/world.ts'
import { createDco } from '../../../host/dco/sealer.ts'
import { ask } from '../../../host/wan/ask.ts'
import type { Conversation } from '../../../host/wan/conversation.ts'
import { type Part, unsettled } from '../../../host/wan/gather.ts'
import { readDailyReads, readHalfHours } from '../../../host/wan/layouts.ts'
import { defaultLineLimits } from '../../../host/wan/line-limits.ts'
import { createMeterSessions } from '../../../host/wan/meter-session.ts'
import { ReadError } from '../../../host/wan/read-error.ts'
import { createLine, type Line } from '../../../host/wan/serial-line.ts'
import { noUsage, type Usage } from '../../../host/wan/usage.ts'
import { dayOfHalfHour, halfHourMs } from '../../../protocol/half-hour.ts'

const eui = '00-DB-12-34-56-78-90-A0'
const key = createRandom(42).bytes(32)
const endMs = Date.UTC(2026, 10, 22)
const whOf = (halfHour: number) => createRandom(halfHour).below(500)

function bench(seed = 1, days = 3, quirks = 0) {
  const configuration = {
    pulsesPerKwh: 1000,
    deviceProfile: 0,
    dailyReads: 0,
    checkpointWh: 100,
    billingDay: 1,
    quirks,
    halfHourWhMax: 41400,
    tariff: new Uint8Array(0),
  }
  const world = createWorld({ seed, days, eui, key, endMs, whOf, configuration })
  world.clock.set(endMs + 60000)
  const line = createLine('sim:', world.line.openPort, defaultLineLimits, world.clock)
  const dco = createDco({ key: (id) => (id === eui ? key : undefined) }, createRandom(seed + 1).bytes)
  const sessions = createMeterSessions({ dco, timing: world.clock })
  const usages: Usage[] = []
  function withSession<T>(work: (conversation: Conversation) => Promise<T>, trtMs = 16000, who = eui): Promise<T> {
    const usage = noUsage()
    usages.push(usage)
    return sessions.withSession(line, who, { deadlineMs: world.clock.nowMs() + trtMs, usage }, work)
  }
  const day = (conversation: Conversation) => readHalfHours(conversation, 0, world.end - 48, 48)
  const total = (name: keyof Usage) => usages.reduce((sum, usage) => sum + usage[name], 0)
  return { ...world, withSession, usages, total, day }
}

/** How each promise ends: 'done', the fault of a ReadError, or a message. */
async function ends(world: ReturnType<typeof bench>, promises: Promise<unknown>[]): Promise<string[]> {
  const settled = await world.clock.run(Promise.allSettled(promises))
  return settled.map((one) => {
    if (one.status === 'fulfilled') return 'done'
    return one.reason instanceof ReadError ? one.reason.fault : (one.reason as Error).message
  })
}

test('tasks that wait share a wake-up; the first is charged for it, each for its own bytes', async () => {
  const b = bench()
  assert.equal(
    await ends(b, [
      b.withSession(b.day),
      b.withSession(b.day),
      b.withSession((conversation) => ask(conversation, 'readClock', {})),
    ]),
    ['done', 'done', 'done'],
  )
  assert.equal(
    b.usages.map(({ wakeUps, sessions, asks }) => [wakeUps, sessions, asks]),
    [
      [1, 1, 1],
      [0, 0, 1],
      [0, 0, 1],
    ],
  )
  assert.is(b.total('bytesOut') + b.total('bytesIn'), b.line.bytes.toDevice + b.line.bytes.toHost)
  assert.ok(b.usages.every(({ bytesOut, bytesIn }) => bytesOut > 0 && bytesIn > 0))
  await b.clock.pass(50)
  assert.not.ok(b.meter.meter().awake(), 'sent to sleep')
  await ends(b, [b.withSession(b.day)])
  assert.is(b.total('wakeUps'), 2)
})

test('tasks that wait for a failed wake share its failure; later ones get a wake of their own', async () => {
  const b = bench()
  b.meter.off()
  const early = [b.withSession(b.day), b.withSession(b.day), b.withSession(b.day)]
  const late = new Promise<Promise<unknown>>((resolve) => {
    b.clock.after(2000, () => {
      resolve(b.withSession(b.day, 60000))
      b.clock.after(20000, () => b.meter.on())
    })
  }).then((one) => one)
  assert.equal(await ends(b, [...early, late]), ['no awake', 'no awake', 'no awake', 'done'])
  assert.equal(
    b.usages.map(({ wakeUps }) => wakeUps > 0),
    [true, false, false, true],
  )
})

test('what the meter refuses ends an task and not the session', async () => {
  const b = bench()
  const refused = (conversation: Conversation) =>
    ask(conversation, 'writeSettings', { version: 99, settings: new Uint8Array(1) })
  assert.equal(await ends(b, [b.withSession(refused), b.withSession(b.day)]), ['refused', 'done'])
  assert.is(b.total('sessions'), 1)
})

test('malformed, or a bug, ends the session; the next task has another', async () => {
  const b = bench()
  const malformed = async () => {
    throw new ReadError('malformed', 'not what was asked for')
  }
  const bug = async () => {
    throw new TypeError('a bug')
  }
  assert.equal(
    await ends(b, [b.withSession(malformed), b.withSession(b.day), b.withSession(bug), b.withSession(b.day)]),
    ['malformed', 'done', 'a bug', 'done'],
  )
  assert.is(b.total('sessions'), 3)
})

test('a line that is lost fails the task in progress and those that cannot open it; later it is opened again', async () => {
  const b = bench(2, 60)
  b.clock.after(60, () => b.line.unplug())
  const long = (conversation: Conversation) => readHalfHours(conversation, 0, b.first, 60 * 48)
  assert.equal(await ends(b, [b.withSession(long), b.withSession(b.day)]), ['no port', 'no port'])
  b.line.plug()
  assert.equal(await ends(b, [b.withSession(b.day)]), ['done'])
})

test('a task past its deadline is late by itself', async () => {
  const b = bench(3, 200)
  b.line.send = (
    (send) => (bytes: Uint8Array) =>
      void b.clock.after(3, () => send(bytes))
  )(b.line.send)
  const long = (conversation: Conversation) => readHalfHours(conversation, 0, b.first, 200 * 48)
  assert.equal(await ends(b, [b.withSession(long), b.withSession(b.day, 200), b.withSession(b.day)]), [
    'done',
    'too late',
    'done',
  ])
  assert.is(b.total('sessions'), 1)
})

test('no more than 32 tasks in a session, so that other meters get their turn', async () => {
  const b = bench()
  const many = Array.from({ length: 40 }, () => b.withSession((conversation) => ask(conversation, 'readClock', {})))
  const stranger = b.withSession(b.day, 16000, '00-DB-12-34-56-78-90-A9')
  const order: string[] = []
  many.forEach((one, i) => void one.then(() => order.push(`${i}`)))
  stranger.catch(() => order.push('stranger'))
  assert.equal([...new Set(await ends(b, [...many, stranger]))], ['done', 'no key'])
  assert.is(b.total('sessions'), 2)
  assert.is(order.indexOf('stranger'), 32)
})

test('a meter that needs two wakes is woken twice', async () => {
  const b = bench(4, 2, 4)
  assert.equal(await ends(b, [b.withSession(b.day)]), ['done'])
  assert.is(b.total('wakeUps'), 2)
})

test('a question is asked again when its answer is lost; what changes something is not', async () => {
  for (const [name, asks] of [
    ['readClock', 4],
    ['setClock', 1],
  ] as const) {
    const b = bench()
    // Of everything to the host only awakes (kind 22h, after the first byte of COBS) come through.
    b.line.send = (
      (send) => (bytes: Uint8Array) =>
        bytes[1] === 0x22 && send(bytes)
    )(b.line.send) as typeof b.line.send
    const work = (conversation: Conversation): Promise<unknown> =>
      name === 'setClock'
        ? ask(conversation, 'setClock', { utcMs: Math.floor(b.clock.nowMs()), confirmed: 1 })
        : ask(conversation, 'readClock', {})
    const reason = await b.clock.run(
      b.withSession(work, 60000).then(
        () => '',
        (error: Error) => error.message,
      ),
    )
    assert.is(b.total('asks'), asks, name)
    if (name === 'setClock') assert.match(reason, /whether it was done is not known/)
    else assert.match(reason, /the DCO's key is not the meter's/)
  }
})

test('the meter’s clock, inventory and self-test, asked as anything else', async () => {
  const b = bench()
  const [clock, inventory, selfTest] = await b.clock.run(
    Promise.all([
      b.withSession((conversation) => ask(conversation, 'readClock', {})),
      b.withSession((conversation) => ask(conversation, 'readInventory', {})),
      b.withSession((conversation) => ask(conversation, 'selfTest', {})),
    ]),
  )
  assert.ok(Math.abs(clock.utcMs - b.clock.nowMs()) < 2000)
  assert.equal([inventory.manufacturer, inventory.dailyReads], ['smets1', 14])
  assert.is(selfTest.faults, 0)
})

test('daily reads come over a bad line whole or not at all, once each, in order', async () => {
  let whole = 0
  const today = dayOfHalfHour(Math.floor(endMs / halfHourMs))
  for (let seed = 1; seed <= 12; seed++) {
    const b = bench(seed, 16)
    b.line.faults = { loss: 0.004 }
    const read = b.withSession((conversation) => readDailyReads(conversation, today - 40, 41))
    if ((await ends(b, [read]))[0] !== 'done') continue
    whole += 1
    assert.equal(
      (await read).map(({ number }) => number),
      Array.from({ length: 14 }, (_, i) => today - 13 + i),
    )
  }
  assert.ok(whole >= 10, `${whole} of 12`)
})

test('what is left to ask for, whatever parts were lost', () => {
  const part = (from: number, to: number): Part<number> => ({ from, to, items: [] })
  const range = { first: 10, count: 30 }
  const left = (parts: [number, Part<number>][], last?: number) => unsettled(range, new Map(parts), last)
  assert.equal(left([]), [range])
  assert.equal(left([[0, part(0, 0)]], 0), [], 'an empty answer')
  assert.equal(left([[0, part(10, 20)]]), [{ first: 20, count: 20 }])
  assert.equal(left([[1, part(20, 30)]], 1), [{ first: 10, count: 10 }], 'the first was lost')
  assert.equal(
    left(
      [
        [0, part(5, 12)],
        [2, part(20, 25)],
      ],
      3,
    ),
    [
      { first: 12, count: 8 },
      { first: 25, count: 15 },
    ],
  )
  assert.equal(left([[0, part(5, 60)]], 0), [])
  assert.equal(left([[254, part(10, 20)]], 254).at(-1), { first: 20, count: 20 }, 'the last there can be says nothing')
})

test('an task that gets no turn fails alone: the one behind it asks for a turn of its own', async () => {
  const lineThat = (why: string): Line => ({
    use: () => Promise.reject(new ReadError('too late', why)),
    close: async () => {},
  })
  const timing = { nowMs: () => 0, steadyMs: () => 0, after: () => ({ cancel() {} }) }
  const sessions = createMeterSessions({ dco: { open: () => undefined }, timing })
  const withSession = (why: string) =>
    sessions.withSession(lineThat(why), eui, { deadlineMs: 1, usage: noUsage() }, async () => {})
  const told = await Promise.allSettled([withSession('first'), withSession('second')])
  assert.equal(
    told.map((one) => (one as PromiseRejectedResult).reason.message),
    ['first', 'second'],
  )
})

test.run()
