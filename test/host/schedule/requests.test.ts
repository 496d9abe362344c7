import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { midnight } from '../../../emulation/bench.ts'
import { esme, exportParties, testParties } from '../../../emulation/bench-parties.ts'
import type { ScheduleDetails } from '../../../host/duis/non-device-fields.ts'
import { readScheduleId, readSchedules } from '../../../host/duis/read-non-device.ts'
import type { TestIdentityName } from '../../../host/pki/test-pki.ts'
import { defaultScheduleSettings } from '../../../host/schedule/settings.ts'
import { unsignedTemplate } from '../../support/bench/duis-parties.ts'
import { createScheduleBench, dailyRead, meterNumber, today } from '../../support/bench/schedule-bench.ts'

const dspEui = '90-B3-D5-1F-30-00-00-02'

test('a schedule is created, read and deleted, by its User only', async () => {
  const b = await createScheduleBench({ days: 2 })
  const details = dailyRead({ endDay: today + 9, executionTimeMs: 3_600_500, credential: 'AAAA' })
  const created = await b.askDcc('supplier', { variant: '5.1', schedule: details })
  assert.is(created.code, 'I0')
  assert.match(created.why, /first run 2026-11-23T01:00:00.500Z/)
  assert.ok(b.verify(created.xml).ok)
  const id = readScheduleId(created.message)!
  for (const subject of [{ scheduleId: id }, { deviceEui: esme }]) {
    const read = await b.askDcc('supplier', { variant: '5.2', subject })
    assert.is(read.code, 'I0')
    assert.equal(readSchedules(read.message), [{ id, details }])
  }
  assert.is((await b.askDcc('mdr', { variant: '5.2', subject: { scheduleId: id } })).code, 'E050201')
  assert.is((await b.askDcc('mdr', { variant: '5.2', subject: { deviceEui: esme } })).code, 'W050201')
  assert.is((await b.askDcc('mdr', { variant: '5.3', subject: { scheduleId: id } })).code, 'E050301')
  assert.is((await b.askDcc('mdr', { variant: '5.3', subject: { deviceEui: esme } })).code, 'W050301')
  assert.is((await b.askDcc('supplier', { variant: '5.3', subject: { scheduleId: id } })).code, 'I99')
  assert.is((await b.askDcc('supplier', { variant: '5.2', subject: { scheduleId: id } })).code, 'E050201')
  assert.is(b.callbacks.length, 0, 'nothing of this is answered a second time')
})

test('5.3 by device deletes all of them; its success is I0 if so configured', async () => {
  const config = { schedule: { ...defaultScheduleSettings, deleteCode: 'I0' } } as const
  const b = await createScheduleBench({ days: 2, config })
  await b.create('supplier', dailyRead())
  await b.create('supplier', dailyRead({ frequency: 'Weekly' }))
  const other = await b.create('mdr', dailyRead())
  assert.is((await b.askDcc('supplier', { variant: '5.3', subject: { deviceEui: esme } })).code, 'I0')
  assert.equal(
    b.schedules().map(({ id }) => id),
    [other],
  )
})

test('99 schedules for a User and device, also when they come at the same time; numbers are not used again', async () => {
  const b = await createScheduleBench({ days: 2 })
  for (let i = 0; i < 97; i++) await b.create('supplier', dailyRead())
  const codes = await Promise.all(
    [1, 2, 3, 4].map(async () => (await b.askDcc('supplier', { variant: '5.1', schedule: dailyRead() })).code),
  )
  assert.equal(codes.sort(), ['E050105', 'E050105', 'I0', 'I0'])
  const read = await b.askDcc('supplier', { variant: '5.2', subject: { deviceEui: esme } })
  const ids = (readSchedules(read.message) as { id: number }[]).map(({ id }) => id)
  assert.is(new Set(ids).size, 99)
  const mine = await b.create('mdr', dailyRead())
  assert.ok(mine > Math.max(...ids))
  await b.askDcc('mdr', { variant: '5.3', subject: { scheduleId: mine } })
  await b.kill()
  assert.ok((await b.create('mdr', dailyRead())) > mine)
})

