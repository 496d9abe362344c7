// The behaviour of a meter in protocol/SPEC.md, sections 4 to 6, tested packet by packet.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRandom } from '../../emulation/random.ts'
import { packetTable } from '../../host/trace/packet-table.ts'
import { defaultLineLimits, wakePreambleBytes } from '../../host/wan/line-limits.ts'
import { encodeFrame } from '../../protocol/frame.ts'
import * as limits from '../../protocol/limits.ts'
import {
  decodePacket,
  encodeAwake,
  encodeSealedAnswer,
  encodeSealedAsk,
  encodeWake,
  kind,
  type LinkSession,
  nonceOf,
  type SealedAnswer,
} from '../../protocol/link.ts'
import { decodeAnswer, encodeAsk } from '../../protocol/messages.ts'
import { open, seal } from '../../protocol/seal.ts'
import { repositoryText } from '../support/repository.ts'
import { createRawMeter, type RawMeter } from '../support/sim/raw-meter.ts'

const random = createRandom(21)
const key = random.bytes(32)
const eui = random.bytes(8)
const spec = repositoryText('protocol/SPEC.md')

const newMeter = () => createRawMeter(eui, key, startMs)

function wake(raw: RawMeter): LinkSession {
  const hostNonce = random.bytes(8)
  const awake = decodePacket(raw.say(encodeWake(eui, hostNonce)).at(-1)!)
  if (awake?.kind !== 'awake') throw new Error('it does not wake')
  return { hostNonce, boot: awake.boot, session: awake.session }
}

function sealed(link: LinkSession, counter: number, message: Uint8Array): Uint8Array {
  return encodeSealedAsk(counter, seal(message, nonceOf(kind.ask, link, counter, 0), key))
}

const clock = encodeAsk('readClock', {})
const sleep = encodeAsk('sleep', {})
const startMs = Date.UTC(2026, 10, 1)
const everything = encodeAsk('readProfile', { channel: 0, firstHalfHour: startMs / 1800000, count: 19056 })

/** Counter, block, last of what was said; each opens. */
function places(link: LinkSession, packets: Uint8Array[]): [number, number, boolean][] {
  return packets.map((bytes) => {
    const packet = decodePacket(bytes) as SealedAnswer
    const nonce = nonceOf(packet.last ? kind.lastAnswer : kind.answer, link, packet.counter, packet.block)
    assert.ok(open(packet.sealed, nonce, key) !== undefined)
    return [packet.counter, packet.block, packet.last]
  })
}

/** The open messages of an answer. */
function opened(link: LinkSession, packets: Uint8Array[]): Uint8Array[] {
  return packets.map((bytes) => {
    const packet = decodePacket(bytes) as SealedAnswer
    const nonce = nonceOf(packet.last ? kind.lastAnswer : kind.answer, link, packet.counter, packet.block)
    return open(packet.sealed, nonce, key)!
  })
}

test('it ignores what is not for it, and what it cannot be', () => {
  const raw = newMeter()
  const link = { hostNonce: random.bytes(8), boot: 1, session: 1 }
  const nothing = [
    encodeWake(eui, link.hostNonce).subarray(0, 16),
    Uint8Array.of(...encodeWake(eui, link.hostNonce), 0),
    encodeAwake(link),
    encodeSealedAnswer(1, 0, true, random.bytes(20)),
    sealed(link, 1, clock),
    Uint8Array.of(0x26, 1, 2, 3, 4),
    Uint8Array.of(0x23),
  ]
  for (const asleep of [encodeWake(random.bytes(8), link.hostNonce), ...nothing]) assert.equal(raw.say(asleep), [])
  const awake = wake(raw)
  for (const one of nothing) assert.equal(raw.say(one), [])
  // What came with a counter and did not open leaves the counter free.
  assert.equal(places(awake, raw.say(sealed(awake, 1, clock))), [[1, 0, true]])
})

