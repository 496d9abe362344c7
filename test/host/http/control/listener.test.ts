// The control API by the outside: who may call it, what it answers, and what it refuses.

import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { request } from 'node:http'
import { createServer } from 'node:net'
import { Validator } from '@seriousme/openapi-schema-validator'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Io, Options } from '../../../../host/cli/command.ts'
import { controlCommand } from '../../../../host/cli/control.ts'
import { grants, scopes } from '../../../../host/http/control/call.ts'
import { calls } from '../../../../host/http/control/calls.ts'
import { bind, loopback } from '../../../../host/http/control/port.ts'
import { createTokens } from '../../../../host/http/control/tokens.ts'
import { createHttpServer, defaultHttpLimits } from '../../../../host/http/http-server.ts'
import { CommandError } from '../../../../host/state/errors.ts'
import { freshPath } from '../../../support/bench/cli.ts'
import { send, startControlBench } from '../../../support/bench/control-bench.ts'
import { until } from '../../../support/until.ts'

const test = suite('control listener')
let bench: Awaited<ReturnType<typeof startControlBench>>

test.before(async () => {
  bench = await startControlBench()
})
test.after(() => bench.stop())

/** A path of a call, each name in braces replaced by a value. */
const pathOf = (path: string) => path.replace(/\{\w+\}/g, '1')

test('address and tokens are in files that only this user can read', () => {
  const names = readdirSync(bench.paths.control).sort()
  assert.equal(names, [...scopes.map((scope) => `${scope}.token`), 'url'].sort())
  assert.is(statSync(bench.paths.control).mode & 0o777, 0o700)
  for (const name of names) assert.is(statSync(`${bench.paths.control}/${name}`).mode & 0o777, 0o600, name)
  assert.is(readFileSync(`${bench.paths.control}/url`, 'utf8').trim(), bench.url)
  assert.is(new Set(scopes.map(bench.token)).size, scopes.length)
  assert.match(bench.url, /^http:\/\/127\.0\.0\.1:\d+$/)
})

test('a directory of tokens that was there becomes one of this user alone', () => {
  const directory = freshPath()
  mkdirSync(directory, { mode: 0o755 })
  chmodSync(directory, 0o755)
  createTokens().publish(directory, bench.url)
  assert.is(statSync(directory).mode & 0o777, 0o700)
})

test('no call is answered without a token, with a wrong one, from another page or by another name', async () => {
  for (const { method, path, name } of calls) {
    const at = pathOf(path)
    const authorization = `Bearer ${bench.token('test')}`
    const own = bench.url.replace('http://', '')
    const refused: [number, { [name: string]: string }][] = [
      [403, { authorization, host: `evil.example:${own.split(':')[1]}` }],
      [403, { authorization, host: '127.0.0.1' }],
      [403, { authorization, origin: 'http://evil.example' }],
      [403, { authorization, origin: 'null' }],
      [403, { authorization, origin: `https://${own}` }],
      [403, { authorization, 'sec-fetch-site': 'cross-site' }],
      [403, { authorization, 'sec-fetch-site': 'same-site' }],
    ]
    for (const [status, headers] of refused) {
      const answered = await bench.call(method, at, { headers })
      assert.is(answered.status, status, `${name} ${JSON.stringify(headers)}`)
      assert.is(answered.headers['content-type'], 'application/problem+json')
      assert.is(answered.headers['access-control-allow-origin'], undefined)
    }
  }
  const wrong = [
    '',
    'Bearer',
    `Bearer ${bench.token('test')}x`,
    `Basic ${bench.token('test')}`,
    `Bearer ${'a'.repeat(43)}`,
  ]
  for (const authorization of wrong)
    assert.is((await bench.call('GET', '/status', { headers: { authorization } })).status, 401, authorization)
  assert.is((await bench.call('GET', '/nothing')).status, 401)
})

test('a token makes the calls of its scope and no others', async () => {
  for (const scope of scopes) {
    for (const { method, path, name, scope: wanted } of calls) {
      if (grants[scope].includes(wanted)) continue
      const answered = await bench.call(method, pathOf(path), { scope, ...(/^P/.test(method) && { body: {} }) })
      assert.is(answered.status, 403, `${scope} ${name}`)
      assert.match(String(answered.json().detail), `needs a token of scope ${wanted}`)
    }
  }
  assert.is((await bench.call('GET', '/status', { scope: 'read' })).status, 200)
  assert.is((await bench.call('GET', '/status', { scope: 'feed' })).status, 403)
})

test('a call from a page of this listener is answered', async () => {
  const headers = { origin: bench.url, 'sec-fetch-site': 'same-origin' }
  const answered = await bench.call('GET', '/version', { scope: 'read', headers })
  assert.is(answered.status, 200)
  assert.is(answered.headers['cache-control'], 'no-store')
  assert.match(String(answered.headers['content-security-policy']), "default-src 'none'")
})

