// What is written into SMETSData reads back unchanged, is valid by the schema, and keeps the schema's order.

import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRandom } from '../../../emulation/random.ts'
import { srvTable } from '../../../host/catalogue/srv-table.ts'
import { bodies } from '../../../host/duis/bodies.ts'
import { formatRequest, formatSmets1Response } from '../../../host/duis/format.ts'
import { parseRequest } from '../../../host/duis/parse.ts'
import * as payload from '../../../host/duis/payload.ts'
import { parseResponse, type ServiceResponse } from '../../../host/duis/read-response.ts'
import { isDeviceRequest, periodOf, requestIdOf } from '../../../host/duis/request.ts'
import { esmeEui, nowMs, parties } from '../../support/bench/duis-parties.ts'
import { duisSchema } from '../../support/bench/duis-schema.ts'

const { mdr, dsp, s1sp } = parties()
const requestId = requestIdOf(mdr.eui, esmeEui, 7n)

/** The payload in a signed response, checked and read again. */
async function through(variant: string, content: string): Promise<ServiceResponse> {
  const answer = { requestId, code: 'I0', nowMs, serviceReferenceVariant: variant, dsp: dsp.signer, s1sp: s1sp.signer }
  const xml = formatSmets1Response(answer, content)
  assert.equal(duisSchema().validate(xml), [], xml)
  const parsed = parseResponse(Buffer.from(xml))
  if (!parsed.ok) throw new Error(parsed.detail)
  return parsed.response
}

const plain = { noNullPrototype: true }
const energy = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }).map((value) => value % 1e15)
const stampMs = fc.integer({ min: 0, max: 4e9 }).map((seconds) => seconds * 1000)
const perhaps = fc.option(energy, { nil: undefined })
/** Without what is not there. */
const bare = (entry: object) => Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== undefined))

test('4.8.1, 4.8.2, 4.8.3: half-hours', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.record({ stampMs, wh: energy }, plain), { maxLength: 60 }), async (entries) => {
      assert.equal((await through('4.8.1', payload.importProfilePayload(entries))).entries, entries)
    }),
    { numRuns: 30 },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(fc.record({ stampMs, varh: energy }, plain), { maxLength: 60 }), async (entries) => {
      assert.equal((await through('4.8.2', payload.reactiveImportProfilePayload(entries))).entries, entries)
    }),
    { numRuns: 30 },
  )
  const both = fc.record({ stampMs, wh: perhaps, varh: perhaps }, plain)
  const some = fc.array(
    both.filter(({ wh, varh }) => wh !== undefined || varh !== undefined),
    { maxLength: 60 },
  )
  await fc.assert(
    fc.asyncProperty(some, async (entries) => {
      assert.equal((await through('4.8.3', payload.exportProfilePayload(entries))).entries, entries.map(bare))
    }),
    { numRuns: 30 },
  )
})

test('4.1.1 and 4.2: registers', async () => {
  await fc.assert(
    fc.asyncProperty(energy, perhaps, async (activeWh, reactiveVarh) => {
      const registers = { activeWh, ...(reactiveVarh !== undefined && { reactiveVarh }) }
      assert.equal((await through('4.1.1', payload.importRegistersPayload(registers))).registers, {
        direction: 'import',
        ...registers,
      })
      assert.equal((await through('4.2', payload.exportRegistersPayload(registers))).registers, {
        direction: 'export',
        ...registers,
      })
    }),
    { numRuns: 30 },
  )
})

test('4.6.1: daily reads with their matrices', async () => {
  const entry = fc.record({ stampMs, importWh: energy, tariffWh: fc.array(energy, { maxLength: 48 }) }, plain)
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { maxLength: 31 }), async (entries) => {
      assert.equal((await through('4.6.1', payload.dailyReadLogPayload(entries))).dailyReads, entries)
    }),
    { numRuns: 30 },
  )
})

