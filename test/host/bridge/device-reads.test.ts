// Every read of a device, through the whole bridge, against the meter's own records.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { midnight, whOf } from '../../../emulation/bench.ts'
import { esme, exportParties } from '../../../emulation/bench-parties.ts'
import { createRandom } from '../../../emulation/random.ts'
import type { RequestToFormat } from '../../../host/duis/format.ts'
import { dayMs, stampOfHalfHour } from '../../../protocol/half-hour.ts'
import { type Bench, createBench } from '../../support/bench/checked-bench.ts'
import { template, unsignedTemplate } from '../../support/bench/duis-parties.ts'

const othersOf = (halfHour: number) => [1, 2, 3].map((channel) => createRandom(halfHour * 4 + channel).below(90))
const day = { period: { startMs: midnight - dayMs, endMs: midnight } }
const of = (variant: string, more: Partial<RequestToFormat> = {}) => ({ serviceReferenceVariant: variant, ...more })

async function exporting(days = 10) {
  return await createBench({ days, parties: exportParties(), othersOf })
}

/** The sum of a channel over all half-hours that the meter has lived. */
function total(b: Bench, values: (halfHour: number) => number): number {
  let sum = 0
  for (let halfHour = b.first; halfHour < b.end; halfHour++) sum += values(halfHour)
  return sum
}

test('4.1.1: the import registers, which are the sums of all half-hours', async () => {
  const b = await exporting()
  assert.is((await b.ask('mdr', of('4.1.1'))).code, 'I99')
  const { response, xml } = b.callbacks[0]!
  assert.is(response.payload?.name, 'ReadInstantaneousImportRegistersRsp')
  assert.equal(response.registers, {
    direction: 'import',
    activeWh: total(b, whOf),
    reactiveVarh: total(b, (halfHour) => othersOf(halfHour)[1]!),
  })
  assert.ok(b.verify(xml).ok)
})

test('4.2: the export registers, always read from the meter', async () => {
  const b = await exporting()
  await b.ask('supplier', of('4.2'))
  await b.ask('mdr', of('4.2'))
  for (const { response } of b.callbacks) {
    assert.equal(response.registers, {
      direction: 'export',
      activeWh: total(b, (halfHour) => othersOf(halfHour)[0]!),
      reactiveVarh: total(b, (halfHour) => othersOf(halfHour)[2]!),
    })
  }
  assert.is(b.bridge().total.wakeUps, 2, 'registers are not cached')
})

test('4.6.1: midnights in UTC, each with its register and 48 tariff registers that add up to it', async () => {
  const b = await exporting(5)
  assert.is(
    (await b.ask('mdr', of('4.6.1', { period: { startMs: midnight - 3 * dayMs, endMs: midnight } }))).code,
    'I99',
  )
  const reads = b.callbacks[0]!.response.dailyReads!
  assert.equal(
    reads.map(({ stampMs }) => stampMs),
    [midnight - 3 * dayMs, midnight - 2 * dayMs, midnight - dayMs, midnight],
  )
  for (const { stampMs, importWh, tariffWh } of reads) {
    let until = 0
    for (let halfHour = b.first; stampOfHalfHour(halfHour) <= stampMs; halfHour++) until += whOf(halfHour)
    assert.is(importWh, until)
    assert.is(tariffWh.length, 48)
    assert.is(
      tariffWh.reduce<number>((sum, wh) => sum + wh!, 0),
      until,
    )
  }
})

test('4.6.1: a tariff of two registers counts in two of the 48', async () => {
  // Register 4 from midnight, register 9 from 07:00 UTC, every day (SPEC.md section 11).
  const tariff = Uint8Array.from([0, 0, 0, 0, 2, 0, 4, 28, 9])
  const configuration = {
    pulsesPerKwh: 1000,
    deviceProfile: 0,
    dailyReads: 0,
    checkpointWh: 100,
    billingDay: 1,
    quirks: 0,
    halfHourWhMax: 41400,
    tariff,
  }
  const b = await createBench({ days: 3, configuration })
  await b.ask('supplier', of('4.6.1', day))
  const read = b.callbacks[0]!.response.dailyReads!.at(-1)
  const counting = read!.tariffWh.flatMap((wh, i) => (wh! > 0 ? [i + 1] : []))
  assert.equal(counting, [5, 10])
  let night = 0
  for (let halfHour = b.first; halfHour < b.end; halfHour++) if (halfHour % 48 < 14) night += whOf(halfHour)
  assert.is(read!.tariffWh[4], night)
})

