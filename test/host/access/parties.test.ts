import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { checkRegistry } from '../../../host/access/check-registry.ts'
import { isMpan } from '../../../host/access/mpan.ts'
import { registryLimits } from '../../../host/access/parties.ts'

const importMpan = '1234567890126'
const exportMpan = '2000000000006'

function sample() {
  return {
    users: [
      {
        eui: '90-B3-D5-1F-30-01-00-00',
        name: 'Supplier',
        mpid: 'SUPA',
        roles: ['IS', 'ES'],
        status: 'active',
        callback: 'http://127.0.0.1:8081/callback',
      },
      {
        eui: '00-db-12-34-56-78-00-04',
        name: 'Other User',
        roles: ['OU'],
        status: 'suspended',
        callback: 'https://ou.example/in',
      },
    ],
    devices: [{ eui: '00-DB-12-34-56-78-90-A0', importMpan, exportMpan, status: 'Commissioned', line: '/dev/ttyACM0' }],
    registrations: [
      { mpan: importMpan, role: 'IS', mpid: 'SUPA', from: '2020-01-01' },
      { mpan: importMpan, role: 'MDR', mpid: 'mdra', from: '2024-01-01' },
      { mpan: importMpan, role: 'MDR', mpid: 'MDRB', from: '2026-03-30', to: '2026-12-31' },
    ],
  }
}

type Sample = ReturnType<typeof sample>
// biome-ignore lint/suspicious/noExplicitAny: tests write wrong types on purpose
type Wrong = any

function problemsOf(change: (data: Sample & Wrong) => void): string[] {
  const data = sample()
  change(data)
  const checked = checkRegistry(data)
  return checked.ok ? [] : checked.problems
}

test('a registry is looked up by EUI-64, MPAN and role', () => {
  const checked = checkRegistry(JSON.parse(JSON.stringify(sample())))
  if (!checked.ok) throw new Error(checked.problems.join('\n'))
  const { registry } = checked
  assert.is(registry.user('90-B3-D5-1F-30-01-00-00')?.mpid, 'SUPA')
  assert.is(registry.user('00-DB-12-34-56-78-00-04')?.name, 'Other User')
  assert.is(registry.user('00-db-12-34-56-78-00-04'), undefined)
  assert.is(registry.device('00-DB-12-34-56-78-90-A0')?.line, '/dev/ttyACM0')
  assert.is(registry.deviceByMpan(exportMpan)?.eui, '00-DB-12-34-56-78-90-A0')
  assert.is(registry.deviceByMpan('1012345678903'), undefined)
  assert.equal(registry.registrations(importMpan, 'ED'), [])
  assert.equal(
    registry.registrations(importMpan, 'MDR').map(({ mpid, from, until }) => [mpid, from, until]),
    [
      ['MDRA', '2024-01-01', '2026-03-29'],
      ['MDRB', '2026-03-30', '2026-12-31'],
    ],
    'an incoming MDR ends the outgoing one, and MPIDs are stored in upper case',
  )
})

