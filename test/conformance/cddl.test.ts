// The CDDL of protocol/SPEC.md against the message table, both ways: what the page allows the code takes, what the code takes or
// a meter says the page allows.

import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRandom } from '../../emulation/random.ts'
import { defaultConfiguration, encodeConfiguration } from '../../firmware/settings.ts'
import { type CborValue, decodeCbor, encodeCbor } from '../../protocol/cbor.ts'
import { messageBytesMax } from '../../protocol/limits.ts'
import { decodePacket, encodeSealedAsk, encodeWake, kind, nonceOf } from '../../protocol/link.ts'
import { askLimits, errorCode, messageCode, takeAsk } from '../../protocol/message-layout.ts'
import { decodeAnswer, decodeAsk, encodeAsk, type MessageName } from '../../protocol/messages.ts'
import { open, seal } from '../../protocol/seal.ts'
import { type CddlType, camel, fieldNames, isOf, parseCddl, valuesOf } from '../support/model/cddl.ts'
import { repositoryText } from '../support/repository.ts'
import { createRawMeter } from '../support/sim/raw-meter.ts'

const spec = repositoryText('protocol/SPEC.md')
const cddl = parseCddl(/```cddl\n([\s\S]*?)```/.exec(spec)![1]!)
const names = Object.keys(messageCode) as MessageName[]

function choicesOf(rule: string): string[] {
  const type = cddl.rules.get(rule)
  if (type?.is !== 'choice') throw new Error(`${rule} is no choice`)
  return type.of.map((one) => (one.is === 'rule' ? one.name : ''))
}

/** The rule of the answer to each code, as the comments say: "to 2, 3, 4". */
const answerRules = new Map(
  choicesOf('answer').flatMap((rule) => {
    const codes = /^ to ([\d, ]+)/.exec(cddl.comments.get(rule) ?? '')?.[1] ?? ''
    return codes
      .split(',')
      .filter((code) => code.trim() !== '')
      .map((code) => [Number(code), rule] as const)
  }),
)
const typeOf = (rule: string): CddlType => ({ is: 'rule', name: rule })
const isAsk = (value: CborValue) => isOf(cddl, typeOf('ask'), value)

/** Values that fit one message. */
function messagesOf(rule: string): fc.Arbitrary<CborValue> {
  return valuesOf(cddl, typeOf(rule)).filter((value) => sizeOf(value) <= messageBytesMax)
}

