import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { responseCodes } from '../../../host/catalogue/response-code.ts'
import { bodies } from '../../../host/duis/bodies.ts'
import * as format from '../../../host/duis/format.ts'
import { parseRequest } from '../../../host/duis/parse.ts'
import * as payload from '../../../host/duis/payload.ts'
import { parseResponse, type ServiceResponse, verifyResponse } from '../../../host/duis/read-response.ts'
import { requestIdOf } from '../../../host/duis/request.ts'
import { signDocument } from '../../../host/duis/sign.ts'
import { readXml, responseLimits } from '../../../host/duis/xml.ts'
import { esmeEui, nowMs, parties, vector, vectorTrust } from '../../support/bench/duis-parties.ts'
import { duisSchema } from '../../support/bench/duis-schema.ts'

const { supplier, mdr, dsp, s1sp, trust } = parties()
const requestId = requestIdOf(mdr.eui, esmeEui, 1_795_308_907_462n)
const answer = { requestId, nowMs, schemaVersion: '5.1', serviceReferenceVariant: '4.8.1', dsp: dsp.signer }
const smets1 = { ...answer, code: 'I0', s1sp: s1sp.signer }
const schedule = { id: 77n, dspEui: dsp.eui }
const halfHours = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ stampMs: nowMs + (i + 1 - count) * 1_800_000, wh: (i * 37) % 1_000 }))

function read(text: string): ServiceResponse {
  const parsed = parseResponse(Buffer.from(text))
  if (!parsed.ok) throw new Error(`${parsed.fault}: ${parsed.detail}`)
  return parsed.response
}

/** 4.8.1. */
const profileResponse = (of: typeof smets1 & { boxedCompat?: boolean }, entries: payload.ProfileEntry[]) =>
  format.formatSmets1Response(of, payload.importProfilePayload(entries))

function assertValid(text: string): void {
  assert.equal(duisSchema().validate(text), [], text)
}

function signersOf(text: string | Uint8Array, expected = {}) {
  return verifyResponse(typeof text === 'string' ? Buffer.from(text) : text, trust, { nowMs, ...expected })
}

const bothSigners = { ok: true, dspEui: '90-B3-D5-1F-30-00-00-02', s1spEui: '90-B3-D5-1F-30-00-00-0A' }

/** The text without its declaration, which is no part of the canonical form. */
const bare = (text: string) => text.replace(/^<\?xml[^>]*>\n/, '')

const payloads: Record<string, [string, string]> = {
  'no half-hours': ['4.8.1', payload.importProfilePayload([])],
  'a day': ['4.8.1', payload.importProfilePayload(halfHours(48))],
  export: ['4.8.3', payload.exportProfilePayload(halfHours(48))],
  registers: ['4.1.1', payload.importRegistersPayload({ activeWh: 12_345_678, reactiveVarh: 9 })],
  'a register': ['4.1.1', payload.importRegistersPayload({ activeWh: 0 })],
  'export registers': ['4.2', payload.exportRegistersPayload({ activeWh: 1, reactiveVarh: 2 })],
  'daily reads': [
    '4.6.1',
    payload.dailyReadLogPayload([
      { stampMs: nowMs, importWh: 5, tariffWh: Array.from({ length: 48 }, (_, i) => i) },
      { stampMs: nowMs + 86_400_000, importWh: 6 },
    ]),
  ],
}

test('every answer is valid by the schema, its own canonical form, and signed twice', async () => {
  for (const [name, [variant, content]] of Object.entries(payloads)) {
    for (const extra of [{}, { schedule }, { boxedCompat: true }, { boxedCompat: true, schedule }]) {
      const text = format.formatSmets1Response({ ...smets1, serviceReferenceVariant: variant, ...extra }, content)
      assertValid(text)
      assert.equal(signersOf(text, { dspEui: dsp.eui, s1spEui: s1sp.eui }), bothSigners, name)
      const response = read(text)
      assert.is(response.serviceReferenceVariant, variant)
      assert.is(response.scheduleId, 'schedule' in extra ? 77n : undefined)
      assert.is(response.requestId?.text, 'schedule' in extra ? undefined : requestId.text)
      assert.is(response.responseId?.text, `${esmeEui}:${mdr.eui}:1795308907462`)
      const inner = /<sr:SMETS1SignedResponse.*<\/sr:SMETS1SignedResponse>/.exec(text)?.[0]
      if ('boxedCompat' in extra) assert.is(response.kind, 'ResponseMessage')
      else assertCanonical(inner!)
    }
  }
})