test('a wake of another version counts a session, is answered in version 2, and wakes no meter', () => {
  const raw = newMeter()
  const before = wake(raw)
  raw.say(sealed(before, 1, sleep))
  const hostNonce = random.bytes(8)
  const other = encodeWake(eui, hostNonce)
  other[0] = 0x11
  const answer = decodePacket(raw.say(other)[0]!)
  assert.ok(answer?.kind === 'awake' && answer.version === 2)
  assert.is(answer.session, before.session + 1)
  assert.is(raw.meter.awake(), false)
  assert.equal(raw.say(sealed({ ...answer, hostNonce }, 1, clock)), [])
})

test('a preamble of any length, and pauses inside a frame, do no harm', () => {
  const raw = newMeter()
  const frame = encodeFrame(encodeWake(eui, random.bytes(8)))
  assert.is(raw.put(Uint8Array.of(...new Uint8Array(700), ...frame)).length, 1)
  assert.is(raw.put(frame.subarray(0, 9)).length, 0)
  raw.pass(9000)
  assert.is(raw.put(frame.subarray(9)).length, 1)
})

test('counters may leave some out, and never go back', () => {
  const raw = newMeter()
  const link = wake(raw)
  assert.equal(places(link, raw.say(sealed(link, 3, clock))), [[3, 0, true]])
  for (const counter of [0, 1, 2, 3]) assert.equal(raw.say(sealed(link, counter, clock)), [])
  assert.equal(places(link, raw.say(sealed(link, 65535, clock))), [[65535, 0, true]])
  // Another session begins anew; what was sealed for the old one does not open there.
  const next = wake(raw)
  assert.is(next.session, link.session + 1)
  assert.equal(raw.say(sealed(link, 1, clock)), [])
  assert.equal(places(next, raw.say(sealed(next, 1, clock))), [[1, 0, true]])
})

test('a new ask ends the answer under way, and so does a wake', () => {
  const raw = newMeter()
  raw.live(20 * 48, () => [random.below(400), 0, 0, 0])
  const link = wake(raw)
  const whole = places(link, raw.say(sealed(link, 1, everything)))
  assert.ok(whole.length > 4)
  assert.equal(
    whole,
    whole.map((_, i) => [1, i, i === whole.length - 1]),
  )
  assert.equal(places(link, raw.say(sealed(link, 2, everything), 2)), [
    [2, 0, false],
    [2, 1, false],
  ])
  assert.equal(places(link, raw.say(sealed(link, 3, clock))), [[3, 0, true]])
  raw.say(sealed(link, 4, everything), 1)
  const next = wake(raw)
  assert.is(raw.meter.busy(), false)
  assert.equal(places(next, raw.say(sealed(next, 1, clock))), [[1, 0, true]])
})

test('it sleeps on command, without an answer, or after 10 s without a valid request or a block sent', () => {
  const raw = newMeter()
  raw.live(20 * 48, () => [random.below(400), 0, 0, 0])
  const link = wake(raw)
  assert.equal(raw.say(sealed(link, 1, sleep)), [])
  assert.equal(raw.say(sealed(link, 2, clock)), [])
  const idle = wake(raw)
  raw.pass(limits.sessionIdleMs)
  assert.is(raw.meter.awake(), true)
  raw.say(sealed(link, 1, clock))
  raw.pass(1)
  assert.equal(raw.say(sealed(idle, 1, clock)), [])
  // A long answer keeps it awake.
  const long = wake(raw)
  raw.say(sealed(long, 1, everything), 1)
  for (let i = 0; i < 3; i++) raw.pass(limits.sessionIdleMs - 1)
  assert.equal(places(long, raw.say(sealed(long, 2, clock))), [[2, 0, true]])
})

test('an ask that opens and is no message is refused, also a sleep with something behind it', () => {
  const raw = newMeter()
  const link = wake(raw)
  const refusals = [Uint8Array.of(0x82, 0, 0), Uint8Array.of(0x81, 0, 0), Uint8Array.of(), Uint8Array.of(0xff)]
  for (const [i, message] of refusals.entries()) {
    const [packet] = raw.say(sealed(link, i + 1, message))
    const { sealed: answer } = decodePacket(packet!) as SealedAnswer
    const opened = open(answer, nonceOf(kind.lastAnswer, link, i + 1, 0), key)!
    assert.equal(decodeAnswer('readClock', opened), { error: 2 })
  }
  assert.is(raw.meter.awake(), true)
})

