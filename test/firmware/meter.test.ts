import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRandom } from '../../emulation/random.ts'
import { createWorld } from '../../emulation/world.ts'
import { createDco } from '../../host/dco/sealer.ts'
import { defaultLineLimits } from '../../host/wan/line-limits.ts'
import { createLine } from '../../host/wan/serial-line.ts'
import { noUsage } from '../../host/wan/usage.ts'
import { euiToBytes } from '../../protocol/bytes.ts'
import { encodeCbor } from '../../protocol/cbor.ts'
import { decodeReceivedDay } from '../../protocol/day-part.ts'
import { createFrameDecoder, encodeFrame } from '../../protocol/frame.ts'
import { halfHourMs } from '../../protocol/half-hour.ts'
import { sessionIdleMs, sessionsPerBootMax } from '../../protocol/limits.ts'
import {
  decodePacket,
  encodeSealedAsk,
  encodeWake,
  kind,
  type LinkSession,
  lineVersion,
  nonceOf,
  type Packet,
} from '../../protocol/link.ts'
import { decodeAnswer, encodeAsk, errorCode } from '../../protocol/messages.ts'
import { open, seal } from '../../protocol/seal.ts'
import { readProfile } from '../support/sim/single-read.ts'

const eui = '00-DB-12-34-56-78-90-A0'
const key = createRandom(42).bytes(32)
const midnight = Date.UTC(2026, 10, 22)
const whOf = (halfHour: number) => createRandom(halfHour).below(500)

function world(seed: number, days: number) {
  const made = createWorld({ seed, days, eui, key, endMs: midnight, whOf })
  const line = createLine('sim:', made.line.openPort, defaultLineLimits, made.clock)
  const dco = createDco({ key: () => key }, createRandom(seed).bytes)
  const read = (first: number, count: number) =>
    made.clock.run(
      readProfile({ line, dco, timing: made.clock }, eui, 0, first, count, made.clock.nowMs() + 16000, noUsage()),
    )
  return { ...made, read }
}

test('half-hours add up exactly to the register', async () => {
  const { meter, read, first } = world(1, 20)
  const readings = await read(first, 20 * 48)
  assert.is(
    readings.reduce((sum, reading) => sum + reading.wh!, 0),
    meter.meter().importWh(),
  )
  assert.ok(readings.every((reading) => !reading.marked))
})

test('power off: the gap stays empty, the half-hours around it are marked or complete, the register continues', async () => {
  const { meter, read, clock, end } = world(2, 2)
  meter.live(end, [100, 100])
  const before = meter.meter().importWh()
  meter.off()
  clock.set((end + 5) * halfHourMs + 600000)
  meter.on()
  assert.is(meter.meter().importWh(), before)
  clock.set((end + 6) * halfHourMs)
  meter.meter().step()
  meter.live(end + 6, [70])
  const readings = await read(end, 8)
  assert.equal(
    readings.map((reading) => [reading.wh, reading.marked]),
    [
      [100, false],
      [100, false],
      [undefined, false],
      [undefined, false],
      [undefined, false],
      [0, true],
      [70, false],
      [undefined, false],
    ],
  )
})

test('a clock that jumps ahead leaves a gap; one that is set back overwrites nothing', async () => {
  const { meter, read, clock, end } = world(3, 1)
  meter.live(end, [10, 20, 30])
  clock.set((end + 7) * halfHourMs + 1000)
  meter.meter().step()
  clock.set((end + 8) * halfHourMs)
  meter.meter().step()
  clock.set((end + 1) * halfHourMs)
  meter.meter().step()
  meter.live(end + 1, [99, 99, 99])
  const readings = await read(end, 9)
  assert.equal(
    readings.map((reading) => reading.wh),
    [10, 20, 30, 0, undefined, undefined, undefined, 0, undefined],
  )
  assert.ok(readings[3]!.marked && readings[7]!.marked)
})

test('a start counts on: the boot number never repeats', () => {
  const { meter } = world(4, 1)
  const boots = new Set([meter.meter().boot()])
  for (let i = 0; i < 600; i++) {
    meter.off()
    meter.on()
    boots.add(meter.meter().boot())
  }
  assert.is(boots.size, 601)
})

