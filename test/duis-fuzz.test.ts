// Requests broken at random, the same way in every run. Nothing may throw, and nothing may be accepted that says
// anything else than what was signed.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { testIdentities } from '../host/cli/test-pki.ts'
import { formatAcknowledgement } from '../host/duis/format.ts'
import { parseResponse, verifyResponse } from '../host/duis/read-response.ts'
import { nowMs, receive, signedRequest, vector, vectorTrust } from './support/duis-parties.ts'
import { duisSchema } from './support/duis-schema.ts'
import { mutate } from './support/mutate.ts'
import { createRandom } from './support/random.ts'

// From files, because signatures differ from run to run and the mutations should not.
const trust = vectorTrust()
const original = vector('signed-4.8.1.xml')
const before = receive(original, trust).parsed
assert.ok(before.ok)
const { request } = before

test('cut off at any byte, a request is refused, and the refusal can be answered', async () => {
  const whole = Buffer.from(signedRequest({ schemaVersion: '5.1', serviceReferenceVariant: '4.8.3' }))
  const answers = new Set<string>()
  for (let bytes = 0; bytes < whole.length; bytes++) {
    const { parsed } = receive(whole.subarray(0, bytes))
    if (parsed.ok) throw new Error(`accepted after ${bytes} bytes`)
    const { code, header } = parsed
    answers.add(await formatAcknowledgement({ ...header, code, nowMs }))
  }
  for (const answer of answers) assert.equal(duisSchema().validate(answer), [], answer)
  // Nothing read; the version; also the RequestID; also the variant.
  assert.is(answers.size, 4)
})

test('5,000 mutations: never a throw, never a changed request accepted', () => {
  const chance = createRandom(20_261_122).next
  const seen: Record<string, number> = {}
  for (let i = 0; i < 5_000; i++) {
    const text = mutate(original, chance)
    const { parsed, signature } = receive(text, trust)
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
  const chance = createRandom(7).next
  const { dsp, s1sp } = testIdentities
  const [dspEui, s1spEui] = [dsp.eui, s1sp.eui]
  for (const name of ['response-4.8.1.xml', 'response-4.8.1-boxed.xml']) {
    const good = vector(name)
    const { entries } = readEntries(good)
    assert.is(entries?.length, 4)
    for (let i = 0; i < 750; i++) {
      const bytes = mutate(good, chance)
      parseResponse(bytes)
      const verified = verifyResponse(bytes, trust, { nowMs, dspEui, s1spEui })
      if (!verified.ok || verified.s1spEui === undefined) continue
      assert.equal(readEntries(bytes).entries, entries)
    }
  }
})

function readEntries(bytes: Uint8Array) {
  const parsed = parseResponse(bytes)
  if (!parsed.ok) throw new Error(parsed.detail)
  return parsed.response
}

test.run()