test('limits, timeouts and packets of SPEC.md are those of the code', () => {
  const numberBehind = (text: string) => {
    const row = spec.split('\n').find((line) => line.startsWith('|') && line.includes(text))
    return Number(/\| *([\d,]+)( s)? /.exec(row!.slice(row!.indexOf(text) + text.length))![1]!.replaceAll(',', ''))
  }
  assert.equal(
    [
      numberBehind('frame on the line'),
      numberBehind('packet (before CRC'),
      numberBehind('open message '),
      numberBehind('answer frames for one ask'),
      numberBehind('half-hours in one ask'),
      numberBehind('asks in one session'),
      numberBehind('nesting of CBOR'),
      numberBehind('day block '),
      numberBehind('register snapshot '),
      numberBehind('tariff switching table '),
      numberBehind('awake without an ask') * 1000,
    ],
    [
      limits.frameBytesMax,
      limits.packetBytesMax,
      limits.messageBytesMax,
      limits.answerBlocksMax,
      limits.halfHoursPerAskMax,
      limits.asksPerSessionMax,
      limits.cborDepthMax,
      limits.dayBlockBytesMax,
      limits.snapshotBytesMax,
      limits.tariffBytesMax,
      limits.sessionIdleMs,
    ],
  )
  const { awakeMs, blockMs } = defaultLineLimits
  const thousands = (number: number) => number.toLocaleString('en-GB')
  assert.ok(spec.includes(`| wait for awake | ${thousands(awakeMs)} ms + 3 frames of line time`))
  assert.ok(spec.includes(`| wait for the next block | ${thousands(blockMs)} ms + 3 frames of line time`))
  assert.ok(spec.includes(`preamble of zeros (${wakePreambleBytes} by default)`))
  for (const { code, fields } of packetTable) {
    const row = spec.split('\n').find((line) => line.startsWith(`| 2${code}h `))!
    const layout = /`([^`]+)`/.exec(row)![1]!.split(' ')
    const size = { u8: 1, u16: 2, u32: 4 } as const
    const shown = layout.map((field) => {
      const [, name, bytes, form] = /^(\w+)(?:\[(\d)\]|:(u8|u16|u32))?$/.exec(field)!
      return [name, bytes !== undefined ? Number(bytes) : form === undefined ? 'rest' : size[form as 'u8']]
    })
    assert.equal(
      shown,
      fields.map(({ name, bytes }) => [name, bytes]),
    )
  }
})

test('an answer continues without omission or repetition while half-hours and days end', () => {
  const raw = newMeter()
  raw.live(48 * 60 - 3, () => [random.below(900), 0, 0, 0])
  const lists = [
    encodeAsk('readProfile', { channel: 0, firstHalfHour: startMs / 1800000 + 100, count: 48 * 50 }),
    encodeAsk('readDailyReads', { firstDay: startMs / 86400000 + 49, count: 10 }),
    encodeAsk('readEvents', { log: 1, firstSequence: 1 }),
    encodeAsk('readBilling', { firstNumber: 2 }),
  ]
  const atOnce = wake(raw)
  for (let counter = 1; counter <= 30; counter++)
    raw.say(sealed(atOnce, counter, encodeAsk('takeBilling', { cause: 4 })))
  const whole = lists.map((list, i) => opened(atOnce, raw.say(sealed(atOnce, 31 + i, list))))
  lists.forEach((list, i) => {
    const link = wake(raw)
    const packets = raw.say(sealed(link, 1, list), 1)
    for (let steps = 0; raw.meter.busy() && steps < 100; steps++) packets.push(...raw.pass(1800000))
    const messages = opened(link, packets)
    assert.ok(messages.length > 1, `list ${i} is one block`)
    assert.equal(messages, whole[i], `list ${i}`)
  })
})

test.run()