function assertCanonical(text: string): void {
  const xml = readXml(Buffer.from(text), responseLimits)
  assert.ok(xml.ok)
  assert.is(xml.document.text, bare(text))
}

test('acknowledgements and failures are valid and canonical, signed and unsigned, for every code', async () => {
  for (const code of Object.keys(responseCodes)) {
    const { dsp: signer, ...unsigned } = { ...answer, code }
    for (const text of [
      format.formatResponseMessage(unsigned, ''),
      format.formatResponseMessage(unsigned, '', signer),
      format.formatFailure({ ...unsigned, dsp: signer }),
    ]) {
      assertValid(text)
      assertCanonical(text)
      assert.is(read(text).code, code)
      assert.is(read(text).requestId?.text, requestId.text)
    }
  }
  const failure = format.formatFailure({ ...answer, code: 'E21' })
  assert.is(read(failure).responseId?.originator, esmeEui)
  assert.equal(signersOf(failure, { dspEui: dsp.eui }), { ok: true, dspEui: dsp.eui })
  const content = '<sr:DSPScheduleID>77</sr:DSPScheduleID>'
  const created = format.formatResponseMessage({ ...answer, code: 'I0', serviceReferenceVariant: '5.1' }, content)
  assertValid(created)
  assert.is(read(created).scheduleId, 77n)
})

test('a request of which nothing could be read still gets a valid answer', async () => {
  const text = format.formatResponseMessage({ code: 'E48', nowMs }, '')
  assertValid(text)
  const response = read(text)
  assert.is(response.requestId, undefined)
  assert.is(response.serviceReferenceVariant, format.unreadVariant)
  assert.is(
    read(format.formatResponseMessage({ code: 'E48', nowMs, serviceReference: '8.14' }, '')).serviceReferenceVariant,
    '8.14.1',
  )
})

test('what would make an answer invalid is not written', async () => {
  const wrong = {
    E6: { code: 'E6' },
    '4\\.8\\.9': { serviceReferenceVariant: '4.8.9' },
    schemaVersion: { schemaVersion: '"' },
  }
  for (const [why, what] of Object.entries(wrong)) {
    assert.throws(() => format.formatResponseMessage({ ...answer, code: 'I0', ...what }, ''), new RegExp(why))
  }
  assert.throws(() => profileResponse(smets1, [{ stampMs: 0, wh: 0.5 }]), /0\.5/)
  assert.throws(() => profileResponse(smets1, [{ stampMs: 0, wh: -1 }]), /-1/)
  assert.throws(() => payload.importProfilePayload(Array(19_057).fill({ stampMs: 0, wh: 0 })), /19057/)
  assert.throws(() => format.formatRequest({ requestId, serviceReferenceVariant: '11.1' }), /11\.1/)
  assert.throws(() => requestIdOf(mdr.eui, esmeEui, -1n), /-1/)
})

test('thirteen months of half-hours go through', async () => {
  const entries = halfHours(19_056)
  const text = profileResponse(smets1, entries)
  assert.equal(read(text).entries, entries)
  assert.equal(signersOf(text), bothSigners)
})