test('what a GET without input answers is as its schema says', async () => {
  const plain = calls.filter(({ method, path, input }) => method === 'GET' && !/\{/.test(path) && input.has({}))
  assert.ok(plain.length > 5)
  for (const { path, name, output } of plain) {
    const answered = await bench.call('GET', path, { scope: 'test' })
    // What this bench has not, it says.
    assert.ok(answered.status === 200 || answered.status === 409, `${name} ${answered.text}`)
    if (answered.status === 200) assert.equal(output.problems(answered.json()), [], name)
  }
})

test('paths, methods and inputs that do not exist', async () => {
  const cases: [string, string, number, RegExp][] = [
    ['GET', '/nothing', 404, /openapi\.json/],
    ['GET', '/status/1', 404, /no \/status\/1/],
    ['POST', '/status', 405, /takes GET/],
    ['OPTIONS', '/status', 405, /takes GET/],
    ['GET', '/devices?limit=0', 400, /limit must be >= 1/],
    ['GET', '/devices?limit=many', 400, /limit must be integer/],
    ['GET', '/devices?colour=red', 400, /additional properties: colour/],
    ['GET', '/messages/1', 404, /no message 1/],
    ['GET', '/messages/%', 400, /%25/],
    ['GET', '/messages/first', 400, /must be integer/],
    ['GET', '/counters?user=nobody', 404, /no User is called nobody/],
    ['GET', `/${'a'.repeat(2000)}`, 404, /openapi/],
  ]
  for (const [method, path, status, words] of cases) {
    const answered = await bench.call(method, path, { scope: 'test' })
    assert.is(answered.status, status, `${method} ${path} ${answered.text}`)
    assert.match(String(answered.json().detail), words)
  }
})

test('a call that waits for 100 (Continue) gets it', async () => {
  const headers = { expect: '100-continue', authorization: `Bearer ${bench.token('operate')}` }
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const outgoing = request(`${bench.url}/nothing`, { method: 'POST', headers, timeout: 5000 }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
    outgoing.once('continue', () => outgoing.end('{}'))
    outgoing.once('timeout', () => outgoing.destroy(new Error('neither 100 nor an answer in 5 s')))
    outgoing.once('error', reject)
    outgoing.flushHeaders()
  })
  assert.is(status, 404)
})

test('MPANs are masked until they are asked for', async () => {
  const mpan = '1234567890126'
  const masked = await bench.call('GET', '/devices', { scope: 'read' })
  assert.is(masked.text.includes(mpan), false)
  assert.match(masked.text, '"importMpan":"12*********26"')
  assert.ok((await bench.call('GET', '/devices?mpans=true', { scope: 'read' })).text.includes(mpan))
  assert.is((await bench.call('GET', '/devices?mpans=true')).status, 401)
})

test('the OpenAPI document is valid, has every call, and needs no token', async () => {
  const document = (await bench.call('GET', '/openapi.json')).json()
  const validator = new Validator()
  const { valid, errors } = await validator.validate(document)
  assert.ok(valid, JSON.stringify(errors))
  assert.is(validator.version, '3.1')
  const { paths } = document as { paths: { [path: string]: { [method: string]: { operationId: string } } } }
  const listed = Object.values(paths).flatMap((methods) => Object.values(methods).map((one) => one.operationId))
  assert.equal(listed.sort(), calls.map(({ name }) => name).sort())
  assert.is(new Set(listed).size, listed.length)
  assert.is((await bench.call('GET', '/openapi.json', { headers: { host: 'evil.example' } })).status, 403)
})

test('who tries tokens is slowed down; who has one is not', async () => {
  const tries = await Promise.all(Array.from({ length: 40 }, () => bench.call('GET', '/status')))
  assert.ok(tries.filter(({ status }) => status === 429).length >= 15)
  assert.is(tries.find(({ status }) => status === 429)?.headers['retry-after'], '1')
  assert.is((await bench.call('GET', '/status', { scope: 'read' })).status, 200)
})

