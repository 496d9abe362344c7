// Somebody in the middle of the line: what is replayed, reordered, sent back, cut short, of another meter or another version
// is refused and counted, at both ends, and no reading is ever wrong.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Way } from '../../emulation/sim-line.ts'
import { ask } from '../../host/wan/ask.ts'
import { noUsage } from '../../host/wan/usage.ts'
import { decodeEvent } from '../../protocol/event-entry.ts'
import { createFrameDecoder, encodeFrame } from '../../protocol/frame.ts'
import { eventBytes } from '../../protocol/limits.ts'
import { createTappedLine, eui, otherEui, otherKey, type Tamper } from '../support/sim/tapped-line.ts'

type Bench = ReturnType<typeof createTappedLine>

/** The packet in a frame, with the zeros ahead of it. */
function packetIn(frame: Uint8Array): Uint8Array {
  let found: Uint8Array | undefined
  createFrameDecoder(
    (packet) => {
      found = packet
    },
    () => {},
  ).push(frame)
  return found!
}

const kindOf = (frame: Uint8Array) => packetIn(frame)[0]!
const ofWay = (b: Bench, way: Way) => b.seen.filter((one) => one.way === way).map(({ frame }) => frame)

/** Another version's packet: the same with another high half of its kind, in a frame of its own. */
function ofVersion(version: number, frame: Uint8Array): Uint8Array {
  const packet = packetIn(frame).slice()
  packet[0] = (version << 4) | (packet[0]! & 15)
  return encodeFrame(packet)
}

/** What the meter's self-test and its security log say, over a line that is left alone. */
async function meterCounts(b: Bench) {
  b.setTamper((frame) => ({ on: [frame] }))
  const bridge = b.startBridge(99)
  const task = () => ({ deadlineMs: b.clock.nowMs() + 16000, usage: noUsage() })
  const withSession = bridge.sessions.withSession(bridge.line, eui, task(), async (conversation) => {
    const tested = await ask(conversation, 'selfTest', {})
    const { entries } = await ask(conversation, 'readEvents', { log: 2, firstSequence: 0 })
    const events = Array.from({ length: entries.length / eventBytes }, (_, i) => decodeEvent(entries, i * eventBytes)!)
    return { ...tested, badAsks: events.filter(({ code }) => code === 33).reduce((sum, { value }) => sum + value, 0) }
  })
  return b.clock.run(withSession)
}

test('replayed frames of an earlier session are refused and counted by the bridge', async () => {
  const b = createTappedLine(1)
  const bridge = b.startBridge(2)
  assert.is((await bridge.read(20)).wrong, 0)
  const old = ofWay(b, 'toHost')
  // Ahead of everything that the meter says now comes everything that it said before.
  b.setTamper((frame, way) => ({ on: way === 'toHost' ? [...old, frame] : [frame] }))
  const { wrong, usage } = await bridge.read(1)
  assert.is(wrong, 0)
  assert.ok(usage.framesRefused >= old.length, `${usage.framesRefused} refused`)
  assert.ok(usage.notOpened >= 1, 'those with a counter that is waited for do not open')
})

test('replayed packets of a meter get no answer from the bridge', async () => {
  const b = createTappedLine(2)
  const bridge = b.startBridge(3)
  assert.is((await bridge.read(1)).wrong, 0)
  const old = ofWay(b, 'toHost')
  b.meter.off()
  b.setTamper((_, way) => (way === 'toDevice' ? { back: old } : {}))
  const { fault, usage } = await bridge.read(1)
  assert.is(fault, 'no awake')
  assert.ok(usage.framesRefused > 0)
})

test('replayed asks are refused and counted by the meter, and are in its security log', async () => {
  const b = createTappedLine(3)
  const bridge = b.startBridge(4)
  const before = await meterCounts(b)
  // Each ask comes twice, and once more after the next one.
  let last: Uint8Array[] = []
  b.setTamper((frame, way) => {
    if (way === 'toHost' || kindOf(frame) !== 0x23) return { on: [frame] }
    const on = [frame, ...last, frame]
    last = [frame]
    return { on }
  })
  assert.is((await bridge.read(3)).wrong, 0)
  await b.clock.pass(20)
  const after = await meterCounts(b)
  assert.ok(after.notOpened > before.notOpened, `${after.notOpened} after ${before.notOpened}`)
  assert.ok(after.badAsks > before.badAsks, `${after.badAsks} in the security log`)
})

