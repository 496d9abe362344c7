// smets1 import: what files give, what is wrong with them row by row, and that nothing is half-imported.

import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { testParties } from '../../../emulation/bench-parties.ts'
import { readCsv, readTextFile } from '../../../hardware/cli/text-file.ts'
import { checkRegistry } from '../../../host/access/check-registry.ts'
import { combineRows, type ImportFile, kinds, readImportFile, withPlaces } from '../../../host/access/import-rows.ts'
import type { Registry } from '../../../host/access/parties.ts'
import { gapsOf, textOfGap } from '../../../host/access/registration-gaps.ts'
import { firstDevice } from '../../../host/access/registry-rows.ts'
import { auditCommand } from '../../../host/cli/audit.ts'
import type { Io, Options } from '../../../host/cli/command.ts'
import { importCommand as importCommandOf } from '../../../host/cli/import.ts'
import { createTestPki, testIdentities } from '../../../host/pki/test-pki.ts'
import { statePaths, writeFileWhole } from '../../../host/state/state-directory.ts'
import { freshPath } from '../../support/bench/cli.ts'

const importCommand = importCommandOf({ readCsv, readTextFile })

const importMpan = '1234567890126'
const exportMpan = '2000000000006'

/** A state directory as far as an import looks at it. */
function state() {
  const paths = statePaths(freshPath())
  mkdirSync(paths.vault, { recursive: true })
  createTestPki(paths.pki, { nowMs: Date.UTC(2026, 0, 1) })
  writeFileWhole(paths.registry, JSON.stringify(testParties()))
  writeFileWhole(paths.version, '{"version":1}')
  return paths
}

let paths = state()
test.before.each(() => {
  writeFileWhole(paths.registry, JSON.stringify(testParties()))
})

function file(name: string, text: string): string {
  const path = join(paths.root, name)
  writeFileSync(path, text)
  return path
}

async function run(files: string[], options: Options = {}) {
  let out = ''
  const take = (text: string) => {
    out += text
  }
  const io: Io = { stdout: take, stderr: () => {}, isTerminal: false, env: {} }
  const before = readFileSync(paths.registry, 'utf8')
  const code = await importCommand.run({ state: paths.root, argument: files, ...options }, io)
  const after = readFileSync(paths.registry, 'utf8')
  return { code, out, changed: after !== before, registry: JSON.parse(after) as ReturnType<typeof testParties> }
}

const registrations = (rows: string) => `mpan,role,mpid,efd,etd\n${rows}`

test('Users, devices and registrations from CSV, with certificate, mode and details, replace what there was', async () => {
  copyFileSync(join(paths.pki, 'mdr.pem'), join(paths.root, 'their.pem'))
  const users = file(
    'users.csv',
    '\ufeffEUI-64,Name,MPID,Roles,Status,Callback,Mode,Certificate\r\n' +
      `${testIdentities.supplier.eui},supplier,SUPA,IS ES,active,http://127.0.0.1:1/a,,\r\n` +
      `${testIdentities.mdr.eui.toLowerCase()},"mdr, the first",mdra,MDR,,http://127.0.0.1:1/b,boxed,their.pem\r\n`,
  )
  const devices = file(
    'devices.csv',
    `eui;importMpan;exportMpan;status\n00-DB-12-34-56-78-90-A0;${importMpan};${exportMpan};\n`,
  )
  const rows = file(
    'registrations.csv',
    registrations(
      `${importMpan},IS,SUPA,2020-01-01,\n${importMpan},MDR,MDRA,2020-01-01,2026-06-30\n` +
        `${importMpan},MDR,MDRB,2026-07-01,\n${exportMpan},ES,SUPA,2020-01-01,\n${exportMpan},MDR,MDRA,2020-01-01,\n`,
    ),
  )
  const done = await run([rows, users, devices])
  assert.is(done.code, 0, done.out)
  assert.match(done.out, 'imported 2 users, 1 devices, 5 registrations; registry: 2 users, 1 devices, 5 registrations')
  assert.not.match(done.out, 'gap')
  const checked = checkRegistry(done.registry)
  assert.ok(checked.ok)
  const { registry } = checked as { registry: Registry }
  const mdr = registry.user(testIdentities.mdr.eui)!
  assert.equal([mdr.name, mdr.mpid, mdr.mode, mdr.status], ['mdr, the first', 'MDRA', 'boxed', 'active'])
  assert.is(mdr.certificate, readFileSync(join(paths.pki, 'mdr.pem'), 'utf8'))
  assert.equal(firstDevice(registry), {
    eui: '00-DB-12-34-56-78-90-A0',
    status: 'Commissioned',
    line: 'default',
    importMpan,
    exportMpan,
  })
})