test('what cannot be scheduled is refused, each with its reason', async () => {
  const b = await createScheduleBench({ days: 2 })
  const reading = (variant: string, readName: string, more: Partial<ScheduleDetails> = {}) =>
    dailyRead({ variant, serviceReference: variant.split('.').slice(0, 2).join('.'), readName, ...more })
  const registers = () => {
    const { period: _, ...details } = reading('4.2', 'DSPReadInstantaneousExportRegisters')
    return details
  }
  const cases: [string, ScheduleDetails, string, RegExp, TestIdentityName?][] = [
    ['4.1.1', reading('4.1.1', 'DSPReadInstantaneousImportRegisters'), 'E050101', /cannot be scheduled/],
    ['reference', dailyRead({ serviceReference: '4.6' }), 'E49', /4\.6 with variant 4\.8\.1/],
    ['body', dailyRead({ readName: 'DSPReadExportProfileData' }), 'E49', /is DSPReadActiveImportProfileData/],
    ['4.6.2', reading('4.6.2', 'DSPRetrieveExportDailyReadLog'), 'E11', /SMETS1 has no 4\.6\.2/],
    ['4.17', reading('4.17', 'DSPRetrieveDailyConsumptionLog'), 'E11', /SMETS1 has no 4\.17/],
    ['4.10', reading('4.10', 'DSPReadNetworkData'), 'E11', /not a request of this S1SP/],
    ['past', dailyRead({ startDay: today - 1 }), 'E050102', /past/],
    ['ends first', dailyRead({ endDay: today }), 'E050102', /before the start/],
    ['never', dailyRead({ startDay: today, endDay: today, executionTimeMs: 1000 }), 'E050102', /never run/],
    [
      'empty period',
      dailyRead({ period: { startDays: -1, startTimeMs: 5000, endDays: -1, endTimeMs: 5000 } }),
      'E050103',
      /does not begin before/,
    ],
    ['unknown device', dailyRead({ deviceEui: '00-DB-12-34-56-78-90-A9' }), 'E19', /A9/],
    ['role', dailyRead(), 'I0', /./, 'network-operator'],
  ]
  for (const [name, schedule, code, why, user = 'supplier'] of cases) {
    const answer = await b.askDcc(user, { variant: '5.1', schedule })
    assert.is(answer.code, code, `${name}: ${answer.why}`)
    assert.match(answer.why, why, name)
  }
  const old = await b.askDcc('supplier', { variant: '5.1', schedule: registers() }, { version: '5.1' })
  assert.is(old.code, 'E48')
  assert.match(old.why, /4\.2 can be scheduled since DUIS 5\.3/)
  assert.is(b.schedules().length, 1)
})

test('read back in a version that has no schedules of 4.2, those are left out', async () => {
  const b = await createScheduleBench({ days: 2, parties: exportParties() })
  const { period: _, ...details } = dailyRead({ variant: '4.2', serviceReference: '4.2' })
  const registers = await b.create('supplier', { ...details, readName: 'DSPReadInstantaneousExportRegisters' })
  const mine = { variant: '5.2', subject: { deviceEui: esme } } as const
  const one = { variant: '5.2', subject: { scheduleId: registers } } as const
  assert.is((await b.askDcc('supplier', mine, { version: '5.1' })).code, 'W050201')
  assert.is((await b.askDcc('supplier', one, { version: '5.1' })).code, 'E050201')
  const other = await b.create('supplier', dailyRead())
  const read = await b.askDcc('supplier', mine, { version: '5.1' })
  assert.equal(
    (readSchedules(read.message) as { id: number }[]).map(({ id }) => id),
    [other],
  )
  assert.match(read.why, /left out, as DUIS 5\.1 has no schedules of 4\.2: 1/)
})