test('frames out of order bring the same readings', async () => {
  const b = createTappedLine(4)
  let held: Uint8Array | undefined
  b.setTamper((frame, way) => {
    if (way === 'toDevice' || kindOf(frame) === 0x22) return { on: [frame] }
    if (held === undefined) {
      held = frame
      return {}
    }
    const on = [frame, held]
    held = undefined
    return { on }
  })
  const { wrong, fault } = await b.startBridge(5).read(60)
  assert.is(wrong, 0, fault)
})

test('frames sent back to their sender are refused; the bridge counts them, and a meter ignores them as on a two-wire bus', async () => {
  const b = createTappedLine(5)
  b.setTamper((frame) => ({ on: [frame], back: [frame] }))
  const { wrong, usage } = await b.startBridge(6).read(10)
  assert.is(wrong, 0)
  assert.ok(usage.framesRefused >= 2, 'its own wake and ask')
  await b.clock.pass(20)
  const { faults, notOpened, framesDropped } = await meterCounts(b)
  assert.equal([faults, notOpened, framesDropped], [0, 0, 0])
})

test('frames cut short are dropped and counted, at both ends', async () => {
  const b = createTappedLine(6)
  let frames = 0
  b.setTamper((frame) => {
    frames += 1
    return { on: frames % 3 === 0 ? [frame.subarray(0, frame.length - 4), Uint8Array.of(0)] : [frame] }
  })
  const { wrong, usage } = await b.startBridge(7).read(20)
  assert.is(wrong, 0)
  assert.ok(usage.framesDropped > 0)
  await b.clock.pass(20)
  assert.ok((await meterCounts(b)).framesDropped > 0)
})

test('packets of another meter, and packets sent to it, are refused and counted at both ends', async () => {
  const b = createTappedLine(7)
  const bridge = b.startBridge(8)
  assert.is((await bridge.read(1, otherEui)).wrong, 0)
  const [wake, ...asks] = ofWay(b, 'toDevice')
  const answers = ofWay(b, 'toHost').filter((frame) => kindOf(frame) !== 0x22)
  assert.ok(wake !== undefined && asks.length > 0 && answers.length > 0)
  // In place of each answer of the meter comes that of the other one, with the same counter and block; then its own.
  b.setTamper((frame, way) => {
    if (way === 'toDevice') return { on: kindOf(frame) === 0x23 ? [...asks, frame] : [frame] }
    return { on: kindOf(frame) === 0x22 ? [frame] : [...answers, frame] }
  })
  const { wrong, usage } = await bridge.read(1)
  assert.is(wrong, 0)
  assert.ok(usage.notOpened > 0)
  await b.clock.pass(20)
  assert.ok((await meterCounts(b)).notOpened > 0)
})

test('packets of another version are refused and counted, at both ends; an awake of one is named', async () => {
  for (const version of [0, 1, 15]) {
    const b = createTappedLine(8)
    let wakes = 0
    b.setTamper((frame) => {
      // A wake of another version ends a session, as every wake does; the bridge finds its way back from one.
      const isWake = kindOf(frame) === 0x21
      if (isWake) wakes += 1
      return { on: isWake && wakes > 1 ? [frame] : [ofVersion(version, frame), frame] }
    })
    const { wrong, usage, detail } = await b.startBridge(9).read(5)
    assert.is(wrong, 0, detail)
    assert.ok(usage.framesRefused >= 2, `${usage.framesRefused} refused`)
    await b.clock.pass(20)
    assert.ok((await meterCounts(b)).notOpened > 0)
  }
  const b = createTappedLine(8)
  b.setTamper((frame, way) => ({ on: [way === 'toHost' ? ofVersion(3, frame) : frame] }))
  const { fault, detail } = await b.startBridge(9).read(1)
  assert.is(fault, 'malformed')
  assert.match(detail!, /speaks version 3 of the line, this bridge version 2/)
})

test('an awake of start 0 and session 0 says that the flash is worn out', async () => {
  const b = createTappedLine(8)
  b.setTamper((frame, way) => {
    if (way === 'toDevice' || kindOf(frame) !== 0x22) return { on: [frame] }
    return { on: [encodeFrame(packetIn(frame).slice().fill(0, 3))] }
  })
  const { fault, detail } = await b.startBridge(9).read(1)
  assert.is(fault, 'refused')
  assert.match(detail!, /says that its flash is worn out/)
})

