// Where security events go: a file of the state directory, which only its owner can read.

import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createLifecycle } from '../../../host/bridge/lifecycle.ts'
import { readConfig } from '../../../host/config/config.ts'
import { openSecurityLog } from '../../../host/runtime/security-log.ts'
import { systemTiming } from '../../../host/runtime/system-timing.ts'
import { CommandError } from '../../../host/state/errors.ts'
import { statePaths } from '../../../host/state/state-directory.ts'
import { until } from '../../support/until.ts'

function stateDirectory() {
  const root = mkdtempSync(join(tmpdir(), 'smets1-security-'))
  return { paths: statePaths(root), config: readConfig('', {}, {}), remove: () => rmSync(root, { recursive: true }) }
}

const linesOf = (path: string) =>
  readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { [name: string]: unknown })

test('JSON lines in a file of mode 0600; what was counted is written at the end', async () => {
  const { paths, config, remove } = stateDirectory()
  const lifecycle = createLifecycle()
  const security = await openSecurityLog(paths, config, systemTiming, () => {}, lifecycle)
  for (let i = 0; i < 5; i++) security.report({ event: 'replay', who: '90-B3-D5-1F-30-01-00-00', what: 'replayed' })
  await until(() => readFileSync(paths.securityLog, 'utf8') !== '', 'first record')
  await lifecycle.close()
  assert.is(statSync(paths.securityLog).mode & 0o777, 0o600)
  const [first, rest, ...more] = linesOf(paths.securityLog)
  assert.equal(Object.keys(first ?? {}), ['time', 'event', 'who', 'what', 'severity', 'count', 'from'])
  assert.equal([first?.count, rest?.count, more.length], [1, 4, 0])
  assert.match(String(rest?.time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  remove()
})

test('a file that another program has moved is opened again', async () => {
  const { paths, config, remove } = stateDirectory()
  const lifecycle = createLifecycle()
  const security = await openSecurityLog(paths, config, systemTiming, () => {}, lifecycle)
  security.report({ event: 'replay', who: 'a' })
  await until(() => readFileSync(paths.securityLog, 'utf8') !== '', 'first record')
  renameSync(paths.securityLog, `${paths.securityLog}.moved`)
  security.reopen()
  security.report({ event: 'replay', who: 'b' })
  await lifecycle.close()
  assert.equal([linesOf(`${paths.securityLog}.moved`)[0]?.who, linesOf(paths.securityLog)[0]?.who], ['a', 'b'])
  remove()
})

test('"off" writes nothing; a file that cannot be written is named with the fix', async () => {
  const { paths, config, remove } = stateDirectory()
  const lifecycle = createLifecycle()
  const off = await openSecurityLog(paths, { ...config, securityLog: 'off' }, systemTiming, () => {}, lifecycle)
  off.report({ event: 'replay', who: 'a' })
  assert.is(off.counts().find(({ event }) => event === 'replay')?.total, 1, 'it is counted all the same')
  await lifecycle.close()
  assert.is(statSync(paths.securityLog, { throwIfNoEntry: false }), undefined)
  mkdirSync(paths.securityLog)
  try {
    await openSecurityLog(paths, config, systemTiming, () => {}, createLifecycle())
    assert.unreachable('a folder is no file')
  } catch (error) {
    assert.instance(error, CommandError)
    assert.match(
      (error as Error).message,
      /security\.log cannot be written: .*; change its owner or mode, or set securityLog/,
    )
  }
  remove()
})

test.run()
