// A line with one good meter and others that are hostile or dead, read through sessions and the line queue.

import { createRandom } from '../../../emulation/random.ts'
import { createSimLine } from '../../../emulation/sim-line.ts'
import { createVirtualClock } from '../../../emulation/virtual-clock.ts'
import { createSimMeter } from '../../../emulation/world.ts'
import { createDco } from '../../../host/dco/sealer.ts'
import type { Conversation } from '../../../host/wan/conversation.ts'
import { readHalfHours } from '../../../host/wan/layouts.ts'
import { defaultLineLimits } from '../../../host/wan/line-limits.ts'
import { createLineQueue } from '../../../host/wan/line-queue.ts'
import { createMeterSessions } from '../../../host/wan/meter-session.ts'
import { createLine } from '../../../host/wan/serial-line.ts'
import { noUsage } from '../../../host/wan/usage.ts'
import { type Priority, priority } from '../../../host/wan/waiting-requests.ts'
import { halfHourMs } from '../../../protocol/half-hour.ts'
import { type Behaviour, createHostileMeter } from '../sim/hostile-meter.ts'

const euiOf = (index: number) => `00-DB-12-34-56-78-91-${index.toString(16).padStart(2, '0').toUpperCase()}`
const endMs = Date.UTC(2026, 10, 22)
export const end = endMs / halfHourMs
export const trtMs = 30_000

/** A line with one good meter (0), which has lived `days` days, and hostile or dead ones from 1 on. */
export function createHostileBench(others: (Behaviour | 'dead')[], { baud = 115200, days = 1 } = {}) {
  const random = createRandom(7)
  const clock = createVirtualClock(0)
  const line = createSimLine(clock, baud, random)
  const keys = Array.from({ length: others.length + 1 }, () => random.bytes(32))
  const good = createSimMeter(clock, line, euiOf(0), keys[0]!, random)
  good.live(end - 48 * days, Array(48 * days).fill(5))
  for (const [i, behaviour] of others.entries()) {
    if (behaviour !== 'dead') line.attach(createHostileMeter(clock, line, euiOf(i + 1), keys[i + 1]!, behaviour))
  }
  clock.set(endMs + 60_000)
  good.meter().step()
  let aheadMs = 0
  /** The clock of the host, which the test may set. */
  const timing = { ...clock, nowMs: () => clock.nowMs() + aheadMs }
  const dco = createDco({ key: (eui) => keys[keys.findIndex((_, i) => euiOf(i) === eui)] }, random.bytes)
  const sessions = createMeterSessions({ dco, timing })
  const lineQueue = createLineQueue({ lineRate: 0, cohortRate: () => 0 }, timing)
  const shared = createLine('sim:', line.openPort, { ...defaultLineLimits, baud }, timing)

  /** Reads half-hours; answers how it ended and how long it took. */
  async function read(
    meter: number,
    { urgency = priority.onDemand as Priority, first = end - 48, targetMs = trtMs } = {},
  ) {
    const startMs = clock.nowMs()
    const deadlineMs = timing.nowMs() + targetMs
    const request = { line: 'a', place: { cohort: 'c', csp: 'w' }, eui: euiOf(meter), priority: urgency, deadlineMs }
    const task = { deadlineMs, usage: noUsage(), priority: urgency }
    const work = (conversation: Conversation) => readHalfHours(conversation, 0, first, end - first)
    const readings = await sessions
      .withSession(lineQueue.forRequest(shared, request), euiOf(meter), task, work)
      .catch((error: Error) => error.message)
    const whole = typeof readings !== 'string' && readings.every(({ wh }) => wh === 5)
    return { readings, whole, tookMs: clock.nowMs() - startMs, sessions: task.usage.sessions }
  }
  return {
    clock,
    read,
    setClock(byMs: number) {
      aheadMs += byMs
    },
  }
}

/** The longest read of the good meter while hostile ones are read, how long the longest of those took, and what a read alone takes. */
export async function readBeside(...behaviours: Behaviour[]) {
  const b = createHostileBench(behaviours)
  const alone = await b.clock.run(b.read(0))
  let over = false
  const reads = behaviours.map((_, i) => b.read(i + 1, { first: end - 13 * 30 * 48 }))
  const hostile = Promise.all(reads).finally(() => {
    over = true
  })
  let longestMs = 0
  const failed: string[] = []
  // One read after the other of the good meter, for as long as the hostile one is read.
  const others = (async () => {
    while (!over) {
      const one = await b.read(0)
      if (!one.whole) failed.push(JSON.stringify(one.readings).slice(0, 200))
      longestMs = Math.max(longestMs, one.tookMs)
      await new Promise<void>((resolve) => b.clock.after(700, resolve))
    }
  })()
  const ended = await b.clock.run(hostile)
  await b.clock.run(others)
  return { aloneMs: alone.tookMs, hostileMs: Math.max(...ended.map(({ tookMs }) => tookMs)), longestMs, failed }
}

/** A read of the good meter among ten dead ones, each of which has had its first wake; and how the dead ones' reads ended. */
export async function readAmongDead() {
  const b = createHostileBench(Array(10).fill('dead'))
  const dead = Array.from({ length: 10 }, (_, i) => b.read(i + 1))
  await b.clock.pass(13_000)
  const live = []
  for (let tries = 0; tries < 5; tries++) live.push(await b.clock.run(b.read(0)))
  return { live, dead: await b.clock.run(Promise.all(dead)) }
}

/** A read of a day on demand, 3 s after a read of 13 months for settlement has begun on the same meter at 9,600 baud. */
export async function readBehindLong() {
  const days = 390
  const b = createHostileBench([], { baud: 9600, days })
  const long = b.read(0, { urgency: priority.settlement, first: end - days * 48, targetMs: 24 * 3600_000 })
  await b.clock.pass(3000)
  const onDemand = await b.clock.run(b.read(0))
  return { onDemand, long: await b.clock.run(long), halfHours: days * 48 }
}
