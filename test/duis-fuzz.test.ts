// Requests broken at random, the same way in every run. Nothing may throw, and nothing may be accepted that says
// anything else than what was signed.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatAcknowledgement, formatProfileResponse } from '../host/duis/format.ts'
import { parseResponse, verifyResponse } from '../host/duis/read-response.ts'
import { requestIdOf } from '../host/duis/request.ts'
import { esmeEui, nowMs, parties, receive, seededChance, signedRequest } from './support/duis-parties.ts'
import { duisSchema } from './support/duis-schema.ts'

const { supplier, dsp, s1sp, trust } = parties()
const original = Buffer.from(signedRequest())
const before = receive(original).parsed
assert.ok(before.ok)
const { request } = before

test('cut off at any byte, a request is refused, and the refusal can be answered', () => {
  const whole = Buffer.from(signedRequest({ schemaVersion: '5.1', serviceReferenceVariant: '4.8.3' }))
  const answers = new Set<string>()
  for (let bytes = 0; bytes < whole.length; bytes++) {
    const { parsed } = receive(whole.subarray(0, bytes))
    if (parsed.ok) throw new Error(`accepted after ${bytes} bytes`)
    const { code, header } = parsed
    answers.add(formatAcknowledgement({ ...header, code, nowMs }))
  }
  for (const answer of answers) assert.equal(duisSchema().validate(answer), [], answer)
  // Nothing read; the version; also the RequestID; also the variant.
  assert.is(answers.size, 4)
})

const tokens = [
  '<',
  '>',
  '</',
  '/>',
  '"',
  "'",
  '&',
  ';',
  '&#0;',
  '&#13;',
  '&amp;',
  '&#x110000;',
  '<!--',
  '-->',
  '<![CDATA[',
  ']]>',
  '<?',
  '?>',
  '<?xml version="1.0"?>',
  '<!DOCTYPE',
  '<sr:Header>',
  '</sr:Body>',
  '<ds:Signature>',
  '</ds:Signature>',
  ' xmlns="u:x"',
  ' xmlns:sr="u:x"',
  ' Id="x"',
  ' xml:space="preserve"',
  ':',
  '=',
  ' ',
  '\n',
  '\r',
  '\t',
  '\0',
  '9',
  '-',
  '\uFEFF',
  '\uFFFF',
  'é',
  '𝄞',
  'sr:',
  'ds:',
  'A'.repeat(300),
  '<a>'.repeat(40),
].map((token) => Buffer.from(token))

/** A copy with one to four changes: bytes altered, removed, repeated, moved, or tokens put in. */
function mutate(bytes: Buffer, chance: () => number): Buffer {
  let text = bytes
  const below = (max: number) => Math.floor(chance() * max)
  for (let changes = 1 + below(4); changes > 0; changes--) {
    const at = below(text.length)
    const end = Math.min(text.length, at + 1 + below(chance() < 0.5 ? 3 : 200))
    const [head, middle, tail] = [text.subarray(0, at), text.subarray(at, end), text.subarray(end)]
    const kinds = [
      () => [head, Buffer.of(below(256)), text.subarray(at + 1)],
      () => [head, Buffer.of(text[at]! ^ (1 << below(8))), text.subarray(at + 1)],
      () => [head, tail],
      () => [head, middle, middle, tail],
      () => [head, tokens[below(tokens.length)]!, text.subarray(at)],
      () => [head, tokens[below(tokens.length)]!, tail],
      () => [tail, middle, head],
    ]
    text = Buffer.concat(kinds[below(kinds.length)]!())
  }
  return text
}

test('5,000 mutations: never a throw, never a changed request accepted', () => {
  const chance = seededChance(20_261_122)
  const seen: Record<string, number> = {}
  for (let i = 0; i < 5_000; i++) {
    const text = mutate(original, chance)
    const { parsed, signature } = receive(text)
    const outcome = !parsed.ok ? parsed.fault : signature?.ok ? 'accepted' : signature!.fault
    seen[outcome] = (seen[outcome] ?? 0) + 1
    if (outcome !== 'accepted' || !parsed.ok) continue
    // Only what no signature covers may differ: the declaration, comments, quotes, KeyInfo's spacing.
    assert.equal(parsed.request, request, text.toString())
    const signatureAt = parsed.document.root.children[2]!
    const covered = parsed.document.text.slice(0, signatureAt.start) + parsed.document.text.slice(signatureAt.end)
    assert.ok(before.ok)
    const originalAt = before.document.root.children[2]!
    const { text: whole } = before.document
    assert.is(covered, whole.slice(0, originalAt.start) + whole.slice(originalAt.end))
  }
  for (const outcome of ['malformed', 'schema', 'badSignature', 'unknownSigner', 'accepted']) {
    assert.ok((seen[outcome] ?? 0) > 0, `${outcome} in ${JSON.stringify(seen)}`)
  }
})

test('1,500 mutations of an answer: never a throw, never other half-hours accepted', () => {
  const chance = seededChance(7)
  const entries = [1, 2, 3].map((i) => ({ stampMs: nowMs + i * 1_800_000, wh: 100 * i }))
  const requestId = requestIdOf(supplier.eui, esmeEui, 5n)
  const answer = { requestId, code: 'I0', nowMs, serviceReferenceVariant: '4.8.1', s1sp: s1sp.signer, dsp: dsp.signer }
  for (const boxedCompat of [false, true]) {
    const good = Buffer.from(formatProfileResponse({ ...answer, boxedCompat }, entries))
    for (let i = 0; i < 750; i++) {
      const bytes = mutate(good, chance)
      const parsed = parseResponse(bytes)
      const verified = verifyResponse(bytes, trust, { nowMs, dspEui: dsp.eui, s1spEui: s1sp.eui })
      if (!verified.ok || verified.s1spEui === undefined) continue
      assert.ok(parsed.ok)
      assert.equal(parsed.response.entries, entries)
    }
  }
})

test.run()