test('--merge adds, and replaces what has the same key', async () => {
  const rows = file(
    'change.csv',
    registrations(`${importMpan},MDR,MDRB,2026-07-01,\n${importMpan},IS,SUPB,2020-01-01,\n`),
  )
  const done = await run([rows], { merge: true })
  assert.is(done.code, 0, done.out)
  assert.is(done.registry.users.length, 4)
  assert.equal(
    done.registry.registrations.map(({ role, mpid, from }) => [role, mpid, from]),
    [
      ['ED', 'NETA', '2020-01-01'],
      ['MDR', 'MDRA', '2020-01-01'],
      ['MDR', 'MDRB', '2026-07-01'],
      ['IS', 'SUPB', '2020-01-01'],
    ],
  )
})

test('JSON files give the same lists as the registry', async () => {
  const path = file('rows.json', JSON.stringify({ registrations: testParties().registrations.slice(0, 1) }))
  const done = await run([path])
  assert.equal([done.code, done.registry.registrations.length], [0, 1], done.out)
})

const wrong: [string, string, RegExp][] = [
  [
    'check digit',
    `${importMpan},IS,SUPA,2020-01-01,\n1234567890127,MDR,MDRA,2020-01-01,`,
    /r\.csv:3 mpan: the check digit/,
  ],
  ['unknown MPAN', '1012345678903,IS,SUPA,2020-01-01,', /r\.csv:2 mpan: no device has MPAN/],
  [
    'overlap',
    `${importMpan},MDR,MDRA,2020-01-01,2026-07-01\n${importMpan},MDR,MDRB,2026-07-01,`,
    /r\.csv:2 to: overlaps \S+r\.csv:3 .*end it on 2026-06-30/,
  ],
  [
    'the same day twice',
    `${importMpan},MDR,MDRA,2020-01-01,\n${importMpan},MDR,MDRB,2020-01-01,`,
    /r\.csv:3 from: \S+r\.csv:2 begins/,
  ],
  ['role', `${importMpan},OU,MDRA,2020-01-01,`, /r\.csv:2 role: "OU" is none of/],
  ['date', `${importMpan},IS,SUPA,01/02/2020,`, /r\.csv:2 from: .* write YYYY-MM-DD/],
  ['cells', `${importMpan},IS,SUPA`, /r\.csv:2: 3 cells; the header has 5/],
  ['open quote', `"${importMpan},IS,SUPA,2020-01-01,\n`, /r\.csv.*: no CSV: /],
]
for (const [name, rows, words] of wrong) {
  test(`${name}: named by file and line, and nothing is imported`, async () => {
    const done = await run([file('r.csv', registrations(rows))])
    assert.equal([done.code, done.changed], [2, false])
    assert.match(done.out, words)
    assert.match(done.out, /nothing imported: \d+ problem/)
  })
}

const wrongFiles: [string, string, RegExp][] = [
  [
    'columns that are none',
    'a,b,c\n1,2,3\n',
    /f\.csv:1: the columns "a, b, c" are none.*registrations need mpan, role, mpid, from/,
  ],
  ['a column twice', 'mpan,role,mpid,efd,from\n', /f\.csv:1: two columns are called from/],
  ['an empty file', '', /the file is empty/],
  ['broken JSON', '{"users": [', /f\.csv: not JSON/],
  ['a JSON list', '[1]', /expected an object with one or more of users/],
  ['an unknown list', '{"meters": []}', /there is no list "meters"/],
  ['a list that is none', '{"users": 1}', /users is no list/],
  ['rows that are none', '{"users": [null, 7]}', /f\.csv users\[0\]: expected an object/],
  [
    'unknown column',
    `eui,importMpan,colour\n00-DB-12-34-56-78-90-A0,${importMpan},blue\n`,
    /f\.csv:2 colour: no such field/,
  ],
]
for (const [name, text, words] of wrongFiles) {
  test(`${name} in a file: refused, nothing changed`, async () => {
    const good = file('good.csv', registrations(`${importMpan},IS,SUPA,2020-01-01,\n`))
    const done = await run([good, file('f.csv', text)])
    assert.equal([done.code, done.changed], [2, false], done.out)
    assert.match(done.out, words)
  })
}

test('a certificate of another party, a malformed one, a missing one', async () => {
  const row = (certificate: string) =>
    `eui,name,mpid,roles,callback,certificate\n${testIdentities.mdr.eui},mdr,MDRA,MDR,http://127.0.0.1:1/,${certificate}\n`
  writeFileSync(join(paths.root, 'none.pem'), 'hello')
  for (const [certificate, words] of [
    ['pki/supplier.pem', /u\.csv:2 certificate: is that of 90-B3-D5-1F-30-01-00-00, not of 90-B3-D5-1F-30-01-00-09/],
    ['none.pem', /u\.csv:2 certificate: expected one certificate in PEM/],
    ['absent.pem', /u\.csv:2 certificate: .*ENOENT/],
  ] as const) {
    const done = await run([file('u.csv', row(certificate))])
    assert.equal([done.code, done.changed], [2, false])
    assert.match(done.out, words)
  }
})