const mistakes: [place: string, words: RegExp, change: (data: Wrong) => void][] = [
  ['users[1].eui', /no EUI-64; write it as/, (d) => (d.users[1].eui = '00DB123456780004')],
  ['users[1].eui', /no EUI-64/, (d) => (d.users[1].eui = 7)],
  ['users[1].eui', /is already that of users\[0\]\.eui/, (d) => (d.users[1].eui = '90-b3-d5-1f-30-01-00-00')],
  ['devices[0].eui', /is already that of users\[0\]\.eui/, (d) => (d.devices[0].eui = d.users[0].eui)],
  ['devices[0].stamps', /"middle" is none of end start/, (d) => (d.devices[0].stamps = 'middle')],
  ['devices[0].averagePower', /none of as-is corrected/, (d) => (d.devices[0].averagePower = true)],
  ['users[0].name', /expected a name/, (d) => (d.users[0].name = 'one\ntwo')],
  ['users[0].name', /1 to 100/, (d) => (d.users[0].name = '')],
  ['users[0].mpid', /nothing is no MPID/, (d) => delete d.users[0].mpid],
  ['users[1].mpid', /"MDRAX" is no MPID/, (d) => (d.users[1].mpid = 'MDRAX')],
  ['users[0].roles', /IS ES GS RSA ED GT OU MDR/, (d) => (d.users[0].roles = ['IS', 'XX'])],
  ['users[0].roles', /one or more/, (d) => (d.users[0].roles = [])],
  ['users[0].roles', /one or more/, (d) => (d.users[0].roles = 'IS')],
  ['users[0].status', /none of active suspended/, (d) => (d.users[0].status = 'Active')],
  ['users[0].callback', /by https, or by http to this machine/, (d) => (d.users[0].callback = 'http://example.com/')],
  ['users[0].callback', /by https/, (d) => (d.users[0].callback = 'http://127.0.0.1.example.com/')],
  ['users[0].callback', /by https/, (d) => (d.users[0].callback = 'file:///etc/passwd')],
  ['users[0].callback', /no URL/, (d) => (d.users[0].callback = 'callback')],
  ['users[0].callback', /no URL/, (d) => (d.users[0].callback = 'https://user:secret@example.com/')],
  ['users[0].callbak', /no such field; there are eui/, (d) => (d.users[0].callbak = 'x')],
  ['users[0]', /expected an object/, (d) => (d.users[0] = null)],
  ['users', /expected a list/, (d) => (d.users = {})],
  ['users', /the most is 1000/, (d) => (d.users = new Array(1001).fill(0))],
  ['devices', /the most is 100000/, (d) => (d.devices = new Array(100_001).fill(0))],
  ['devices[0].status', /none of Pending/, (d) => (d.devices[0].status = 'commissioned')],
  [
    'devices[0].importMpan',
    /check digit of MPAN 1234567890127 is wrong/,
    (d) => (d.devices[0].importMpan = '1234567890127'),
  ],
  ['devices[0].exportMpan', /write 13 digits in quotes/, (d) => (d.devices[0].exportMpan = 2000000000006)],
  ['devices[0].exportMpan', /is already that of .*importMpan/, (d) => (d.devices[0].exportMpan = importMpan)],
  ['devices[0].line', /expected the line/, (d) => delete d.devices[0].line],
  ['registrations[0].mpan', /no device has MPAN 1012345678903/, (d) => (d.registrations[0].mpan = '1012345678903')],
  ['registrations[0].role', /none of IS ES RSA ED MDR/, (d) => (d.registrations[0].role = 'OU')],
  ['registrations[0].role', /IS needs an import MPAN/, (d) => (d.registrations[0].mpan = exportMpan)],
  ['registrations[0].role', /ES needs an export MPAN/, (d) => (d.registrations[0].role = 'ES')],
  ['registrations[0].from', /"2026-02-30" is no date/, (d) => (d.registrations[0].from = '2026-02-30')],
  ['registrations[0].from', /from 1996-01-01/, (d) => (d.registrations[0].from = '1995-12-31')],
  ['registrations[2].to', /before the record begins/, (d) => (d.registrations[2].to = '2026-03-29')],
  [
    'registrations[1].to',
    /overlaps registrations\[2\].*end it on 2026-03-29/,
    (d) => (d.registrations[1].to = '2026-03-30'),
  ],
  ['registrations[2].from', /registrations\[1\] begins .* too/, (d) => (d.registrations[2].from = '2024-01-01')],
  ['registry.meters', /no such field/, (d) => (d.meters = [])],
]

for (const [place, words, change] of mistakes) {
  test(`${place}: ${words.source}`, () => {
    const problems = problemsOf(change)
    assert.ok(
      problems.some((line) => line.startsWith(`${place}: `)),
      problems.join('\n'),
    )
    assert.match(problems.join('\n'), words)
  })
}

test('one mistake is named once, and all mistakes at once', () => {
  assert.is(problemsOf((d) => (d.devices[0].exportMpan = 'x')).length, 1)
  const both = problemsOf((d) => {
    d.users[0].eui = 'x'
    d.registrations[1].from = 'y'
  })
  assert.is(both.length, 2)
  const many = problemsOf((d) => (d.users = new Array(500).fill(null)))
  assert.is(many.length, registryLimits.problems + 1)
  assert.match(many.at(-1)!, /^and \d+ more$/)
})

test('an ETD the day before the next EFD is no overlap; a gap is allowed', () => {
  assert.equal(
    problemsOf((d) => (d.registrations[1].to = '2026-03-29')),
    [],
  )
  assert.equal(
    problemsOf((d) => (d.registrations[1].to = '2025-01-01')),
    [],
  )
})

test('values that are no object at all are refused', () => {
  for (const value of [null, undefined, 1, 'x', [], [[]]]) assert.not.ok(checkRegistry(value).ok)
  const polluted = JSON.parse('{"__proto__": {"users": []}, "users": [], "devices": [], "registrations": []}')
  assert.not.ok(checkRegistry(polluted).ok)
})

test('loopback callbacks in every spelling of it', () => {
  for (const url of [
    'http://localhost:1/x',
    'http://[::1]:8081/',
    'http://127.1:8081/',
    'https://mdr.example:8443/in',
  ]) {
    assert.equal(
      problemsOf((d) => (d.users[0].callback = url)),
      [],
      url,
    )
  }
})

test('MPAN check digits', () => {
  for (const good of [importMpan, exportMpan, '1012345678903']) assert.ok(isMpan(good), good)
  for (let place = 0; place < 13; place++) {
    const digit = (Number(importMpan[place]) + 1) % 10
    assert.not.ok(isMpan(importMpan.slice(0, place) + digit + importMpan.slice(place + 1)), `digit ${place}`)
  }
  assert.not.ok(isMpan('123456789012'))
})

test('a registry of 100,000 devices is checked in good time', () => {
  const devices = Array.from({ length: registryLimits.devices }, (_, index) => ({
    eui: `00-DB-12-34-56-${pair(index >> 16)}-${pair((index >> 8) & 255)}-${pair(index & 255)}`,
    status: 'Commissioned',
    line: 'tcp://127.0.0.1:4059',
  }))
  assert.ok(checkRegistry({ users: [], devices, registrations: [] }).ok)
})

function pair(value: number): string {
  return value.toString(16).padStart(2, '0')
}

test.run()
