import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { esme, mpan, testParties } from '../../../emulation/bench-parties.ts'
import { checkRegistry } from '../../../host/access/check-registry.ts'
import type { InventoryQuery } from '../../../host/duis/non-device-fields.ts'
import { type ReadDevice, readInventory } from '../../../host/duis/read-non-device.ts'
import type { TestIdentityName } from '../../../host/pki/test-pki.ts'
import { unsignedTemplate } from '../../support/bench/duis-parties.ts'
import { createScheduleBench, meterNumber } from '../../support/bench/schedule-bench.ts'

const full = {
  manufacturer: 'Secure & <Sons>',
  model: 'Liberty 100',
  smetsVersion: 'SMETS1 V1.2',
  firmware: 'P4X2G04',
  commissioned: '2021-03-01',
  uprn: '100012345678',
  postcode: 'SW1A 1AA',
  addressId: '10 "Downing" St',
  s1sp: 'MOC',
}

function parties() {
  const made = testParties()
  const hub = { eui: '00-DB-12-34-56-78-92-01', type: 'CHF', status: 'Commissioned', line: 'default' }
  const neighbour = { ...meterNumber(1), status: 'Commissioned', line: 'default', uprn: '200' }
  const export_ = { exportMpan: meterNumber(2).importMpan }
  const devices: object[] = made.devices
  Object.assign(devices[0]!, full, export_)
  devices.push(
    { ...hub, uprn: full.uprn },
    { ...hub, eui: '00-DB-12-34-56-78-92-02', type: 'IHD', postcode: full.postcode, addressId: full.addressId },
    neighbour,
  )
  made.registrations.push({
    mpan: neighbour.importMpan,
    role: 'IS',
    mpid: 'SUPB',
    from: '2020-01-01',
    to: '2026-11-30',
  })
  made.registrations.push({ mpan: neighbour.importMpan, role: 'MDR', mpid: 'MDRA', from: '2027-01-01' })
  return made
}

const query = (inventory: InventoryQuery) => ({ variant: '8.2', inventory }) as const
const euisOf = (devices: ReadDevice[] | string) => (devices as ReadDevice[]).map(({ DeviceID }) => DeviceID)

test('however it is asked for, the whole premises is listed, in the order of the schema', async () => {
  const b = await createScheduleBench({ days: 2, parties: parties() })
  const queries: InventoryQuery[] = [
    { by: 'DeviceID', eui: esme },
    { by: 'UPRN', uprn: full.uprn },
    { by: 'MPxN', mpxn: mpan },
    { by: 'MPxN', mpxn: meterNumber(2).importMpan },
    { by: 'PropertyFilter', postcode: full.postcode, addressId: full.addressId },
  ]
  for (const inventory of queries) {
    const answer = await b.askDcc('supplier', query(inventory))
    assert.is(answer.code, 'I0', answer.why)
    const devices = readInventory(answer.message) as ReadDevice[]
    assert.equal(euisOf(devices), [esme, '00-DB-12-34-56-78-92-01', '00-DB-12-34-56-78-92-02'])
    assert.equal(devices[0], {
      DeviceID: esme,
      DeviceType: 'ESME',
      DeviceStatus: 'Commissioned',
      DeviceManufacturer: full.manufacturer,
      DeviceModel: full.model,
      SMETSCHTSVersion: full.smetsVersion,
      DeviceFirmwareVersion: full.firmware,
      DateCommissioned: full.commissioned,
      ImportMPxN: mpan,
      ExportMPAN: meterNumber(2).importMpan,
      UPRN: full.uprn,
      PostCode: full.postcode,
      AddressIdentifier: full.addressId,
      CSPRegion: 'SMETS1',
      S1SP: 'MOC',
    })
    assert.ok(b.verify(answer.xml).ok)
  }
})

test('a device of which nothing is known has the stated defaults', async () => {
  const b = await createScheduleBench({ days: 2 })
  const answer = await b.askDcc('other-user', query({ by: 'DeviceID', eui: esme }))
  assert.equal(readInventory(answer.message), [
    {
      DeviceID: esme,
      DeviceType: 'ESME',
      DeviceStatus: 'Commissioned',
      DeviceManufacturer: 'smets1',
      DeviceModel: 'stand-in ESME',
      ImportMPxN: mpan,
      CSPRegion: 'SMETS1',
      S1SP: 'smets1',
    },
  ])
})

