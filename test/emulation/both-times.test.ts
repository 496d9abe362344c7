// The same requests on real and on virtual time give the same answers, but for their stamps.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Bench, ReadOptions } from '../../emulation/bench-api.ts'
import { startBench } from '../../emulation/testing.ts'
import { dayMs, halfHourMs } from '../../protocol/half-hour.ts'

const today = Math.floor(Date.now() / dayMs) * dayMs

/** Requests in order: from the meter, from the cache, daily, registers, refused, of a window without readings. */
const requests: readonly (readonly [srv: string, options: ReadOptions])[] = [
  ['4.8.1', { as: 'supplier' }],
  ['4.8.1', { as: 'mdr' }],
  ['4.8.1', { as: 'mdr', from: today - 5 * dayMs, to: today }],
  ['4.8.2', { as: 'supplier', from: today - 2 * dayMs, to: today - dayMs }],
  ['4.8.3', { as: 'network-operator' }],
  ['4.6.1', { as: 'mdr', from: today - 4 * dayMs, to: today }],
  ['4.1.1', { as: 'supplier' }],
  ['4.2', { as: 'supplier' }],
  ['4.8.1', { as: 'mdr', from: '1999-06-01', to: '1999-06-02' }],
  ['4.8.1', { as: 'supplier', from: today - 400 * dayMs, to: today - 399 * dayMs }],
]

/** A message without what belongs to one run: counters of requests, signatures, and when it was made. */
function comparable(xml: string): string {
  return xml
    .replace(/((?:[0-9A-F]{2}-){7}[0-9A-F]{2}:(?:[0-9A-F]{2}-){7}[0-9A-F]{2}):\d+/g, '$1:N')
    .replace(
      /<([\w:]*(?:SignatureValue|DigestValue|X509SerialNumber|OriginatorCounter|ResponseDateTime))>[^<]*</g,
      '<$1>…<',
    )
    .replace(/(ServiceReferenceVariant><[\w:]*Timestamp)>[^<]*</g, '$1>…<')
}

async function answersOf(bench: Bench) {
  const answers = []
  for (const [srv, options] of requests) {
    const { acknowledgement, code, entries, dailyReads, registers, explanation, xml } = await bench.read(srv, options)
    answers.push({
      srv,
      acknowledgement,
      code,
      entries,
      dailyReads,
      registers,
      explanation: explanation?.replace(/\d+(\.\d+)? ms/g, 'N ms'),
      xml: comparable(xml),
    })
  }
  return answers
}

test('the same requests on real and on virtual time give the same answers, stamps aside', async () => {
  // Where registers change between the two, they are asked in the next half-hour.
  const leftMs = halfHourMs / 2 - (Date.now() % (halfHourMs / 2))
  const isNear = leftMs < 60_000
  await using real = await startBench({ time: 'real', days: 6, seed: 7 })
  await using virtual = await startBench({ at: Date.now(), days: 6, seed: 7 })
  const [onReal, onVirtual] = [await answersOf(real), await answersOf(virtual)]
  assert.equal(
    onVirtual.map(({ code }) => code),
    ['I0', 'I0', 'I0', 'I0', 'I0', 'I0', 'I0', 'I0', onReal[8]?.code, onReal[9]?.code],
  )
  assert.is.not(onReal[8]?.code, 'I0')
  assert.ok(onVirtual[1]?.entries.every(({ source }) => source === 'cache'))
  for (const [i, answer] of onReal.entries()) {
    if (isNear && answer.registers !== undefined) continue
    const { xml, ...plain } = answer
    const { xml: other, ...otherPlain } = onVirtual[i]!
    assert.equal(otherPlain, plain, answer.srv)
    const at = [...xml].findIndex((character, k) => character !== other[k])
    assert.ok(xml === other, `${answer.srv}: …${xml.slice(at - 200, at + 100)}\n…${other.slice(at - 200, at + 100)}`)
  }
})

test.run()
