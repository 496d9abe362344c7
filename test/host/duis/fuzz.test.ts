// Requests broken at random, the same way in every run. Nothing may throw, and nothing may be accepted that says
// anything else than what was signed.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatResponseMessage } from '../../../host/duis/format.ts'
import { trustedSigner } from '../../../host/pki/trust.ts'
import { attacks } from '../../support/attacks/xml-attacks.ts'
import { fuzzXml } from '../../support/attacks/xml-fuzz.ts'
import { libxml2Parses, libxml2Reads, xmlCryptoAccepts } from '../../support/attacks/xml-oracles.ts'
import { nowMs, receive, signedRequest, vector } from '../../support/bench/duis-parties.ts'
import { duisSchema } from '../../support/bench/duis-schema.ts'

test('cut off at any byte, a request is refused, and the refusal can be answered', async () => {
  const whole = Buffer.from(signedRequest({ schemaVersion: '5.1', serviceReferenceVariant: '4.8.3' }))
  const answers = new Set<string>()
  for (let bytes = 0; bytes < whole.length; bytes++) {
    const { parsed } = receive(whole.subarray(0, bytes))
    if (parsed.ok) throw new Error(`accepted after ${bytes} bytes`)
    const { code, header } = parsed
    answers.add(formatResponseMessage({ ...header, code, nowMs }, ''))
  }
  for (const answer of answers) assert.equal(duisSchema().validate(answer), [], answer)
  // Nothing read; the version; also the RequestID; also the variant.
  assert.is(answers.size, 4)
})

test('2,500 attacked messages: none throws, and none is accepted that differs from what was signed or that another reader refuses', () => {
  // The same as `npm run bench -- xml`, which takes 100,000.
  const { rows, refused, problems } = fuzzXml(1, 2_500, 25)
  const again = ({ seed, problem, attack, of, document }: (typeof problems)[number]) =>
    `${problem} (${attack}, of ${of}; SEED=${seed} COUNT=1 npm run bench -- xml)\n${JSON.stringify(document)}`
  assert.is(problems.length, 0, problems.map(again).join('\n'))
  assert.equal([...rows.keys()].sort(), Object.keys(attacks).sort())
  for (const fault of ['malformed', 'schema', 'tooComplex', 'badSignature', 'unknownSigner', 'unsigned']) {
    assert.ok((refused.get(fault) ?? 0) > 0, fault)
  }
  // Spellings of the same thing are no attack.
  for (const name of ['spelling', 'comments, CDATA, references']) assert.ok(rows.get(name)!.accepted > 0, name)
})

test('the fuzzer finds what it looks for', () => {
  // An attack that changes nothing is accepted, by us and by both other readers.
  const text = vector('signed-4.8.1.xml').toString()
  const { publicKey } = trustedSigner(vector('supplier.pem').toString())
  assert.ok(libxml2Parses(Buffer.from(text)) && xmlCryptoAccepts(text, publicKey))
  assert.not.ok(libxml2Parses(Buffer.from(text.slice(1))))
  for (const from of ['>1002<', ':1002<', '2026-']) {
    const changed = text.replace(from, from.replace('2', '3'))
    if (changed !== text) assert.not.ok(xmlCryptoAccepts(changed, publicKey))
  }
  assert.not.equal(libxml2Reads(Buffer.from(text.replace('2026-', '2025-'))), libxml2Reads(Buffer.from(text)))
})

test.run()
