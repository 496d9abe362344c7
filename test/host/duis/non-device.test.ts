// Bodies, answers and alerts of the DCC itself: written and read back, and held against the schema.

import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatResponseMessage } from '../../../host/duis/format.ts'
import * as format from '../../../host/duis/format-non-device.ts'
import { frequencies, type InventoryQuery, type ScheduleDetails } from '../../../host/duis/non-device-fields.ts'
import { parseRequest } from '../../../host/duis/parse.ts'
import { readAlert, readInventory, readSchedules } from '../../../host/duis/read-non-device.ts'
import { parseResponse, verifyResponse } from '../../../host/duis/read-response.ts'
import { requestIdOf } from '../../../host/duis/request.ts'
import { signDocument } from '../../../host/duis/sign.ts'
import { lastDay } from '../../../host/schedule/schedules.ts'
import { esmeEui, nowMs, parties } from '../../support/bench/duis-parties.ts'
import { duisSchema } from '../../support/bench/duis-schema.ts'

const { supplier, dsp, trust } = parties()
const requestId = requestIdOf(supplier.eui, dsp.eui, 7n)

const eui = fc
  .array(fc.integer({ min: 0, max: 255 }), { minLength: 8, maxLength: 8 })
  .map((bytes) => bytes.map((byte) => byte.toString(16).padStart(2, '0').toUpperCase()).join('-'))
// Objects like those that are read.
const plain = { noNullPrototype: true } as const
const timeMs = fc.nat(86_399_999)
const offset = fc.integer({ min: -400, max: 0 })
/** Those that the DUIS 5.1 schema can schedule and that read a period. */
const reads = {
  '4.6.1': 'RetrieveImportDailyReadLog',
  '4.6.2': 'RetrieveExportDailyReadLog',
  '4.8.1': 'ReadActiveImportProfileData',
  '4.8.2': 'ReadReactiveImportProfileData',
  '4.8.3': 'ReadExportProfileData',
  '4.17': 'RetrieveDailyConsumptionLog',
}
const details = fc
  .record(
    {
      frequency: fc.constantFrom(...frequencies),
      startDay: fc.integer({ min: 0, max: lastDay }),
      endDay: fc.integer({ min: 0, max: lastDay }),
      executionTimeMs: timeMs,
      credential: fc.uint8Array({ minLength: 1, maxLength: 900 }).map((bytes) => Buffer.from(bytes).toString('base64')),
      variant: fc.constantFrom(...(Object.keys(reads) as (keyof typeof reads)[])),
      deviceEui: eui,
      period: fc.record({ startDays: offset, startTimeMs: timeMs, endDays: offset, endTimeMs: timeMs }, plain),
    },
    { noNullPrototype: true, requiredKeys: ['frequency', 'startDay', 'variant', 'deviceEui', 'period'] },
  )
  .map(
    (fields): ScheduleDetails => ({
      ...fields,
      serviceReference: fields.variant.split('.').slice(0, 2).join('.'),
      readName: `DSP${reads[fields.variant]}`,
    }),
  )
const text = (minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...'abc XYZ 019 &<>"\'é€'), minLength, maxLength })
const query: fc.Arbitrary<InventoryQuery> = fc.oneof(
  fc.integer({ min: 1, max: 999_999_999_999 }).map((n) => ({ by: 'UPRN' as const, uprn: `${n}` })),
  eui.map((one) => ({ by: 'DeviceID' as const, eui: one })),
  text(1, 13).map((mpxn) => ({ by: 'MPxN' as const, mpxn })),
  fc.record({ by: fc.constant('PropertyFilter' as const), postcode: text(6, 8), addressId: text(0, 30) }, plain),
)

function parsed(xml: string) {
  const result = parseRequest(Buffer.from(xml))
  assert.ok(result.ok, result.ok ? '' : result.detail)
  return (result as Extract<typeof result, { ok: true }>).request
}

function messageOf(xml: string) {
  assert.equal(duisSchema().validate(xml), [], xml)
  assert.ok(verifyResponse(Buffer.from(xml), trust, { nowMs, dspEui: dsp.eui }).ok)
  const result = parseResponse(Buffer.from(xml))
  assert.ok(result.ok)
  return (result as Extract<typeof result, { ok: true }>).response.message
}

const answer = (variant: string, content: string) =>
  formatResponseMessage({ requestId, code: 'I0', nowMs, serviceReferenceVariant: variant }, content, dsp.signer)

test('requests of any schedule are valid, and are read back as written', () => {
  fc.assert(
    fc.property(details, (schedule) => {
      const xml = format.formatNonDeviceRequest(requestId, { variant: '5.1', schedule })
      assert.equal(duisSchema().validate(xml), [], xml)
      const request = parsed(xml)
      assert.equal(request.kind === 'createSchedule' && request.schedule, schedule)
    }),
    { seed: 71, numRuns: 200 },
  )
})