test('access control decides for the day of the first run', async () => {
  const parties = testParties()
  parties.registrations[2] = { mpan: '1234567890126', role: 'MDR', mpid: 'MDRA', from: '2026-12-01' }
  parties.users[1]!.status = 'suspended'
  parties.users[3]!.roles = ['RSA']
  parties.users[3]!.mpid = 'AGTA'
  parties.devices.push({ ...meterNumber(1), status: 'Decommissioned', line: 'default' })
  parties.registrations.push({ mpan: meterNumber(1).importMpan, role: 'IS', mpid: 'SUPA', from: '2020-01-01' })
  const b = await createScheduleBench({ days: 2, parties })
  const create = (name: TestIdentityName, schedule: ScheduleDetails) => b.askDcc(name, { variant: '5.1', schedule })
  const early = await create('mdr', dailyRead())
  assert.is(early.code, 'E4')
  assert.match(early.why, /not registered for the device as MDR MDRA on Settlement Day \S+; it is /)
  const startDay = Date.UTC(2026, 11, 1) / 86_400_000
  assert.is((await create('mdr', dailyRead({ startDay }))).code, 'I0')
  assert.is((await create('network-operator', dailyRead())).code, 'E3')
  assert.is((await create('other-user', dailyRead())).code, 'E2')
  assert.is((await create('supplier', dailyRead({ deviceEui: meterNumber(1).eui }))).code, 'E5')
})

test('the reference templates of 5.1, 5.2 and 5.3 are understood', async () => {
  const b = await createScheduleBench({ days: 2 })
  const post = async (name: string) =>
    b.post(b.sign(unsignedTemplate(name).replace(':1000<', `:${name.length}<`)), 'serviceD')
  const created = await post('ECS21a_5.1._DCC_SCHEDULED_REQUEST_DUIS.XML')
  assert.match(created.why, /does not offer 4.6.1|is past/)
  assert.is((await post('5.2_READ_SCHEDULE_REQUEST_DUIS.XML')).code, 'E050201')
  assert.is((await post('5.3_DELETE_SCHEDULE_REQUEST_DUIS.XML')).code, 'E050301')
})

test('wrong services, command variants and targets', async () => {
  const b = await createScheduleBench({ days: 2 })
  const request = { variant: '5.1', schedule: dailyRead() } as const
  assert.is((await b.post(b.dccRequest('supplier', request), 'serviceS')).code, 'E13')
  assert.is((await b.post(b.dccRequest('supplier', request), 'serviceT')).code, 'E13')
  assert.is((await b.post(b.sign(b.request()), 'serviceD')).code, 'E13')
  const xml = b.dccRequest('supplier', request).replace(/<ds:Signature.*<\/ds:Signature>/s, '')
  const changed = xml.replace('<sr:CommandVariant>8<', '<sr:CommandVariant>1<')
  assert.is((await b.post(b.sign(changed), 'serviceD')).code, 'E12')
  const astray = await b.askDcc('supplier', request, { target: esme })
  assert.is(astray.code, 'E49')
  assert.match(astray.why, new RegExp(dspEui))
  const toDsp = b.sign(b.request().replace(`:${esme}:`, `:${dspEui}:`))
  assert.is((await b.post(toDsp)).code, 'E19')
})

test('a request to the DCC counts once, is signed by its User, and cannot be changed', async () => {
  const b = await createScheduleBench({ days: 2 })
  const signed = b.dccRequest('supplier', { variant: '5.1', schedule: dailyRead() })
  assert.is((await b.post(signed, 'serviceD')).code, 'I0')
  assert.is((await b.post(signed, 'serviceD')).code, 'E50')
  await b.kill()
  assert.is((await b.post(signed, 'serviceD')).code, 'E50')
  const next = b.dccRequest('supplier', { variant: '5.1', schedule: dailyRead() })
  assert.is((await b.post(next.replace('>Daily<', '>Weekly<'), 'serviceD')).code, 'E100')
  const unsigned = next.replace(/<ds:Signature.*<\/ds:Signature>/s, '')
  assert.is((await b.post(unsigned, 'serviceD')).code, 'E100')
  assert.is((await b.post(b.sign(unsigned, 'mdr'), 'serviceD')).code, 'E100')
  assert.is(b.schedules().length, 1)
})

