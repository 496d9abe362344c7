// smets1 up with a registry that its user has changed, and with --json.

import { createServer } from 'node:http'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { programAsTyped } from '../../../host/cli/typed.ts'
import { editJson, finished, freshPath, smets1 } from '../../support/bench/cli.ts'

const state = freshPath()
const anyPort = ['--http-port', '0']
const registry = join(state, 'registry.json')

test('up --json prints one line when it is ready, and nothing else on stdout', async () => {
  const up = smets1(['up', '--json', '--state', state, ...anyPort])
  await up.says('\n')
  const ready = JSON.parse(up.out())
  assert.is(ready.ready, true)
  assert.is(ready.state, state)
  assert.is(ready.meter.eui, '00-DB-12-34-56-78-90-A0')
  const read = await finished(['read', '4.1.1', '--state', state, '--url', ready.url])
  assert.is(read.code, 0, read.err)
  up.child.kill('SIGINT')
  assert.is(await up.ended, 0)
  assert.is(up.out().trim().split('\n').length, 1)
})

test('a User that is not registered for the day is skipped with a hint, and the bench runs on', async () => {
  editJson(registry, (data) => {
    data.registrations = (data.registrations as { role: string }[]).filter(({ role }) => role !== 'MDR')
  })
  const up = smets1(['up', '--state', state, ...anyPort], { npm_lifecycle_event: 'npx', npm_command: 'exec' })
  await up.says('Ctrl-C stops')
  assert.match(up.out(), /1\. The supplier reads yesterday\n {2}/)
  assert.match(up.out(), /2\. The MDR reads the same: skipped, mdr gets E4: .*Settlement Day/)
  assert.match(up.out(), /\n {2}npx smets1 read 4\.8\.1 --as mdr /)
  up.child.kill('SIGINT')
  assert.is(await up.ended, 0, up.err())
  const once = await finished(['up', '--once', '--state', state, ...anyPort])
  assert.is(once.code, 1, 'there is nothing to compare')
})

test('a callback of another program and a User that is gone are skipped, too', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => other.once('listening', resolve))
  other.unref()
  const { port } = other.address() as { port: number }
  editJson(registry, (data) => {
    const users = data.users as { name: string; callback: string }[]
    for (const user of users) if (user.name === 'supplier') user.callback = `http://127.0.0.1:${port}/`
    data.users = users.filter(({ name }) => name !== 'mdr')
  })
  const up = smets1(['up', '--state', state, ...anyPort])
  await up.says('Ctrl-C stops')
  assert.match(up.out(), /supplier reads yesterday: skipped, cannot wait .* another program/)
  assert.match(up.out(), /MDR reads the same: skipped, .*has no User called mdr/)
  up.child.kill('SIGINT')
  assert.is(await up.ended, 0, up.err())
  other.close()
})

test('commands are shown as they were typed', () => {
  assert.is(programAsTyped({}), 'smets1')
  assert.is(programAsTyped({ npm_command: 'exec', npm_lifecycle_event: 'npx' }), 'npx smets1')
  const own = { npm_package_name: 'smets1' }
  assert.is(programAsTyped({ ...own, npm_command: 'start', npm_lifecycle_event: 'start' }), 'npm run -s smets1 --')
  assert.is(
    programAsTyped({ ...own, npm_command: 'run-script', npm_lifecycle_event: 'smets1' }),
    'npm run -s smets1 --',
  )
  const others = { npm_package_name: 'shop', npm_command: 'run-script', npm_lifecycle_event: 'bench' }
  assert.is(programAsTyped(others), 'npx smets1')
})

test.run()