test('children stand in the order of the MMC schema, which is not the same everywhere', async () => {
  const orders: [string, string, string[]][] = [
    [
      '4.6.1',
      payload.dailyReadLogPayload([{ stampMs: nowMs, importWh: 1, tariffWh: [1] }]),
      ['Timestamp', 'Electricity'],
    ],
    ['4.8.1', payload.importProfilePayload([{ stampMs: nowMs, wh: 1 }]), ['Timestamp', 'Electricity']],
    [
      '4.8.2',
      payload.reactiveImportProfilePayload([{ stampMs: nowMs, varh: 1 }]),
      ['ReactiveEnergyImportedValue', 'Timestamp'],
    ],
    [
      '4.8.3',
      payload.exportProfilePayload([{ stampMs: nowMs, wh: 1, varh: 2 }]),
      ['ActiveEnergyExportedValue', 'ReactiveEnergyExportedValue', 'Timestamp'],
    ],
  ]
  for (const [variant, content, names] of orders) {
    const entry = (await through(variant, content)).payload!.children[0]!
    assert.equal(
      entry.children.map(({ name }) => name),
      names,
      variant,
    )
  }
})

test('more entries than the schema has room for, and what is no energy, are not written', () => {
  const many = (count: number) => Array(count).fill({ stampMs: 0, wh: 0, varh: 0, importWh: 0, activeWh: 0 })
  assert.throws(() => payload.reactiveImportProfilePayload(many(4465)), /4464/)
  assert.throws(() => payload.exportProfilePayload(many(4465)), /4464/)
  assert.throws(() => payload.dailyReadLogPayload(many(32)), /31/)
  assert.throws(() => payload.dailyReadLogPayload([{ stampMs: 0, importWh: 0, tariffWh: Array(49).fill(0) }]), /48/)
  for (const value of [-1, 0.5, Number.NaN, 2 ** 53]) {
    assert.throws(() => payload.reactiveImportProfilePayload([{ stampMs: 0, varh: value }]), RangeError)
    assert.throws(() => payload.exportProfilePayload([{ stampMs: 0, wh: undefined, varh: value }]), RangeError)
    assert.throws(() => payload.dailyReadLogPayload([{ stampMs: 0, importWh: 0, tariffWh: [value] }]), RangeError)
    assert.throws(() => payload.exportRegistersPayload({ activeWh: value }), RangeError)
  }
})

test('a response that holds no numbers where they belong is refused, not read as zero', async () => {
  const answer = { requestId, code: 'I0', nowMs, serviceReferenceVariant: '4.8.3', dsp: dsp.signer, s1sp: s1sp.signer }
  const cases: [string, string, string][] = [
    [payload.exportProfilePayload([{ stampMs: nowMs, wh: 7, varh: 8 }]), '>7<', '>x<'],
    [payload.exportProfilePayload([{ stampMs: nowMs, wh: 7, varh: 8 }]), '>8<', '><'],
    [payload.reactiveImportProfilePayload([{ stampMs: nowMs, varh: 8 }]), '2026-11-22', '2026-13-22'],
    [payload.importRegistersPayload({ activeWh: 7 }), '>7<', '>7.5<'],
    [payload.dailyReadLogPayload([{ stampMs: nowMs, importWh: 7 }]), '>7<', '>1e3<'],
    [payload.dailyReadLogPayload([{ stampMs: nowMs, importWh: 7, tariffWh: [1] }]), 'index="1"', 'index="0"'],
    [payload.dailyReadLogPayload([{ stampMs: nowMs, importWh: 7, tariffWh: [1] }]), 'index="1"', 'index="99999999"'],
  ]
  for (const [content, from, to] of cases) {
    assert.ok(content.includes(from), content)
    assert.not.ok(parseResponse(Buffer.from(formatSmets1Response(answer, content.replace(from, to)))).ok, content)
  }
})

const reads = srvTable.filter(({ endpoint }) => endpoint === 'serviceS')
const hasPeriod = (bodyName: string) => bodies[bodyName]!.kind === 'log'
const period = { startMs: nowMs - 86_400_000, endMs: nowMs }

test('each request body is written valid, and read as it was written', () => {
  for (const { variant, bodyName } of reads) {
    for (const executionMs of [undefined, nowMs + 3_600_000]) {
      const fields = { ...(hasPeriod(bodyName) && { period }), ...(executionMs !== undefined && { executionMs }) }
      const xml = formatRequest({ requestId, serviceReferenceVariant: variant, ...fields })
      assert.equal(duisSchema().validate(xml), [], xml)
      const parsed = parseRequest(Buffer.from(xml))
      assert.ok(parsed.ok, variant)
      if (!parsed.ok || !isDeviceRequest(parsed.request))
        throw new Error(`${variant} is not read as a request to a device`)
      assert.is(parsed.request.bodyName, bodyName)
      assert.equal([periodOf(parsed.request), parsed.request.executionMs], [fields.period, executionMs])
    }
  }
})

