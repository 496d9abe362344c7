// The published conversation (test/vectors/wire.json): every message of the line, sealed and open, as another meter's maker reads it.

import nacl from 'tweetnacl'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { flashFormat } from '../../firmware/flash-pages.ts'
import { decodeConfiguration, encodeConfiguration, isConfiguration } from '../../firmware/settings.ts'
import { createOpener } from '../../host/dco/opener.ts'
import { framesOf } from '../../host/trace/line-frames.ts'
import { followSessions } from '../../host/trace/sessions.ts'
import { euiToBytes, fromHex, toHex } from '../../protocol/bytes.ts'
import { type CborValue, decodeCbor } from '../../protocol/cbor.ts'
import { encodeFrame } from '../../protocol/frame.ts'
import { decodePacket, kind, nonceOf } from '../../protocol/link.ts'
import { errorCode, messageCode } from '../../protocol/message-layout.ts'
import { isOf, parseCddl } from '../support/model/cddl.ts'
import { repositoryText } from '../support/repository.ts'
import { createRawMeter } from '../support/sim/raw-meter.ts'

interface Step {
  from: 'bridge' | 'meter'
  is: 'wake' | 'awake' | 'ask' | 'answer' | 'refusal' | 'alerts'
  name?: string
  rule?: string
  counter: number
  block?: number
  nonce?: string
  open?: string
  sealed: string
  packet: string
  frame: string
}

const vectors = JSON.parse(repositoryText('test/vectors/wire.json'))
const steps: Step[] = vectors.conversation
const sealedSteps = steps.filter(({ nonce }) => nonce !== undefined)
const key = fromHex(vectors.key)
const eui = euiToBytes(vectors.eui)
const link = { ...vectors.link, hostNonce: fromHex(vectors.link.hostNonce) }
const spec = repositoryText('protocol/SPEC.md')
const cddl = parseCddl(/```cddl\n([\s\S]*?)```/.exec(spec)![1]!)

test('it has every ask, every answer and every error that the page has', () => {
  const rules = new Set(steps.map(({ rule }) => rule))
  for (const choice of ['ask', 'answer']) {
    const type = cddl.rules.get(choice)
    assert.ok(type?.is === 'choice')
    for (const one of type.of) assert.ok(one.is === 'rule' && rules.has(one.name), JSON.stringify(one))
  }
  for (const name of Object.keys(messageCode)) assert.ok(steps.some((step) => step.name === name && step.is === 'ask'))
  const errors = steps.flatMap(({ is, open }) => (is === 'refusal' ? [decodeCbor(fromHex(open!))] : []))
  assert.equal(
    errors,
    Object.values(errorCode).map((code) => [code]),
  )
})

test('frames hold packets, packets what is sealed, with nonces and seals as the whole tweetnacl package makes them', () => {
  for (const step of steps) {
    assert.is(toHex(encodeFrame(fromHex(step.packet))), step.frame)
    const packet = decodePacket(fromHex(step.packet))!
    if (step.nonce === undefined) {
      assert.is(packet.kind, step.is)
      continue
    }
    assert.ok(packet.kind === 'ask' || packet.kind === 'answer')
    const first = fromHex(step.packet)[0]!
    assert.is(packet.kind, step.from === 'bridge' ? 'ask' : 'answer')
    assert.ok(first !== kind.wake && first !== kind.awake)
    assert.equal([packet.counter, 'block' in packet ? packet.block : undefined], [step.counter, step.block])
    assert.is(toHex(packet.sealed), step.sealed)
    assert.is(toHex(nonceOf(first, link, step.counter, step.block ?? 0)), step.nonce)
    assert.is(toHex(nacl.secretbox(fromHex(step.open!), fromHex(step.nonce), key)), step.sealed)
  }
  assert.is(new Set(sealedSteps.map(({ nonce }) => nonce)).size, sealedSteps.length)
})

test('every open message matches its name in SPEC.md', () => {
  for (const { rule, open } of sealedSteps) {
    const items = decodeCbor(fromHex(open!)) as CborValue
    const type = { is: 'rule', name: rule ?? 'ask' } as const
    // An ask without a rule is one that the meter refuses.
    assert.is(isOf(cddl, type, items), rule !== undefined, open)
  }
})

test('smets1 trace opens all of it and names it', () => {
  const recorded = steps.map(({ from, frame }, i) => ({
    number: i + 1,
    line: 'a',
    atMs: i,
    direction: from === 'bridge' ? ('to meter' as const) : ('from meter' as const),
    bytes: fromHex(frame),
  }))
  const opener = createOpener({ key: () => key })
  const traced = [...followSessions(recorded.flatMap(framesOf), opener)]
  assert.is(traced.length, steps.length)
  for (const [i, { message }] of traced.entries()) {
    const { is, name, rule } = steps[i]!
    if (is === 'wake' || is === 'awake') continue
    assert.is(message?.is, rule === undefined ? 'unknown' : is)
    if (name !== undefined) assert.is(message && 'name' in message && message.name, name)
  }
})

test('a meter in that session answers each request, or refuses it as specified', () => {
  const raw = createRawMeter(eui, key, Date.UTC(2026, 10, 22))
  const { meter } = raw
  meter.state.metering.logs.journal.boots = link.boot
  meter.state.line.sessions = link.session - 1
  for (const [i, step] of steps.entries()) {
    if (step.from !== 'bridge') continue
    raw.pass(100)
    const said = raw.put(fromHex(step.frame)).map(toHex)
    if (step.is === 'wake') assert.is(said.at(-1), steps.find(({ is }) => is === 'awake')!.packet)
    const expected = steps[i + 1]
    // Errors 4 and 5 are for meters without a log; this one has all. The rest it refuses as published, byte by byte.
    const refusal = expected?.is === 'refusal' ? (decodeCbor(fromHex(expected.open!)) as number[])[0]! : 0
    if ([1, 2, 3, 6, 7].includes(refusal)) assert.equal(said, [expected!.packet])
    else if (step.name === 'sleep') assert.equal(said, [])
    else if (step.is === 'ask') assert.ok(said.length > 0, step.name)
  }
  assert.is(meter.state.line.notOpened, 0)
  assert.is(meter.awake(), false)
})

test('settings, both ways', () => {
  for (const { name, hex, tariff, ...rest } of vectors.settings) {
    const configuration = { ...rest, tariff: fromHex(tariff) }
    assert.ok(isConfiguration(fromHex(hex)), name)
    assert.is(toHex(encodeConfiguration(configuration)), hex, name)
    assert.equal(decodeConfiguration(fromHex(hex), flashFormat), configuration, name)
  }
})

test.run()