test('callers without a token use up nothing of those with one', async () => {
  let isOver = false // 1,800 calls: more than may come at once, and faster than these are given back.
  const flood = async () => {
    for (let i = 0; i < 30; i++) await bench.call('GET', '/status')
  }
  const flooded = Promise.all(Array.from({ length: 60 }, flood)).then(() => {
    isOver = true
  })
  const statuses: number[] = []
  while (!isOver) {
    statuses.push((await bench.call('GET', '/status', { scope: 'read' })).status)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  await flooded
  assert.equal([...new Set(statuses)], [200])
})

test('where nobody asked for a port, the next free one is taken', async () => {
  const taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, loopback, resolve))
  const address = taken.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const server = createHttpServer(
    async () => ({ xml: '' }),
    defaultHttpLimits,
    () => {},
  )
  const options = { port, directory: '' }
  const error = await bind(server, { ...options, mayMove: false }).catch((thrown: unknown) => thrown)
  assert.ok(error instanceof CommandError && /--console-port/.test(error.message))
  const url = await bind(server, { ...options, mayMove: true })
  assert.ok(Number(new URL(url).port) > port, url)
  server.close()
  taken.close()
})

test('messages are listed and shown, the newest first', async () => {
  const duis = bench.running.url
  for (const body of ['<a/>', '<b/>'])
    await send(`${duis}/api/v1/serviceS`, 'POST', { 'content-type': 'application/xml' }, body)
  const { messages } = (await bench.call('GET', '/messages', { scope: 'read' })).json() as {
    messages: { number: number; kind: string; code?: string }[]
  }
  assert.equal(
    messages.map(({ number, kind }) => [number, kind]),
    [
      [4, 'acknowledgement'],
      [3, 'request'],
      [2, 'acknowledgement'],
      [1, 'request'],
    ],
  )
  assert.is(messages[0]?.code, 'E48')
  assert.is((await bench.call('GET', '/messages/3', { scope: 'read' })).json().xml, '<b/>')
  const xml = await bench.call('GET', '/messages/3', { scope: 'read', headers: { accept: 'application/xml' } })
  assert.equal([xml.text, xml.headers['content-type']], ['<b/>', 'application/xml'])
  const only = await bench.call('GET', '/messages?after=2&kind=request', { scope: 'read' })
  assert.equal(
    (only.json().messages as { number: number }[]).map(({ number }) => number),
    [3],
  )
})

/** Runs `smets1 control` on the bench. */
async function command(argument: string[], options: Options = {}) {
  let out = ''
  const io: Io = { stdout: (text) => (out += text), stderr() {}, isTerminal: false, env: {} }
  const code = await controlCommand.run({ argument, state: bench.paths.root, json: true, ...options }, io)
  return { code, out }
}

test('the command lists the calls, makes them, and prints what they answer', async () => {
  const listed = JSON.parse((await command([])).out) as { call: string }[]
  assert.equal(
    listed.map((row) => row.call),
    calls.map(({ name }) => name),
  )
  const parties = await command(['parties'])
  assert.equal(JSON.parse(parties.out), (await bench.call('GET', '/parties', { scope: 'read' })).json())
  assert.is((await command(['message', 'number=3'], { xml: true })).out, '<b/>\n')
  assert.is(JSON.parse((await command(['devices', 'mpans=true', 'limit=1'])).out).devices.length, 1)
})

test('mistakes on the command line are named', async () => {
  const mistakes: [string[], Options, number, RegExp][] = [
    [['statsu'], {}, 2, /did you mean status/],
    [['devices', 'limit'], {}, 2, /NAME=VALUE/],
    [['devices', 'colour=red'], {}, 2, /takes limit, offset, mpans, not colour/],
    [['devices', 'limit=0'], {}, 2, /must be >= 1/],
    [['message'], {}, 2, /needs number=/],
    [['message', 'number=999'], {}, 1, /no message 999/],
    [['status'], { xml: true }, 2, /no XML/],
    [['status'], { url: 'http://127.0.0.1:1' }, 20, /does not answer/],
    [['status'], { input: '/nowhere.json' }, 2, /--input/],
  ]
  for (const [argument, options, exitCode, words] of mistakes) {
    const error = await command(argument, options).catch((thrown: unknown) => thrown)
    assert.ok(error instanceof CommandError, argument.join(' '))
    assert.is(error.exitCode, exitCode, error.message)
    assert.match(error.message, words)
  }
})

test('protective monitoring learns the peer of a request that nobody signed', async () => {
  const url = `${bench.running.url}/api/v1/serviceS`
  const answered = await send(url, 'POST', { 'content-type': 'application/xml' }, '<attack/>')
  assert.is(answered.status, 200)
  const record = () => /.*"malformed request".*/.exec(readFileSync(bench.paths.securityLog, 'utf8'))?.[0]
  await until(() => record() !== undefined, 'record of the attack')
  assert.is(JSON.parse(record() ?? '').who, '127.0.0.1')
})

test('address and tokens are gone when the bridge has stopped', async () => {
  await bench.stop()
  assert.equal(readdirSync(bench.paths.control), [])
  const error = await command(['status']).catch((thrown: unknown) => thrown)
  assert.ok(error instanceof CommandError && /no control API runs/.test(error.message))
})

test.run()