test('the other requests, too', () => {
  fc.assert(
    fc.property(fc.nat(1_000_000_000_000), eui, query, (scheduleId, deviceEui, inventory) => {
      for (const subject of [{ scheduleId }, { deviceEui }]) {
        for (const variant of ['5.2', '5.3'] as const) {
          const xml = format.formatNonDeviceRequest(requestId, { variant, subject })
          assert.equal(duisSchema().validate(xml), [], xml)
          const request = parsed(xml)
          assert.is(request.kind, variant === '5.2' ? 'readSchedule' : 'deleteSchedule')
          assert.equal('subject' in request && request.subject, subject)
        }
      }
      const xml = format.formatNonDeviceRequest(requestId, { variant: '8.2', inventory })
      assert.equal(duisSchema().validate(xml), [], xml)
      const request = parsed(xml)
      assert.equal(request.kind === 'readInventory' && request.query, inventory)
    }),
    { seed: 72, numRuns: 200 },
  )
})

test('answers: 1 to 99 schedules, 1 to 17 devices, signed over what they say', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(details, { minLength: 1, maxLength: 99 }), async (list) => {
      const schedules = list.map((one, id) => ({ id, details: one }))
      assert.equal(readSchedules(messageOf(await answer('5.2', format.schedulesContent(schedules)))), schedules)
    }),
    { seed: 73, numRuns: 20 },
  )
  const device = {
    eui: esmeEui,
    type: 'ESME',
    status: 'Commissioned',
    manufacturer: 'A & <B>',
    model: 'é€"',
    s1sp: 'x',
  }
  for (const count of [1, 17]) {
    const read = readInventory(messageOf(await answer('8.2', format.inventoryContent(Array(count).fill(device)))))
    assert.is((read as unknown[]).length, count)
    assert.is((read as { DeviceManufacturer: string }[])[0]!.DeviceManufacturer, 'A & <B>')
  }
  for (const count of [0, 18]) assert.throws(() => format.inventoryContent(Array(count).fill(device)), RangeError)
  for (const count of [0, 100]) assert.throws(() => format.schedulesContent(Array(count).fill({})), RangeError)
})

test('alerts about schedules', () => {
  const to = { code: 'N6', dspEui: dsp.eui, userEui: supplier.eui, counter: 1002n, nowMs, dsp: dsp.signer }
  const about = { deviceEui: esmeEui, scheduleId: 77 }
  const removal = format.formatScheduleAlert(to, { kind: 'removal', ...about })
  assert.equal(readAlert(messageOf(removal)), { code: 'N6', kind: 'DSPScheduleRemoval', ...about })
  assert.match(removal, new RegExp(`<sr:ResponseID>${dsp.eui}:${supplier.eui}:1002</sr:ResponseID>`))
  assert.not.match(removal, /<sr:RequestID>/)
  const command = requestIdOf(supplier.eui, esmeEui, 9n)
  const failure = format.formatScheduleAlert({ ...to, code: 'N13' }, { kind: 'failure', command, ...about })
  const commandRequestId = command.text
  assert.equal(readAlert(messageOf(failure)), { code: 'N13', kind: 'CommandFailure', commandRequestId, ...about })
})

test('a request broken anywhere is refused or read, and never throws', () => {
  const schedule = {
    frequency: 'Daily',
    startDay: 20_000,
    endDay: 20_001,
    executionTimeMs: 0,
    credential: 'AAAA',
    serviceReference: '4.8',
    variant: '4.8.1',
    deviceEui: esmeEui,
    readName: 'DSPReadActiveImportProfileData',
    period: { startDays: -1, startTimeMs: 0, endDays: 0, endTimeMs: 0 },
  } as const
  const sources = [
    format.formatNonDeviceRequest(requestId, { variant: '5.1', schedule }),
    format.formatNonDeviceRequest(requestId, { variant: '5.3', subject: { scheduleId: 5 } }),
    format.formatNonDeviceRequest(requestId, { variant: '8.2', inventory: { by: 'UPRN', uprn: '5' } }),
  ].map((xml) => signDocument(xml, supplier.signer))
  let read = 0
  fc.assert(
    fc.property(
      fc.constantFrom(...sources),
      fc.nat(),
      fc.nat(60),
      fc.constantFrom('', '0', '-', '9'.repeat(30), '</', '<sr:x>', '&amp;', '\u0000', ' ', ':'),
      (source, at, length, put) => {
        const start = at % source.length
        const result = parseRequest(Buffer.from(source.slice(0, start) + put + source.slice(start + length)))
        if (result.ok) read += 1
        else assert.ok(result.code.startsWith('E'))
      },
    ),
    { seed: 74, numRuns: 3000 },
  )
  assert.ok(read > 0 && read < 3000)
})

test.run()