test('an answer changed anywhere is noticed, by the outer or by the inner signature', async () => {
  const text = profileResponse(smets1, halfHours(4))
  const fault = (changed: string, expected = {}) => {
    assert.is.not(changed, text)
    const result = signersOf(changed, expected)
    return result.ok ? 'accepted' : result.fault
  }
  assert.is(fault(text.replace('>37<', '>38<')), 'badSignature')
  // The DSP signs anew what it changed: the S1SP's signature tells.
  const unsigned = text.replace(/(<ds:Signature>(?:(?!<ds:Signature>).)*)<\/sr:Response>$/, '</sr:Response>')
  assert.is(fault(signDocument(unsigned.replace('>37<', '>38<'), dsp.signer)), 'badSignature')
  assert.is(fault(signDocument(unsigned, dsp.signer).replace('?>\n', '?> \n')), 'accepted')
  assert.is(fault(signDocument(unsigned, supplier.signer), { dspEui: dsp.eui }), 'signerMismatch')
  assert.is(fault(`${text} `, { s1spEui: dsp.eui }), 'signerMismatch')
  assert.is(fault(unsigned), 'badSignature')
  assert.is(fault(text.replaceAll(/<ds:Signature>.*?<\/ds:Signature>/g, '')), 'unsigned')
  // A second S1SP document in a comment, for whoever searches the text.
  const inner = /<sr:SMETS1SignedResponse.*<\/sr:SMETS1SignedResponse>/.exec(text)![0]
  assert.is(fault(text.replace('<sr:Header>', `<!-- ${inner.replace('>37<', '>38<')} --><sr:Header>`)), 'badSignature')
})

test('answers in vector files, signed once and for all, stay readable', () => {
  const expected = { dspEui: dsp.eui, s1spEui: s1sp.eui, nowMs }
  for (const name of ['response-4.8.1.xml', 'response-4.8.1-boxed.xml']) {
    const response = vector(name)
    assert.equal(verifyResponse(response, vectorTrust(), expected), bothSigners)
    const energies = read(response.toString()).entries?.map(({ wh }) => wh)
    assert.equal(energies, [100, 137, 174, 211])
  }
  const acknowledgement = vector('acknowledgement-4.8.1.xml')
  const acknowledged = verifyResponse(acknowledgement, vectorTrust(), { dspEui: dsp.eui, nowMs })
  assert.equal(acknowledged, { ok: true, dspEui: dsp.eui })
  assert.is(read(acknowledgement.toString()).code, 'I99')
})

const eui = fc
  .uint8Array({ minLength: 8, maxLength: 8 })
  .map((bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0').toUpperCase()).join('-'))
const timeMs = fc.integer({ min: -62_135_596_800, max: 253_402_300_799 }).map((seconds) => seconds * 1_000)
const anyRequest = fc.record({
  id: fc.tuple(eui, eui, fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn })),
  body: fc.constantFrom(...Object.keys(bodies).filter((body) => /^(registers|log)$/.test(bodies[body]!.kind))),
  commandVariant: fc.integer({ min: 1, max: 8 }),
  schemaVersion: fc.constantFrom('1.0', '5', '5.1', '5.4'),
  executionMs: fc.option(timeMs, { nil: undefined }),
  period: fc.tuple(timeMs, timeMs).map(([a, b]) => ({ startMs: Math.min(a, b), endMs: Math.max(a, b) })),
})

test('every request we write is valid, its own canonical form, and read back as it was meant', () => {
  fc.assert(
    fc.property(anyRequest, ({ id, body, executionMs, period, ...rest }) => {
      const variant = bodies[body]!.variant
      const hasPeriod = bodies[body]!.kind === 'log'
      const fields = { ...(executionMs === undefined ? {} : { executionMs }), ...(hasPeriod ? { period } : {}) }
      const written = { requestId: requestIdOf(...id), serviceReferenceVariant: variant, ...rest, ...fields }
      const text = format.formatRequest(written)
      assertValid(text)
      assertCanonical(text)
      const parsed = parseRequest(Buffer.from(text))
      assert.ok(parsed.ok)
      const serviceReference = variant.split('.').slice(0, 2).join('.')
      assert.equal(parsed.request, { ...written, serviceReference, bodyName: body, kind: bodies[body]!.kind })
    }),
    { seed: 41, numRuns: 300 },
  )
})

test('half-hours come back as they were written, whatever they are', async () => {
  const anyEntry = fc
    .tuple(timeMs, fc.integer({ min: 0, max: 999_999_999_999_999 }))
    .map(([stampMs, wh]) => ({ stampMs, wh }))
  await fc.assert(
    fc.asyncProperty(fc.array(anyEntry, { maxLength: 60 }), fc.boolean(), async (entries, boxedCompat) => {
      const text = profileResponse({ ...smets1, boxedCompat }, entries)
      assert.equal(read(text).entries, entries)
      assertValid(text)
    }),
    { seed: 42, numRuns: 100 },
  )
})

test.run()
