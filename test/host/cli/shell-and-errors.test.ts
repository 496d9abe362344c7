// Completion and manual from the tables of the commands; mistakes that name file and fix, and leave nothing behind.

import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { colour } from '../../../host/cli/colour.ts'
import { finished, freshPath } from '../../support/bench/cli.ts'

const state = freshPath()

test('bash completes commands, actions, flags and the words of a flag', async () => {
  const { code, out } = await finished(['completion', 'bash'])
  assert.is(code, 0)
  const complete = (...words: string[]) => {
    const line = words.map((word) => `'${word}'`).join(' ')
    const script = `${out}\nCOMP_WORDS=(smets1 ${line}); COMP_CWORD=${words.length}; _smets1; echo "\${COMPREPLY[*]}"`
    const run = spawnSync('bash', ['-c', script], { encoding: 'utf8' })
    assert.is(run.status, 0, run.stderr)
    return run.stdout.trim().split(' ')
  }
  assert.equal(complete('valid'), ['validate'])
  assert.equal(complete('user', 'r'), ['remove'])
  assert.equal(complete('user', '--call'), ['--callback', '--callback-ca'])
  assert.equal(complete('read', '--format', 'c'), ['csv'])
  assert.is((await finished(['completion', 'tcsh'])).code, 2)
})

test('zsh and fish accept their scripts, where they are installed; every command is in them', async () => {
  const help = (await finished(['--help'])).out
  const names = [...help.matchAll(/^ {2}([a-z]+)(?: [<[].*|\s{2,}.*)?$/gm)].map(([, name]) => name ?? '')
  assert.ok(names.length > 20)
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { out } = await finished(['completion', shell])
    for (const name of names) assert.match(out, name, `${shell} ${name}`)
    const run = spawnSync(shell, ['-n'], { input: out, encoding: 'utf8' })
    if (run.error === undefined) assert.is(run.status, 0, `${shell}: ${run.stderr}`)
  }
})

test('the manual page has every flag of a command and the exit codes', async () => {
  const { code, out } = await finished(['man'])
  assert.is(code, 0)
  assert.match(out, /^\.TH SMETS1 1/)
  assert.match(out, /\.SS user <action> \[name\]/)
  assert.match(out, /\.B \\-\\-allow\\-http\\-callbacks/)
  assert.match(out, /\.B 124\n/)
})

test('colour only where a terminal shows it, and never against NO_COLOR', () => {
  const red = '\u001b[31mx\u001b[0m'
  assert.is(colour('x', 'red', { isTerminal: true, env: {} }), red)
  assert.is(colour('x', 'red', { isTerminal: true, env: { NO_COLOR: '' } }), red)
  assert.is(colour('x', 'red', { isTerminal: true, env: { NO_COLOR: '1' } }), 'x')
  assert.is(colour('x', 'red', { isTerminal: true, env: { TERM: 'dumb' } }), 'x')
  assert.is(colour('x', 'red', { isTerminal: false, env: {} }), 'x')
})

test('a misspelt environment variable is refused, with the one that is meant', async () => {
  await finished(['up', '--once', '--state', state, '--http-port', '0'])
  const { code, err } = await finished(['validate', '--state', state], { SMETS1_HTP_PORT: '1' })
  const said = (await finished(['bridge', '--state', state], { SMETS1_HTP_PORT: '1' })).err
  assert.is(code, 2, err)
  assert.match(said, /SMETS1_HTP_PORT is no setting: did you mean SMETS1_HTTP_PORT\?/)
  const units = await finished(['validate', '--state', state], { SMETS1_BRIDGE: '--port /dev/x', SMETS1_METER: '' })
  assert.is(units.code, 0, units.out)
})

test('stats --url needs no state directory', async () => {
  const { code, err } = await finished(['stats', '--url', 'http://127.0.0.1:1', '--state', freshPath()])
  assert.is(code, 20, err)
})

test('a start that fails leaves no recording and no half-made directory', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  server.unref()
  const taken = String((server.address() as AddressInfo).port)
  const record = `${freshPath()}.pcapng`
  const bridge = ['bridge', '--state', state, '--port', 'tcp://127.0.0.1:1', '--http-port', taken, '--record', record]
  const failed = await finished(bridge)
  assert.is(failed.code, 20, failed.err)
  assert.not.ok(existsSync(record))
  writeFileSync(record, 'mine')
  const there = await finished(bridge)
  assert.is(there.code, 2)
  assert.ok(existsSync(record), 'a file that was there is not removed')
  server.close()
  const file = freshPath()
  writeFileSync(file, '')
  const inFile = await finished(['up', '--once', '--state', join(file, 'state'), '--http-port', '0'])
  assert.is(inFile.code, 2, inFile.err)
  assert.match(inFile.err, /a part of that path is a file|cannot be/)
  assert.not.match(inFile.err, /\n\s+at /)
  assert.equal(
    readdirSync(dirname(file)).filter((name) => name.endsWith('.new')),
    [],
  )
})

test('damaged and missing keys end with exit code 3 and the name of the file', async () => {
  const key = join(state, 'pki', 's1sp.key')
  const bridge = () => finished(['bridge', '--state', state, '--port', 'tcp://127.0.0.1:1', '--http-port', '0'])
  writeFileSync(key, '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n')
  chmodSync(key, 0o600)
  const damaged = await bridge()
  assert.is(damaged.code, 3, damaged.err)
  assert.match(damaged.err, /s1sp\.key is not a private key in PEM/)
  rmSync(key)
  const missing = await bridge()
  assert.is(missing.code, 3, missing.err)
  assert.match(missing.err, /s1sp\.key is missing: restore/)
})

test.run()
