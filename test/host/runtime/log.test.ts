// What the bridge logs: JSON lines in UTC, one object each, a request's lines by its id, no MPANs and no keys.

import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { redacted } from '../../../host/audit/redact.ts'
import { openBridgeLog } from '../../../host/runtime/bridge-log.ts'
import { openLogFile } from '../../../host/runtime/log-file.ts'
import { statePaths } from '../../../host/state/state-directory.ts'
import { finished, freshPath } from '../../support/bench/cli.ts'

const mpan = '1234567890126'

interface Line {
  level: string
  time: string
  event: string
  requestId?: string
}

function linesOf(text: string): Line[] {
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line)
}

function checkLines(lines: Line[]): void {
  for (const { level, time, event } of lines) {
    assert.match(level, /^(info|warn|error)$/)
    assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    assert.type(event, 'string')
  }
  const ids = new Set(lines.flatMap(({ requestId }) => (requestId === undefined ? [] : [requestId])))
  assert.is(ids.size, 2)
  for (const id of ids) {
    const events = lines.filter(({ requestId }) => requestId === id).map(({ event }) => event)
    assert.equal(events, ['accepted', 'answered', 'delivered'], id)
  }
}

test('--log json: standard error holds one JSON object a line and nothing else; no file', async () => {
  const state = freshPath()
  const { code, out, err } = await finished([
    'up',
    '--once',
    '--state',
    state,
    '--days',
    '2',
    '--log',
    'json',
    '--http-port',
    '0',
  ])
  assert.is(code, 0, err)
  assert.match(out, /Both agree/)
  const lines = linesOf(err)
  checkLines(lines)
  assert.ok(
    lines.some(({ event }) => event === 'meter'),
    'what the meter says is a line too',
  )
  assert.ok(lines.some(({ event }) => event === 'ready'))
  assert.not.match(err, mpan)
  assert.not.ok(existsSync(join(state, 'bridge.log')))
})

test('plain: text on the terminal, the same records in a file for its owner', async () => {
  const state = freshPath()
  const { code, err } = await finished(['up', '--once', '--state', state, '--days', '2', '--http-port', '0'])
  assert.is(code, 0, err)
  const text = readFileSync(join(state, 'bridge.log'), 'utf8')
  checkLines(linesOf(text))
  assert.not.match(text, mpan)
  assert.is((await finished(['up', '--once', '--state', state, '--log', 'xml'])).code, 2)
})

test('redaction: MPANs in any text or field, keys, certificates; not the counter of a RequestID', () => {
  const id = `90-B3-D5-1F-30-01-00-09:00-DB-12-34-56-78-90-A0:${mpan}`
  const shown = redacted({
    requestId: id,
    reason: `registered as MDR MDRA for import MPAN ${mpan} from 2024-01-01; MPAN ${mpan}`,
    deep: [{ mpan, importMpan: mpan, key: 'ab', list: [new Uint8Array(32)] }],
    text: '-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----',
    counter: 5n,
    nothing: null,
  })
  assert.equal(shown, {
    requestId: id,
    reason: 'registered as MDR MDRA for import MPAN (redacted) from 2024-01-01; MPAN (redacted)',
    deep: [{ mpan: '(redacted)', importMpan: '(redacted)', key: '(redacted)', list: ['(32 bytes)'] }],
    text: '(redacted)',
    counter: '5',
    nothing: null,
  })
  const loop: { self?: unknown } = {}
  loop.self = loop
  assert.ok(JSON.stringify(redacted(loop)).includes('(deeper)'))
})

test('a file that cannot be written does not keep the program from its end, and its lines are written when there is room', async () => {
  const full = await openLogFile('/dev/full')
  full.stream.write('one\n')
  full.stream.write('x'.repeat(5000))
  await new Promise((resolve) => setTimeout(resolve, 300))
  await full.close()

  const folder = freshPath()
  mkdirSync(folder)
  const path = join(folder, 'lines')
  symlinkSync('/dev/full', path)
  const file = await openLogFile(path)
  file.stream.write('first\n')
  file.stream.write(`${'x'.repeat(5000)}\n`)
  await new Promise((resolve) => setTimeout(resolve, 50))
  file.stream.write('last\n')
  unlinkSync(path)
  file.reopen()
  await file.close()
  assert.equal(
    readFileSync(path, 'utf8')
      .split('\n')
      .map((line) => line.slice(0, 5)),
    ['first', 'xxxxx', 'last', ''],
  )
})

test('the file is moved at its size, a few are kept, and reopen follows a file that was moved', async () => {
  const paths = statePaths(freshPath())
  mkdirSync(paths.root)
  const logging = await openBridgeLog(paths, 'plain', { bytesMax: 2000, filesKept: 2 })
  const flush = () => new Promise((resolve) => setTimeout(resolve, 300))
  for (let i = 0; i < 100; i++) {
    logging.log('cache', { problem: `${i} ${'x'.repeat(100)}` })
    if (i % 20 === 19) await flush()
  }
  assert.equal(readdirSync(paths.root).sort(), ['bridge.log', 'bridge.log.1', 'bridge.log.2'])
  renameSync(paths.log, `${paths.log}.moved`)
  logging.reopen()
  await flush()
  logging.log('cache', { problem: 'after' })
  await logging.close()
  assert.match(readFileSync(paths.log, 'utf8'), /"problem":"after"/)
  assert.is(statSync(paths.log).mode & 0o777, 0o600)
  const lines = ['.2', '.1', '.moved'].flatMap((end) => linesOf(readFileSync(`${paths.log}${end}`, 'utf8')))
  assert.ok(lines.length >= 20)
})

test.run()