/** Talks to the meter packet by packet. */
function conversation(seed: number) {
  const made = world(seed, 2)
  const packets: Packet[] = []
  const decoder = createFrameDecoder(
    (bytes) => packets.push(decodePacket(bytes)!),
    () => {},
  )
  made.line.send = (bytes) => decoder.push(bytes)
  const say = (packet: Uint8Array) => {
    packets.length = 0
    made.meter.meter().received(encodeFrame(packet))
    do made.meter.meter().step()
    while (made.meter.meter().busy())
    return [...packets]
  }
  const hostNonce = createRandom(seed).bytes(8)
  const wake = (nonce = hostNonce): LinkSession => {
    const [awake] = say(encodeWake(euiToBytes(eui), nonce))
    assert.ok(awake?.kind === 'awake')
    return { hostNonce: nonce, boot: awake.boot, session: awake.session }
  }
  const sealed = (link: LinkSession, counter: number, message: Uint8Array) =>
    encodeSealedAsk(counter, seal(message, nonceOf(kind.ask, link, counter, 0), key))
  const ask = encodeAsk('readProfile', { channel: 0, firstHalfHour: made.end - 48, count: 48 })
  return { ...made, say, wake, sealed, ask }
}

test('of a day of which few half-hours are asked only these are sent, also of a day that is not over', () => {
  const { say, wake, sealed, meter, end } = conversation(5)
  meter.live(end, [7, 8, 9])
  const link = wake()
  let counter = 0
  const days = (first: number, count: number) => {
    counter += 1
    const message = encodeAsk('readProfile', { channel: 0, firstHalfHour: first, count })
    const bytes = say(sealed(link, counter, message)).flatMap((packet) => {
      assert.ok(packet.kind === 'answer')
      const nonce = nonceOf(packet.last ? kind.lastAnswer : kind.answer, link, packet.counter, packet.block)
      const answer = decodeAnswer('readProfile', open(packet.sealed, nonce, key)!)
      assert.ok(answer !== undefined && 'fields' in answer)
      return [...answer.fields.blocks]
    })
    const found: [number, number, number[]][] = []
    for (let at = 0; at < bytes.length; at += bytes[at]!) {
      const part = decodeReceivedDay(Uint8Array.from(bytes.slice(at, at + bytes[at]!)))!
      const from = part.day * 48 + part.first
      for (let i = 0; i < part.count; i++) {
        const wh = part.wh[part.first + i]!
        if (part.day * 48 < end) assert.is(wh, whOf(from + i))
      }
      found.push([from, part.count, part.open ? [...part.wh.filter((wh) => wh >= 0)] : []])
    }
    return found
  }
  const day = end - 48
  assert.equal(days(day - 1, 49), [
    [day - 1, 1, []],
    [day, 48, []],
  ])
  assert.equal(days(day + 36, 12), [[day + 36, 12, []]])
  assert.equal(days(day + 35, 13), [[day, 48, []]])
  assert.equal(days(end - 3, 5), [
    [end - 3, 3, []],
    [end, 2, [7, 8]],
  ])
  assert.equal(days(end, 48), [[end, 48, [7, 8, 9]]])
  assert.equal(days(day - 49, 1), [])
})

test('replayed, reordered, reflected and altered asks are not answered', () => {
  const { say, wake, sealed, ask } = conversation(5)
  const link = wake()
  const first = sealed(link, 1, ask)
  assert.is(say(first).length, 1)
  assert.is(say(first).length, 0, 'the same ask again')
  const third = sealed(link, 3, ask)
  assert.is(say(third).length, 1)
  assert.is(say(sealed(link, 2, ask)).length, 0, 'an older counter')
  const fourth = sealed(link, 4, ask)
  for (const at of [0, 1, 3, 20, fourth.length - 1]) {
    const bad = fourth.slice()
    bad[at]! ^= 4
    assert.is(say(bad).length, 0, `byte ${at} altered`)
  }
  assert.is(say(fourth.subarray(0, 12)).length, 0, 'cut short')
  const again = wake()
  assert.not.equal(again.session, link.session)
  assert.is(say(fourth).length, 0, 'an ask of an earlier session')
})

test('a wake for another meter wakes no other, and a sleeping meter does not answer', () => {
  const { say, sealed, ask, wake } = conversation(6)
  const link = { hostNonce: new Uint8Array(8), boot: 1, session: 1 }
  assert.is(say(sealed(link, 1, ask)).length, 0)
  assert.is(say(encodeWake(euiToBytes('00-DB-12-34-56-78-90-A1'), new Uint8Array(8))).length, 0)
  const awake = wake()
  assert.is(say(sealed(awake, 1, encodeAsk('sleep', {}))).length, 0)
  assert.is(say(sealed(awake, 2, ask)).length, 0, 'asleep again')
})