test('4.6.1: of a window longer than the log, what the log has; of the future, nothing', async () => {
  const b = await createBench({ days: 40 })
  await b.ask('supplier', of('4.6.1', { period: { startMs: midnight - 400 * dayMs, endMs: midnight + 9 * dayMs } }))
  const reads = b.callbacks[0]!.response.dailyReads!
  assert.is(reads.length, 14, 'entries of the daily read log, as the generic device profile has them')
  assert.is(reads.at(-1)!.stampMs, midnight)
  await b.ask('supplier', of('4.6.1', { period: { startMs: midnight + dayMs, endMs: midnight + 9 * dayMs } }))
  assert.equal(b.callbacks[1]!.response.dailyReads, [])
  assert.is(b.bridge().total.wakeUps, 1)
})

test('4.8.2: half-hours of reactive import, in varh, stamped with their ends, always from the meter', async () => {
  const b = await exporting()
  for (const name of ['supplier', 'network-operator'] as const) {
    assert.is((await b.ask(name, of('4.8.2', day))).code, 'I99')
    assert.equal(
      b.callbacks.at(-1)!.response.entries,
      Array.from({ length: 49 }, (_, i) => {
        return { stampMs: stampOfHalfHour(b.end - 49 + i), varh: othersOf(b.end - 49 + i)[1]! }
      }),
    )
  }
  assert.is(b.bridge().total.wakeUps, 2, 'MP256 caches 4.6.1, 4.8.1 and 4.8.3 only')
})

test('4.8.3: active and reactive export together, both channels in one session', async () => {
  const b = await exporting()
  assert.is((await b.ask('supplier', of('4.8.3', day))).code, 'I99')
  const { response, xml } = b.callbacks[0]!
  assert.equal(
    response.entries,
    Array.from({ length: 49 }, (_, i) => {
      const [wh, , varh] = othersOf(b.end - 49 + i)
      return { stampMs: stampOfHalfHour(b.end - 49 + i), wh: wh!, varh: varh! }
    }),
  )
  const names = [...(response.payload?.children[0]?.children ?? [])].map(({ name }) => name)
  assert.equal(names, ['ActiveEnergyExportedValue', 'ReactiveEnergyExportedValue', 'Timestamp'])
  assert.ok(b.verify(xml).ok)
  const { usage } = b.answers[0]!
  assert.equal([usage.wakeUps, usage.sessions, usage.asks], [1, 1, 2])
})

test('4.8.3 and 4.8.2: at most 4,464 half-hours, the newest', async () => {
  const b = await exporting(100)
  for (const variant of ['4.8.2', '4.8.3']) {
    await b.ask('supplier', of(variant, { period: { startMs: midnight - 100 * dayMs, endMs: midnight } }))
    const { entries } = b.callbacks.at(-1)!.response
    assert.is(entries!.length, 4464, variant)
    assert.is(entries!.at(-1)!.stampMs, midnight)
  }
})

test('four parties ask for the same at once: one wake-up, and the same answer', async () => {
  for (const variant of ['4.6.1', '4.8.3']) {
    const b = await exporting()
    const names =
      variant === '4.6.1'
        ? (['supplier', 'mdr'] as const)
        : (['supplier', 'mdr', 'network-operator', 'other-user'] as const)
    for (const name of [...names, ...names])
      assert.is((await b.post(b.sign(b.request(name, of(variant)), name))).code, 'I99')
    await b.answered()
    assert.is(b.callbacks.length, 2 * names.length)
    assert.is(b.bridge().total.wakeUps, 1, variant)
    for (const { response } of b.callbacks) {
      assert.equal(response.entries, b.callbacks[0]!.response.entries)
      assert.equal(response.dailyReads, b.callbacks[0]!.response.dailyReads)
    }
  }
})

test('different reads of one meter that wait at the same time share its wake-up', async () => {
  const b = await exporting()
  for (const variant of ['4.1.1', '4.2', '4.6.1', '4.8.1', '4.8.2', '4.8.3']) {
    assert.is((await b.post(b.sign(b.request('supplier', of(variant))))).code, 'I99')
  }
  await b.answered()
  assert.equal(
    b.callbacks.map(({ response }) => response.code),
    ['I0', 'I0', 'I0', 'I0', 'I0', 'I0'],
  )
  assert.equal([b.bridge().total.wakeUps, b.bridge().total.sessions], [1, 1])
  const bytes = b.answers.reduce((sum, { usage }) => sum + usage.bytesOut + usage.bytesIn, 0)
  assert.is(bytes, b.line.bytes.toDevice + b.line.bytes.toHost, 'each byte is on one account')
})

