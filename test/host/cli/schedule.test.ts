// smets1 schedule, inventory and performance, against a running bench.

import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { editJson, finished, freshPath, type Run, smets1 } from '../../support/bench/cli.ts'

const state = freshPath()
let up: Run
let url = ''

test.before(async () => {
  await finished(['up', '--once', '--state', state, '--http-port', '0'])
  editJson(join(state, 'registry.json'), (registry) => {
    Object.assign((registry.devices as object[])[0]!, { model: 'Liberty 100', uprn: '100012345678', s1sp: 'MOC' })
  })
  up = smets1(['up', '--state', state, '--http-port', '0'])
  await up.says('Ctrl-C stops')
  url = /DUIS on (http:\S+)\/api/.exec(up.out())![1]!
})

test.after(async () => {
  up.child.kill('SIGTERM')
  await up.ended
})

const ask = (...args: string[]) => finished([...args, '--state', state, '--url', url])

test('schedules are created, listed and deleted', async () => {
  const created = await ask('schedule', 'create', '--as', 'mdr', '--at', '01:00', '--json')
  assert.is(created.code, 0, created.err)
  const { code, rows } = JSON.parse(created.out)
  assert.is(code, 'I0')
  const id = String(rows[0].id)
  const monthly = ['--frequency', 'monthly', '--start', '2099-01-31', '--end', '2099-12-31', '--from-days-ago', '31']
  assert.is((await ask('schedule', 'create', '--as', 'mdr', ...monthly)).code, 0)
  const listed = await ask('schedule', 'list', '--as', 'mdr')
  assert.is(listed.code, 0)
  assert.match(listed.out, /Daily .* 01:00:00Z .* 4\.8\.1 .* -1 00:00:00Z to 0 00:00:00Z/)
  assert.match(listed.out, /Monthly +2099-01-31 +2099-12-31 .* -31 00:00:00Z to 0 00:00:00Z/)
  const one = await ask('schedule', 'list', '--as', 'mdr', '--id', id, '--format', 'csv')
  assert.is(one.out.trim().split('\n').length, 2)
  const deleted = await ask('schedule', 'delete', '--as', 'mdr', '--id', id)
  assert.is(deleted.code, 0)
  assert.match(deleted.out, new RegExp(`deleted schedule ${id}`))
  const again = await ask('schedule', 'delete', '--as', 'mdr', '--id', id, '--explain')
  assert.is(again.code, 1)
  assert.match(again.err, /E050301: No such schedule \(meaning of this code is an assumption\)/)
  assert.match(again.err, new RegExp(`no schedule ${id} of this User`))
  const none = await ask('schedule', 'list', '--as', 'supplier')
  assert.is(none.code, 0)
  assert.match(none.err, /W050201/)
})

test('mistakes are explained, nothing is sent', async () => {
  const mistakes: [string[], RegExp][] = [
    [['schedule', 'amend'], /schedule does create, list, delete, not amend/],
    [['schedule', 'create', '--frequency', 'hourly'], /--frequency is daily/],
    [['schedule', 'create', '--at', '25:00'], /--at is a time in UTC/],
    [['schedule', 'create', '--start', 'soon'], /--start is a date in UTC/],
    [['schedule', 'create', '--from-days-ago', '401'], /--from-days-ago is a whole number from 0 to 400/],
    [['schedule', 'create', '--srv', '8.2'], /--srv is a request to a meter/],
    [['schedule', 'delete'], /say which/],
    [['inventory', '--postcode', 'SW1A 1AA'], /go together/],
    [['inventory', '--as', 'nobody'], /no User is called nobody/],
  ]
  await Promise.all(
    mistakes.map(async ([args, why]) => {
      const { code, err } = await ask(...args)
      assert.is(code, 2, args.join(' '))
      assert.match(err, why)
      assert.not.match(err, /\n {4}at /)
    }),
  )
  const refused = await ask('schedule', 'create', '--srv', '4.1.1', '--explain')
  assert.is(refused.code, 1)
  assert.match(refused.err, /E050101: Not schedulable .*\n.*4\.1\.1 .* cannot be scheduled/)
})

test('the inventory, found in each way', async () => {
  for (const by of [[], ['--mpan', '1234567890126'], ['--uprn', '100012345678']]) {
    const { code, out, err } = await ask('inventory', '--as', 'mdr', '--json', ...by)
    assert.is(code, 0, err)
    const [device] = JSON.parse(out).rows
    assert.equal([device.DeviceModel, device.UPRN, device.S1SP], ['Liberty 100', '100012345678', 'MOC'])
  }
  assert.match((await ask('inventory', '--format', 'xml')).out, /<sr:DSPInventory>/)
  const nothing = await ask('inventory', '--uprn', '7')
  assert.is(nothing.code, 1)
  assert.match(nothing.err, /E080201/)
})

test('performance: what was answered, in every format', async () => {
  assert.is((await ask('read', '4.8.1')).code, 0)
  up.child.kill('SIGTERM')
  await up.ended
  const report = (...args: string[]) => finished(['performance', '--state', state, ...args])
  const table = await report()
  assert.match(table.out, /4\.8\.1 +on demand +no +16 +\d+ +\d+ +100\.00 %/)
  assert.match(table.out, /3\.1 +responses within the target response time +\d+ +\d+ +100\.00 %/)
  const { rows, measures } = JSON.parse((await report('--json')).out)
  assert.ok(rows.every((row: { answers: number; within: number }) => row.answers === row.within))
  assert.equal(
    measures.map(({ measure }: { measure: string }) => measure),
    ['3.1', '3.2', '3.3'],
  )
  assert.match((await report('--format', 'csv')).out, /^srv,service,settlement,targetS,answers,/)
  assert.match((await report('--from', '1999-01-01', '--to', '1999-01-02')).out, /nothing was answered/)
  assert.is((await report('--from', '2027-01-02', '--to', '2027-01-01')).code, 2)
})

test.run()