test('a body with anything else in it is refused with a reason, whatever it is', () => {
  for (const { variant, bodyName } of reads) {
    const fields = hasPeriod(bodyName) ? { period } : {}
    const good = formatRequest({ requestId, serviceReferenceVariant: variant, executionMs: nowMs, ...fields })
    const [open, close] = [`<sr:${bodyName}>`, `</sr:${bodyName}>`]
    const executed = /<sr:ExecutionDateTime>.*<\/sr:ExecutionDateTime>/.exec(good)![0]
    const window = /<sr:ReadLogPeriod>.*<\/sr:ReadLogPeriod>/.exec(good)?.[0]
    const changed: [string, string][] = [
      ['an unknown child', good.replace(close, `<sr:ForSettlement>true</sr:ForSettlement>${close}`)],
      ['an attribute', good.replace(open, `<sr:${bodyName} forSettlement="true">`)],
      ['the flag with another value', good.replace(open, `<sr:${bodyName} ForSettlement="yes">`)],
      ['the flag in a namespace', good.replace(open, `<sr:${bodyName} sr:ForSettlement="true">`)],
      ['the flag on the root', good.replace('schemaVersion=', 'ForSettlement="true" schemaVersion=')],
      ['text', good.replace(open, `${open}now`)],
      ['a child twice', good.replace(executed, executed + executed)],
      ['a child of another namespace', good.replace(executed, executed.replaceAll('sr:', 'ds:'))],
      ['a date that is none', good.replace(executed, executed.replace('T00:', 'T25:'))],
      ['an empty date', good.replace(executed, '<sr:ExecutionDateTime></sr:ExecutionDateTime>')],
      ['a date with a child', good.replace(executed, executed.replace('>2026', '><sr:a></sr:a>2026'))],
      ['a second body', good.replace(close, `${close}${open}${close}`)],
      ['another body', good.replace(open, '<sr:ReadTariff>').replace(close, '</sr:ReadTariff>')],
    ]
    if (window === undefined) {
      const period = '<sr:ReadLogPeriod><sr:StartDateTime>2026-11-21T00:00:00Z</sr:StartDateTime></sr:ReadLogPeriod>'
      changed.push(['a window where there is none', good.replace(close, period + close)])
    } else {
      changed.push(['no window', good.replace(window, '')])
      changed.push(['half a window', good.replace(/<sr:EndDateTime>.*<\/sr:EndDateTime>/, '')])
      changed.push(['the wrong order', good.replace(executed, '').replace(window, window + executed)])
      changed.push(['two windows', good.replace(window, window + window)])
    }
    for (const [name, xml] of changed) {
      assert.not.equal(xml, good, `${variant}, ${name}: the case changes nothing`)
      const parsed = parseRequest(Buffer.from(xml))
      assert.not.ok(parsed.ok, `${variant}, ${name}`)
      if (parsed.ok) continue
      assert.match(parsed.code, /^E(11|48)$/, `${variant}, ${name}`)
      assert.ok(parsed.detail.length > 5)
      assert.is(parsed.header?.requestId?.counter, 7n, `${variant}, ${name}`)
    }
  }
})

test('bytes turned, lost and doubled in any request never throw', () => {
  const random = createRandom(11)
  for (const { variant, bodyName } of reads) {
    const fields = hasPeriod(bodyName) ? { period } : {}
    const good = Buffer.from(formatRequest({ requestId, serviceReferenceVariant: variant, ...fields }))
    for (let i = 0; i < 300; i++) {
      const bytes = [...good]
      for (let change = 0; change <= random.below(4); change++) {
        const at = random.below(bytes.length)
        const how = random.below(3)
        if (how === 0) bytes[at] = random.below(256)
        else if (how === 1) bytes.splice(at, 1 + random.below(30))
        else bytes.splice(at, 0, ...bytes.slice(at, at + random.below(60)))
      }
      parseRequest(Uint8Array.from(bytes))
    }
  }
})

test.run()