test('hostile bodies: each refused as not valid, nothing created', async () => {
  const b = await createScheduleBench({ days: 2 })
  const good = b
    .dccRequest('supplier', { variant: '5.1', schedule: dailyRead() })
    .replace(/<ds:Signature.*<\/ds:Signature>/s, '')
  const changes: [string, string | RegExp, string][] = [
    ['no such frequency', '>Daily<', '>Hourly<'],
    ['a date that is none', />2026-11-23</, '>2026-02-30<'],
    ['a date in another zone', />2026-11-23</, '>2026-11-23+05:00<'],
    ['an offset too far', '>-1<', '>-401<'],
    ['an offset into the future', '>-1<', '>1<'],
    ['an offset of nine digits', '>-1<', '>-000000000000001<'],
    ['a fraction of a day', '>-1<', '>-0.5<'],
    ['midnight as 24:00', '<sr:EndTime>00:00:00Z<', '<sr:EndTime>24:00:00Z<'],
    ['a device that is none', `<sr:DeviceID>${esme}<`, '<sr:DeviceID>../../etc/passwd<'],
    ['two reads', /(<sr:DSPReadActive.*<\/sr:DSPReadActiveImportProfileData>)/, '$1$1'],
    ['no read', /<sr:DSPReadActive.*<\/sr:DSPReadActiveImportProfileData>/, ''],
    ['an unknown read', /DSPReadActiveImportProfileData/g, 'DSPFireUp'],
    [
      'elements out of order',
      /(<sr:ScheduleFrequency>Daily<\/sr:ScheduleFrequency>)(.*)(<sr:DSPScheduledServiceReference>)/,
      '$2$1$3',
    ],
    ['an attribute', '<sr:CreateSchedule>', '<sr:CreateSchedule x="1">'],
    ['a child in a leaf', '>Daily<', '><sr:x>Daily</sr:x><'],
    ['text between', '<sr:ScheduleFrequency>', 'x<sr:ScheduleFrequency>'],
    [
      'a credential that is not base64',
      '<sr:DSPScheduledServiceReference>',
      '<sr:KAPublicSecurityCredential>!</sr:KAPublicSecurityCredential><sr:DSPScheduledServiceReference>',
    ],
    [
      'a credential of 9 kB',
      '<sr:DSPScheduledServiceReference>',
      `<sr:KAPublicSecurityCredential>${'A'.repeat(9000)}</sr:KAPublicSecurityCredential><sr:DSPScheduledServiceReference>`,
    ],
  ]
  for (const [name, from, to] of changes) {
    const changed = good.replace(from, to)
    assert.is.not(changed, good, name)
    const answer = await b.post(b.sign(changed), 'serviceD')
    assert.is(answer.code, 'E48', `${name}: ${answer.why}`)
  }
  const subjects = [
    '<sr:DSPScheduleID>-1</sr:DSPScheduleID>',
    '<sr:DSPScheduleID>1000000000001</sr:DSPScheduleID>',
    '',
    '<sr:DSPScheduleID>1</sr:DSPScheduleID><sr:DeviceID>00-DB-12-34-56-78-90-A0</sr:DeviceID>',
    '<sr:DeviceID>x</sr:DeviceID>',
    '<sr:DSPScheduleID>1e3</sr:DSPScheduleID>',
  ]
  for (const variant of ['5.2', '5.3'] as const) {
    const request = b
      .dccRequest('supplier', { variant, subject: { scheduleId: 7 } })
      .replace(/<ds:Signature.*<\/ds:Signature>/s, '')
    for (const subject of subjects) {
      const answer = await b.post(
        b.sign(request.replace('<sr:DSPScheduleID>7</sr:DSPScheduleID>', subject)),
        'serviceD',
      )
      assert.is(answer.code, 'E48', `${subject}: ${answer.why}`)
    }
  }
  assert.is(b.schedules().length, 0)
  assert.ok(b.clock.nowMs() >= midnight)
})

test.run()