test('when the session numbers of a start are used up, the boot count is incremented and no nonce repeats', () => {
  const { wake, say, sealed, ask, meter } = conversation(10)
  const first = wake()
  for (let session = 2; session < sessionsPerBootMax; session++) {
    meter.meter().received(encodeFrame(encodeWake(euiToBytes(eui), first.hostNonce)))
    meter.meter().step()
  }
  const last = wake()
  assert.equal([last.boot, last.session], [first.boot, sessionsPerBootMax])
  const next = wake()
  assert.equal([next.boot, next.session], [first.boot + 1, 1])
  assert.is(say(sealed(next, 1, ask)).length, 1)
  meter.off()
  meter.on()
  assert.is(wake().boot, first.boot + 2, 'the count is in flash')
})

test('two wakes that wait together do not step over the last session number', () => {
  const { wake, meter, say } = conversation(11)
  const first = wake()
  const wakeAgain = encodeFrame(encodeWake(euiToBytes(eui), first.hostNonce))
  for (let session = 2; session < sessionsPerBootMax; session++) {
    meter.meter().received(wakeAgain)
    meter.meter().step()
  }
  meter.meter().received(wakeAgain)
  const next = say(encodeWake(euiToBytes(eui), first.hostNonce)).at(-1)
  assert.ok(next?.kind === 'awake')
  assert.equal(next?.kind === 'awake' && [next.boot, next.session], [first.boot + 1, 1])
})

test('a clock is set by more than a day ahead only when that is confirmed; back, and when the time is lost, always', () => {
  const { say, wake, sealed, clock } = conversation(8)
  const link = wake()
  let counter = 0
  const set = (aheadMs: number, confirmed: number) => {
    counter += 1
    const [answer] = say(sealed(link, counter, encodeAsk('setClock', { utcMs: clock.nowMs() + aheadMs, confirmed })))
    assert.ok(answer?.kind === 'answer')
    return decodeAnswer('setClock', open(answer.sealed, nonceOf(kind.lastAnswer, link, counter, 0), key)!)
  }
  const day = 48 * halfHourMs
  assert.equal(set(day + 1000, 0), { error: errorCode.unconfirmed })
  assert.equal(set(day, 0), { fields: { stepMs: day } })
  assert.equal(set(0, 0), { fields: { stepMs: -day } })
  assert.equal(set(3 * day, 1), { fields: { stepMs: 3 * day } })
  assert.equal(set(0, 0), { fields: { stepMs: -3 * day } })
})

test('an awake meter sleeps when it receives nothing', () => {
  const { say, wake, sealed, ask, clock, meter } = conversation(7)
  const link = wake()
  clock.set(clock.nowMs() + sessionIdleMs + 1)
  meter.meter().step()
  assert.is(say(sealed(link, 1, ask)).length, 0)
})

test('a wake of another version is answered with ours, and opens nothing', () => {
  const { say, sealed, ask } = conversation(8)
  const packet = encodeWake(euiToBytes(eui), new Uint8Array(8))
  packet[0] = 0x31
  const [awake] = say(packet)
  assert.ok(awake?.kind === 'awake' && awake.version === lineVersion)
  assert.is(say(sealed({ hostNonce: new Uint8Array(8), boot: awake.boot, session: awake.session }, 1, ask)).length, 0)
})

test('what the meter cannot do it refuses with a code', () => {
  const { say, wake, sealed } = conversation(9)
  const link = wake()
  let counter = 0
  const refusalOf = (message: Uint8Array) => {
    counter += 1
    const [answer] = say(sealed(link, counter, message))
    assert.ok(answer?.kind === 'answer' && answer.last)
    return decodeAnswer('readProfile', open(answer.sealed, nonceOf(kind.lastAnswer, link, counter, 0), key)!)
  }
  assert.equal(refusalOf(encodeCbor([99])), { error: errorCode.unknownMessage })
  assert.equal(refusalOf(encodeCbor('x')), { error: errorCode.malformed })
  assert.equal(refusalOf(encodeCbor([1, 0, 5, 0])), { error: errorCode.outOfRange })
  assert.equal(refusalOf(encodeCbor([1, 4, 5, 1])), { error: errorCode.outOfRange })
  assert.equal(refusalOf(encodeCbor([12, 7, new Uint8Array(10)])), { error: errorCode.versionConflict })
  assert.equal(refusalOf(encodeCbor([12, 1, new Uint8Array(10)])), { error: errorCode.outOfRange })
  assert.equal(refusalOf(encodeCbor([13, 1])), { error: errorCode.malformed })
})

test.run()