function sizeOf(value: CborValue): number {
  try {
    return encodeCbor(value).length
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

test('the page has every message of the table, with its code and its fields in order', () => {
  const rules = choicesOf('ask')
  assert.equal(rules.map(camel), names)
  for (const rule of rules) {
    const name = camel(rule) as MessageName
    const type = cddl.rules.get(rule)!
    assert.equal(type.is === 'array' && type.of[0]!.type, {
      is: 'range',
      from: messageCode[name],
      to: messageCode[name],
    })
    const [sample] = fc.sample(messagesOf(rule), { numRuns: 1, seed: 1 })
    const ask = decodeAsk(encodeCbor(sample!))
    assert.equal('fields' in ask ? Object.keys(ask.fields) : ask, fieldNames(cddl, rule))
  }
  assert.equal(
    [...answerRules.keys()].sort((a, b) => a - b),
    Object.values(messageCode).slice(1),
  )
  for (const [code, rule] of answerRules) {
    const [sample] = fc.sample(messagesOf(rule), { numRuns: 1, seed: 1 })
    const answer = decodeAnswer(names[code]!, encodeCbor(sample!))
    assert.equal(answer && 'fields' in answer ? Object.keys(answer.fields) : answer, fieldNames(cddl, rule))
  }
})

test('every ask that the page allows is taken, by the meter and by the bridge', () => {
  for (const rule of choicesOf('ask')) {
    fc.assert(
      fc.property(messagesOf(rule), (items) => {
        const bytes = encodeCbor(items)
        const fields = (items as CborValue[]).slice(1)
        assert.equal(takeAsk(bytes), { code: (items as number[])[0], fields })
        const ask = decodeAsk(bytes)
        assert.equal('fields' in ask ? Object.values(ask.fields) : ask, fields)
      }),
    )
  }
})

test('every answer that the page allows is read', () => {
  for (const [code, rule] of answerRules) {
    fc.assert(
      fc.property(messagesOf(rule), (items) => {
        const answer = decodeAnswer(names[code]!, encodeCbor(items))
        assert.equal(
          answer && 'fields' in answer ? Object.values(answer.fields) : answer,
          (items as CborValue[]).slice(1),
        )
      }),
    )
  }
  fc.assert(
    fc.property(messagesOf('refusal'), (items) => {
      assert.equal(decodeAnswer('readProfile', encodeCbor(items)), { error: (items as number[])[0] })
    }),
  )
})

test('an ask is taken exactly when the page allows it', () => {
  // At and around every limit of the table, and arrays of anything.
  const item: fc.Arbitrary<CborValue> = fc.oneof(
    fc.integer({ min: -3, max: 20 }),
    fc.maxSafeInteger(),
    fc.constantFrom(3145727, 3145728, 19056, 19057, 65535, 65536, 65537, 16777215, 16777216, 4294967295, 4294967296),
    fc.uint8Array({ maxLength: 8 }).map((bytes) => new Uint8Array(bytes)),
    fc.constantFrom<CborValue>('a', true, null),
  )
  const arrays = fc.tuple(fc.integer({ min: -1, max: 15 }), fc.array(item, { maxLength: 4 }))
  let taken = 0
  const check = (items: CborValue[]) => {
    const bytes = encodeCbor(items)
    const allowed = isAsk(items)
    assert.is(takeAsk(bytes).code >= 0, allowed, JSON.stringify(items))
    assert.is(!('error' in decodeAsk(bytes)), allowed, JSON.stringify(items))
    if (allowed) taken += 1
  }
  fc.assert(
    fc.property(arrays, ([code, rest]) => check([code, ...rest])),
    { numRuns: 5000 },
  )
  for (const name of names) {
    const limits = askLimits(messageCode[name])!
    const usual = Array.from(
      { length: limits.length / 2 },
      (_, i): CborValue => (limits[2 * i]! < 0 ? new Uint8Array(2) : limits[2 * i]!),
    )
    check([messageCode[name], ...usual])
    for (const [i] of usual.entries()) {
      for (const value of [limits[2 * i]! - 1, limits[2 * i]!, limits[2 * i + 1]!, limits[2 * i + 1]! + 1]) {
        check([messageCode[name], ...usual.with(i, value)])
      }
    }
  }
  assert.ok(taken > 100)
})

test('the errors are those of the code', () => {
  const table = spec.slice(spec.indexOf('| error |'), spec.indexOf('The first thing that is wrong'))
  const rows = [...table.matchAll(/^\| (\d) +\| ([a-z ]+?) +\|/gm)].map(([, code, name]) => [
    camel(name!.replaceAll(' ', '-')),
    Number(code),
  ])
  assert.equal(Object.fromEntries(rows), { ...errorCode })
  const codes = Object.values(errorCode)
  assert.equal(cddl.rules.get('error'), { is: 'range', from: Math.min(...codes), to: Math.max(...codes) })
})

test('whatever a meter is asked, it answers as SPEC.md specifies', () => {
  const random = createRandom(11)
  const key = random.bytes(32)
  const eui = random.bytes(8)
  const raw = createRawMeter(eui, key, Date.UTC(2026, 10, 1))
  raw.live(400, () => [random.below(300), random.below(20), random.below(50), 0])
  const say = (packet: Uint8Array) => raw.say(packet).map((bytes) => decodePacket(bytes)!)
  const seen = new Set<string>()
  const answersTo = (message: Uint8Array): CborValue[] => {
    const hostNonce = random.bytes(8)
    const awake = say(encodeWake(eui, hostNonce)).at(-1)
    if (awake?.kind !== 'awake') throw new Error('it does not wake')
    const link = { hostNonce, boot: awake.boot, session: awake.session }
    return say(encodeSealedAsk(1, seal(message, nonceOf(kind.ask, link, 1, 0), key))).map((packet, i, all) => {
      if (packet.kind !== 'answer') throw new Error('no answer')
      assert.equal([packet.counter, packet.block, packet.last], [1, i, i === all.length - 1])
      const nonce = nonceOf(packet.last ? kind.lastAnswer : kind.answer, link, 1, packet.block)
      return decodeCbor(open(packet.sealed, nonce, key)!)!
    })
  }
  const check = (message: Uint8Array, code: number | undefined) => {
    const answers = answersTo(message)
    if (code === messageCode.sleep) assert.equal(answers, [])
    else assert.ok(answers.length > 0)
    for (const answer of answers) {
      const rule = code === undefined ? undefined : answerRules.get(code)
      const isRefusal = isOf(cddl, typeOf('refusal'), answer)
      assert.ok(isRefusal || (rule !== undefined && isOf(cddl, typeOf(rule), answer)), JSON.stringify(answer))
      seen.add(isRefusal ? `error ${(answer as number[])[0]}` : rule!)
    }
  }

  const today = Math.floor(raw.nowMs() / 86400000)
  const settings = encodeConfiguration(defaultConfiguration())
  check(encodeAsk('readProfile', { channel: 0, firstHalfHour: (today - 7) * 48, count: 400 }), 1)
  check(encodeAsk('writeSettings', { version: 1, settings }), 12)
  for (const rule of choicesOf('ask')) {
    for (const items of fc.sample(messagesOf(rule), { numRuns: 12, seed: 5 })) {
      const code = (items as number[])[0]!
      // The time is left as it is: set to any, the meter would have no day to tell of.
      if (code !== messageCode.setClock) check(encodeCbor(items), code)
    }
  }
  check(encodeAsk('setClock', { utcMs: raw.nowMs() + 500, confirmed: 1 }), 9)
  check(encodeCbor([1, 4, 0, 1]), undefined)
  for (let i = 0; i < 300; i++) {
    const message = random.bytes(1 + random.below(12))
    if (takeAsk(message).code < 0) check(message, undefined)
  }
  for (const rule of new Set(answerRules.values())) assert.ok(seen.has(rule), rule)
  for (const error of [1, 2, 3, 6]) assert.ok(seen.has(`error ${error}`), `error ${error}`)
})

test('a specification that differs is detected', () => {
  const other = parseCddl('ask = [1, channel]\nchannel = 0..2 ; one is missing')
  assert.is(isOf(other, { is: 'rule', name: 'ask' }, [1, 2]), true)
  assert.is(isOf(other, { is: 'rule', name: 'ask' }, [1, 3]), false)
  for (const text of ['a = b', 'a = [1', 'a = 1\na = 2', 'a = {1}', 'a = 1..x'])
    assert.throws(() => parseCddl(text), text)
})

test.run()