test('nothing found is an error code, never an empty list', async () => {
  const b = await createScheduleBench({ days: 2, parties: parties() })
  const queries: InventoryQuery[] = [
    { by: 'DeviceID', eui: '00-DB-12-34-56-78-90-A9' },
    { by: 'UPRN', uprn: '1' },
    { by: 'MPxN', mpxn: '1' },
    { by: 'PropertyFilter', postcode: full.postcode, addressId: '' },
  ]
  for (const inventory of queries) assert.is((await b.askDcc('supplier', query(inventory))).code, 'E080201')
  const template = await b.post(b.sign(unsignedTemplate('8.2_READ_INVENTORY_REQUEST_DUIS.XML')), 'serviceD')
  assert.is(template.code, 'E080201')
})

test('current and future parties of the premises may ask, and roles without registrations', async () => {
  const b = await createScheduleBench({ days: 2, parties: parties() })
  const neighbour = query({ by: 'DeviceID', eui: meterNumber(1).eui })
  const codes: [TestIdentityName, string][] = [
    ['supplier', 'E4'],
    ['mdr', 'I0'],
    ['network-operator', 'E4'],
    ['other-user', 'I0'],
  ]
  for (const [name, code] of codes) assert.is((await b.askDcc(name, neighbour)).code, code, name)
  assert.is((await b.post(b.dccRequest('supplier', neighbour), 'serviceS')).code, 'E13')
})

test('a device that is no electricity meter is listed and not read', async () => {
  const b = await createScheduleBench({ days: 2, parties: parties() })
  const toHub = b.sign(b.request().replace(`:${esme}:`, ':00-DB-12-34-56-78-92-01:'))
  const answer = await b.post(toHub)
  assert.is(answer.code, 'E11')
  assert.match(answer.why, /is a CHF/)
})

test('hostile queries are refused as not valid', async () => {
  const b = await createScheduleBench({ days: 2, parties: parties() })
  const request = b
    .dccRequest('supplier', query({ by: 'UPRN', uprn: '7' }))
    .replace(/<ds:Signature.*<\/ds:Signature>/s, '')
  const property = (postcode: string, address: string) =>
    `<sr:PropertyFilter><sr:PostCode>${postcode}</sr:PostCode><sr:AddressIdentifier>${address}</sr:AddressIdentifier></sr:PropertyFilter>`
  for (const body of [
    '',
    '<sr:UPRN>0</sr:UPRN>',
    '<sr:UPRN>-7</sr:UPRN>',
    '<sr:UPRN>1234567890123</sr:UPRN>',
    '<sr:UPRN>7</sr:UPRN><sr:MPxN>1</sr:MPxN>',
    '<sr:MPxN></sr:MPxN>',
    '<sr:MPxN>12345678901234</sr:MPxN>',
    '<sr:DeviceID>00-DB</sr:DeviceID>',
    property('SW1', 'x'),
    property('SW1A 1AA', 'x'.repeat(31)),
    '<sr:PropertyFilter><sr:PostCode>SW1A 1AA</sr:PostCode></sr:PropertyFilter>',
  ]) {
    const answer = await b.post(b.sign(request.replace('<sr:UPRN>7</sr:UPRN>', body)), 'serviceD')
    assert.is(answer.code, 'E48', `${body}: ${answer.why}`)
  }
})

test('registry rows: what the inventory could not say is refused', () => {
  const problemsOf = (fields: object, count = 1) => {
    const made = testParties()
    for (let i = 1; i < count; i++)
      made.devices.push({ ...meterNumber(i), ...fields, status: 'Pending', line: 'default' })
    Object.assign(made.devices[0]!, fields)
    const checked = checkRegistry(made)
    return checked.ok ? [] : checked.problems
  }
  assert.equal(problemsOf(full), [])
  assert.match(problemsOf({ firmware: '123456789' }).join(), /devices\[0\]\.firmware: expected 1 to 8 characters/)
  assert.match(problemsOf({ model: 'x'.repeat(31) }).join(), /model: expected 1 to 30/)
  assert.match(problemsOf({ commissioned: '2021-02-29' }).join(), /commissioned: expected a date/)
  assert.match(problemsOf({ uprn: '007' }).join(), /uprn: expected/)
  assert.match(problemsOf({ type: 'TOASTER' }).join(), /type: expected one of ESME/)
  assert.match(problemsOf({ manufacturer: 'a\nb' }).join(), /manufacturer/)
  assert.equal(problemsOf({ uprn: '7' }, 17), [])
  assert.match(problemsOf({ uprn: '7' }, 18).join(), /7 has more than 17 devices/)
})

test.run()