test('every read survives a line that loses bytes', async () => {
  let answered = 0
  for (let seed = 1; seed <= 12; seed++) {
    const b = await createBench({ seed, days: 20, parties: exportParties(), othersOf })
    b.line.faults = { loss: 0.002 }
    for (const variant of ['4.1.1', '4.6.1', '4.8.3']) {
      await b.ask(
        'supplier',
        of(variant, variant === '4.1.1' ? {} : { period: { startMs: midnight - 14 * dayMs, endMs: midnight } }),
      )
      const { code, entries, registers, dailyReads } = b.callbacks.at(-1)!.response
      if (code !== 'I0') continue
      answered += 1
      if (registers) assert.is(registers.activeWh, total(b, whOf))
      if (dailyReads) assert.is(dailyReads.length, 14)
      if (entries) {
        assert.is(entries.length, 14 * 48 + 1)
        for (const [i, { wh, varh }] of entries.entries()) {
          const [activeWh, , reactiveVarh] = othersOf(b.end - 14 * 48 - 1 + i)
          assert.equal([wh, varh], [activeWh, reactiveVarh])
        }
      }
    }
  }
  assert.ok(answered >= 33, `${answered} of 36 were answered`)
})

test('a meter that stamps the start, and one that records average power: as its registry row states', async () => {
  const configuration = {
    pulsesPerKwh: 1000,
    deviceProfile: 0,
    dailyReads: 0,
    checkpointWh: 100,
    billingDay: 1,
    quirks: 1,
    halfHourWhMax: 41400,
    tariff: new Uint8Array(0),
  }
  const asIs = await createBench({ days: 2, configuration })
  await asIs.ask('supplier')
  const passedOn = asIs.callbacks[0]!.response.entries!
  assert.is(passedOn[0]!.wh, 2 * whOf(asIs.end - 49))
  const parties = exportParties()
  Object.assign(parties.devices[0]!, { stamps: 'start', averagePower: 'corrected' })
  const b = await createBench({ days: 2, parties, configuration })
  await b.ask('supplier')
  const entries = b.callbacks[0]!.response.entries!
  assert.equal(
    entries,
    // The window is compared with the stamps as they are shown: the last one has not been recorded yet.
    passedOn.slice(0, 48).map(({ stampMs }, i) => ({ stampMs, wh: whOf(b.end - 48 + i) })),
  )
  // Registers are energy whatever the half-hours are.
  await b.ask('supplier', of('4.1.1'))
  assert.is(b.callbacks[1]!.response.registers!.activeWh, total(b, whOf))
})

test('the requests of the reference test data set are taken as they are', async () => {
  const parties = exportParties()
  for (const registration of parties.registrations) registration.from = '2010-01-01'
  const cases: [string, string][] = [
    ['ECS17b_4.1.1_SINGLE_SUCCESS_REQUEST_DUIS.XML', 'I0'],
    ['ECS17a_4.2_SUCCESS_REQUEST_DUIS.XML', 'I0'],
    ['ECS21a_4.6.1_SINGLE_SUCCESS_REQUEST_DUIS.XML', 'I0'],
    ['ECS22c_4.8.2_SUCCESS_REQUEST_DUIS.XML', 'I0'],
    ['ECS22a_4.8.3_SUCCESS_REQUEST_DUIS.XML', 'I0'],
  ]
  for (const [name, code] of cases) {
    const b = await createBench({ days: 2, parties })
    const originator = /RequestID>([0-9A-F-]+):/.exec(template(name).toString())![1]
    const who = originator === '90-B3-D5-1F-30-02-00-00' ? 'network-operator' : 'supplier'
    const acknowledged = await b.post(b.sign(unsignedTemplate(name), who))
    assert.is(acknowledged.code, 'I99', `${name}: ${acknowledged.why}`)
    await b.answered()
    assert.is(b.callbacks[0]!.response.code, code, name)
    assert.is(b.callbacks[0]!.response.responseId?.originator, esme)
  }
})

test.run()