test('whatever is done to frames: no reading is wrong, and the next read over a line left alone is right', async () => {
  const acts: ((frame: Uint8Array, way: Way, b: Bench, number: number) => ReturnType<Tamper>)[] = [
    (frame) => ({ on: [frame] }),
    (frame) => ({ on: [frame] }),
    (frame) => ({ on: [frame] }),
    () => ({}),
    (frame) => ({ on: [frame, frame] }),
    (frame) => ({ on: [frame], back: [frame] }),
    (frame, way, b, number) => ({ on: [ofWay(b, way)[number % ofWay(b, way).length]!, frame] }),
    (frame) => ({ on: [frame.subarray(0, frame.length >> 1), Uint8Array.of(0)] }),
    (frame) => ({ on: [ofVersion(2, frame)] }),
    (frame, _, b, number) => ({ on: [b.seen[number % b.seen.length]!.frame, frame] }),
    (frame, _, __, number) => {
      const packet = packetIn(frame).slice()
      packet[number % packet.length]! ^= 1 << (number % 8)
      return { on: [encodeFrame(packet)] }
    },
  ]
  const plan = fc.array(fc.tuple(fc.nat(acts.length - 1), fc.nat(1000)), { minLength: 5, maxLength: 40 })
  await fc.assert(
    fc.asyncProperty(plan, fc.nat(1000), async (steps, seed) => {
      const b = createTappedLine(seed, 12)
      const bridge = b.startBridge(seed + 1)
      let at = 0
      b.setTamper((frame, way) => {
        const [act, number] = steps[at++ % steps.length]!
        return acts[act]!(frame, way, b, number)
      })
      const { wrong = 0 } = await bridge.read(12)
      assert.is(wrong, 0)
      b.setTamper((frame) => ({ on: [frame] }))
      assert.is((await bridge.read(12)).wrong, 0)
    }),
    { numRuns: 150, seed: 20261125 },
  )
})

test('a bridge that restarts in the middle of a session reads at once', async () => {
  const b = createTappedLine(9)
  const first = b.startBridge(10)
  void first.read(60)
  await b.clock.pass(40)
  assert.ok(b.meter.meter().awake() && b.meter.meter().busy(), 'in the middle of its answer')
  const second = b.startBridge(11)
  const { wrong, usage } = await second.read(60)
  assert.is(wrong, 0)
  assert.is(usage.wakeUps, 1)
})

test('a meter that restarts in the middle of a session is read to the end, in another session', async () => {
  const b = createTappedLine(10)
  b.clock.after(40, () => {
    b.meter.off()
    b.clock.after(1500, () => b.meter.on())
  })
  const { wrong, usage } = await b.startBridge(12).read(60)
  assert.is(wrong, 0)
  assert.is(usage.sessions, 2)
})

test('a wrong key is called so; a meter that falls silent, and a line that spoils all, are not', async () => {
  const stranger = createTappedLine(11)
  const wrongKey = await stranger.startBridge(13, otherKey).read(1)
  assert.is(wrongKey.fault, 'wrong key')
  assert.match(
    wrongKey.detail!,
    /00-DB-12-34-56-78-90-A0 answers 2 wakes and none of 4 asks.*Provision the meter again/,
  )

  const silent = createTappedLine(12)
  silent.setTamper((frame, way) => {
    // It hears the wake, and loses power.
    if (way === 'toHost') silent.clock.after(1, () => silent.meter.off())
    return { on: [frame] }
  })
  const died = await silent.startBridge(14).read(1)
  assert.is(died.fault, 'no answer')
  assert.match(died.detail!, /has it lost power/)

  const noisy = createTappedLine(13)
  noisy.setTamper((frame, way) => {
    if (way === 'toHost' && kindOf(frame) !== 0x22) return { on: [frame.subarray(3)] }
    return { on: [frame] }
  })
  const spoilt = await noisy.startBridge(15).read(1, eui, 60000)
  assert.is(spoilt.fault, 'no answer')
  assert.match(spoilt.detail!, /frames came damaged: look at the cable/)
})

test.run()