test('--dry-run changes nothing; --strict refuses gaps; --json reports everything', async () => {
  const rows = file(
    'g.csv',
    registrations(`${importMpan},IS,SUPA,2020-01-01,2026-01-31\n${importMpan},IS,SUPA,2026-02-03,\n`),
  )
  const dry = await run([rows], { dryRun: true })
  assert.equal([dry.code, dry.changed], [0, false])
  assert.match(dry.out, /would import 2 registrations/)
  assert.match(dry.out, 'gap: nobody is registered as IS of MPAN 1234567890126 from 2026-02-01 to 2026-02-02')
  assert.match(dry.out, 'gap: nobody is registered as MDR of MPAN 1234567890126 on any day')
  const strict = await run([rows], { strict: true, json: true })
  assert.equal([strict.code, strict.changed], [1, false])
  const said = JSON.parse(strict.out)
  assert.equal([said.ok, said.given.registrations, said.problems, said.gaps.length], [false, 2, [], 2])
  const done = await run([rows], { json: true })
  assert.equal([done.code, done.changed], [0, true])
  assert.equal(JSON.parse(done.out).registry, { users: 4, devices: 1, registrations: 2 })
})

test('gaps: between records, at the end, of one day', () => {
  const parties = testParties()
  parties.registrations = [
    { mpan: importMpan, role: 'IS', mpid: 'SUPA', from: '2026-01-01', to: '2026-01-31' },
    { mpan: importMpan, role: 'IS', mpid: 'SUPA', from: '2026-02-01', to: '2026-02-10' },
    { mpan: importMpan, role: 'IS', mpid: 'SUPA', from: '2026-02-12' },
    { mpan: importMpan, role: 'MDR', mpid: 'MDRA', from: '2026-01-01', to: '2026-05-31' },
    { mpan: importMpan, role: 'ED', mpid: 'NETA', from: '2026-01-01', to: '2026-05-31' },
  ]
  const checked = checkRegistry(parties)
  assert.ok(checked.ok)
  assert.equal(gapsOf((checked as { registry: Registry }).registry).map(textOfGap), [
    'nobody is registered as IS of MPAN 1234567890126 on 2026-02-11',
    'nobody is registered as MDR of MPAN 1234567890126 from 2026-06-01 on',
  ])
})

test('files of any bytes: problems or rows, never an exception', () => {
  const odd = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.json(),
    fc
      .array(
        fc.array(fc.constantFrom('', 'eui', 'mpan', 'role', 'efd', '"', 'IS', importMpan, '__proto__', ';'), {
          maxLength: 6,
        }),
        {
          maxLength: 6,
        },
      )
      .map((rows) => rows.map((cells) => cells.join(',')).join('\n')),
    fc.string({ unit: 'binary', maxLength: 100 }).map((text) => `${registrations('')}${text}`),
  )
  const none = { users: [], devices: [], registrations: [] }
  fc.assert(
    fc.property(odd, fc.constantFrom('replace' as const, 'merge' as const), (text, how) => {
      const problems: string[] = []
      const given: ImportFile = { name: 'odd', text }
      const combined = combineRows(none, [readImportFile(given, readCsv, problems)], how)
      for (const kind of kinds) assert.is(combined.places[kind].length, combined.data[kind].length)
      const checked = checkRegistry(combined.data)
      if (!checked.ok)
        for (const problem of checked.problems) assert.type(withPlaces(problem, combined.places), 'string')
    }),
    { numRuns: 500 },
  )
})

test('a state directory that is not there, no file, a file that is not there', async () => {
  const failing = async (options: Options, words: RegExp) => {
    try {
      await importCommand.run(options, { stdout() {}, stderr() {}, isTerminal: false, env: {} })
      assert.unreachable()
    } catch (error) {
      assert.match((error as Error).message, words)
    }
  }
  await failing({ state: freshPath(), argument: ['x'] }, /is not there/)
  await failing({ state: paths.root, argument: [] }, /name one or more/)
  await failing({ state: paths.root, argument: [join(paths.root, 'nix.csv')] }, /cannot read .*nix\.csv/)
  paths = state()
  assert.is(
    await auditCommand.run(
      { state: paths.root, verify: true },
      { stdout() {}, stderr() {}, isTerminal: false, env: {} },
    ),
    0,
  )
})

test.run()
