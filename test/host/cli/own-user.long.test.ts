// A User of one's own: smets1 user, a request signed by another program, the mailbox, TLS.

import { spawnSync } from 'node:child_process'
import { copyFileSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { addIdentity } from '../../../host/pki/test-pki.ts'
import { editJson, finished, freshPath, smets1 } from '../../support/bench/cli.ts'
import { repositoryText } from '../../support/repository.ts'

const state = freshPath()
const eui = '00-DB-12-34-56-78-00-05'
const user = (...args: string[]) => finished(['user', ...args, '--state', state])
const meter = '00-DB-12-34-56-78-90-A0'

let url = ''
const up = smets1(['up', '--state', state, '--http-port', '0'])

/** The request of docs/how-to/own-user.md, as its shell writes it. */
function documentedRequest(counter: number): string {
  const page = repositoryText('docs/how-to/own-user.md')
  const text = /<sr:Request [\s\S]*<\/sr:Request>\n/.exec(page)?.[0] ?? ''
  const day = (ago: number) => new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10)
  return text
    .replace('$(date +%s%3N)', String(counter))
    .replace('$(date -ud yesterday +%F)', day(1))
    .replace('$(date -u +%F)', day(0))
}

async function post(xml: string) {
  const headers = { 'content-type': 'application/xml', 'smets1-explain': '1' }
  const response = await fetch(`${url}/api/v1/serviceS`, { method: 'POST', headers, body: xml })
  const code = /ResponseCode>([^<]+)/.exec(await response.text())?.[1]
  return { code, location: response.headers.get('location'), why: response.headers.get('smets1-explain') }
}

async function fetched(location: string | null): Promise<Response> {
  for (let tries = 0; tries < 100; tries++) {
    const response = await fetch(`${url}${location}`)
    if (response.status !== 202) return response
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('always 202')
}

test('user add makes key, certificate and row; a running bridge knows the User', async () => {
  await up.says('Ctrl-C stops')
  url = /DUIS on (http:\S+)\/api/.exec(up.out())?.[1] ?? ''
  const added = await user('add', 'my-mdr', '--roles', 'mdr', '--mpid', 'MDRA', '--eui', eui)
  assert.is(added.code, 0, added.err)
  assert.match(added.out, /my-mdr: EUI-64 00-DB-12-34-56-78-00-05[\s\S]*Location/)
  assert.is(statSync(join(state, 'pki', 'my-mdr.key')).mode & 0o777, 0o600)
  const rows = JSON.parse((await user('list', '--json')).out) as { name: string; callback: string }[]
  assert.is(rows.find((row) => row.name === 'my-mdr')?.callback, 'mailbox')
  const checked = await finished(['validate', '--state', state])
  assert.is(checked.code, 0, checked.out)
  const again = await user('add', 'my-mdr', '--roles', 'MDR', '--mpid', 'MDRA')
  assert.is(again.code, 2)
  assert.match(again.err, /user remove my-mdr/)
})

test('read fetches the response of a User without a callback from its mailbox', async () => {
  const { code, out, err } = await finished(['read', '4.8.1', '--as', 'my-mdr', '--state', state, '--url', url])
  assert.is(code, 0, err)
  assert.match(out, /49 half-hours/)
})

test('the documented request, signed by smets1 sign: 202, 200, and gone after DELETE', async () => {
  const file = freshPath()
  writeFileSync(file, documentedRequest(Date.now()).replace(/<ds:Signature>[\s\S]*<\/ds:Signature>\s*/, ''))
  const signed = await finished(['sign', file, '--as', 'my-mdr', '--state', state])
  assert.is(signed.code, 0, signed.err)
  const { code, location, why } = await post(signed.out)
  assert.is(code, 'I99', why ?? '')
  assert.match(location ?? '', /^\/api\/v1\/responses\/.*\/[\w-]{22}$/)
  const response = await fetched(location)
  assert.is(response.status, 200)
  assert.is(response.headers.get('content-type'), 'application/xml')
  const xml = await response.text()
  assert.match(xml, /ResponseCode>I0</)
  const unknown = await fetch(`${url}/api/v1/responses/${eui}:${meter}:1/AAAAAAAAAAAAAAAAAAAAAA`)
  const foreign = await fetch(`${url}${(location ?? '').slice(0, -22)}AAAAAAAAAAAAAAAAAAAAAA`)
  assert.equal([unknown.status, foreign.status], [404, 404])
  assert.is(await unknown.text(), await foreign.text())
  assert.is((await fetch(`${url}${location}`, { method: 'POST' })).status, 405)
  assert.is(await (await fetched(location)).text(), xml, 'GET does not remove it')
  assert.is((await fetch(`${url}${location}`, { method: 'DELETE' })).status, 204)
  assert.is((await fetch(`${url}${location}`)).status, 404)
  assert.is((await fetch(`${url}${location}`, { method: 'DELETE' })).status, 404)
})

test('the documented request, signed by xmlsec1 as documented', async () => {
  if (spawnSync('xmlsec1', ['--version']).status !== 0) return
  const file = freshPath()
  const signed = `${file}.signed`
  writeFileSync(file, documentedRequest(Date.now()))
  const key = ['key', 'pem'].map((ending) => join(state, 'pki', `my-mdr.${ending}`)).join(',')
  const { status, stderr } = spawnSync('xmlsec1', ['--sign', '--privkey-pem', key, '--output', signed, file])
  assert.is(status, 0, `${stderr}`)
  const { code, location, why } = await post(readFileSync(signed, 'utf8'))
  assert.is(code, 'I99', why ?? '')
  assert.match(await (await fetched(location)).text(), /ResponseCode>I0</)
})

test('read --print shows the signed request and sends nothing', async () => {
  const printed = await finished(['read', '4.8.1', '--as', 'mdr', '--state', state, '--print'])
  assert.is(printed.code, 0, printed.err)
  assert.is((await post(printed.out)).code, 'I99')
})

test('a certificate of one’s own, and what is wrong with one, by its file', async () => {
  const own = freshPath()
  await finished(['user', 'add', 'x', '--roles', 'OU', '--state', state, '--eui', '00-DB-12-34-56-78-00-06'])
  copyFileSync(join(state, 'pki', 'x.pem'), `${own}.pem`)
  copyFileSync(join(state, 'pki', 'x.key'), `${own}.key`)
  assert.is((await user('remove', 'x')).code, 0)
  assert.throws(() => statSync(join(state, 'pki', 'x.key')))
  const added = await user('add', 'mine', '--roles', 'OU', '--certificate', `${own}.pem`)
  assert.is(added.code, 0, added.err)
  assert.match(added.out, /mine: EUI-64 00-DB-12-34-56-78-00-06/)
  const noKey = await finished(['read', '4.8.1', '--as', 'mine', '--state', state, '--print'])
  assert.is(noKey.code, 3)
  assert.match(noKey.err, /mine\.pem is missing/)
  writeFileSync(`${own}.bad`, readFileSync(`${own}.pem`, 'utf8').slice(0, 300))
  const cases: [string[], number, RegExp][] = [
    [['--roles', 'OU', '--certificate', `${own}.bad`], 3, /\.bad is not a certificate/],
    [['--roles', 'OU', '--certificate', '/nowhere.pem'], 3, /\/nowhere\.pem is missing/],
    [['--roles', 'OU', '--certificate', join(state, 'pki', 'ca.pem')], 3, /ca\.pem: .*no EUI-64/],
    [['--roles', 'XX'], 2, /--roles: XX is no role/],
    [['--roles', 'MDR'], 2, /--mpid is missing/],
    [['--roles', 'OU', '--callback', 'http://10.1.2.3/x'], 2, /--callback: .*--allow-http-callbacks/],
    [['--roles', 'OU', '--callback', 'ftp://10.1.2.3/x'], 2, /--callback/],
    [['--roles', 'OU', '--callback-ca', `${own}.key`], 2, /--callback-ca: expected one certificate/],
  ]
  for (const [args, expected, said] of cases) {
    const { code, err } = await user('add', 'wrong', ...args)
    assert.is(code, expected, `${args.join(' ')}: ${err}`)
    assert.match(err, said)
    assert.not.match(err, /\n\s+at /)
  }
  assert.is((await user('add', '../x', '--roles', 'OU')).code, 2)
  assert.is((await user('add', 'dsp', '--roles', 'OU')).code, 2)
  const allowed = ['--callback', 'http://10.1.2.3/x', '--allow-http-callbacks']
  assert.is((await user('add', 'plain', '--roles', 'OU', ...allowed)).code, 0)
})

test('validate finds a User without a certificate', async () => {
  editJson(join(state, 'registry.json'), (registry) => {
    for (const one of registry.users as { [name: string]: unknown }[]) if (one.name === 'mine') delete one.certificate
  })
  const { code, out } = await finished(['validate', '--state', state])
  assert.is(code, 2)
  assert.match(out, /registry\.json: mine \(00-DB-12-34-56-78-00-06\) has no certificate/)
})

test('over TLS a client needs a certificate of the authority', async () => {
  up.child.kill('SIGINT')
  await up.ended
  const pki = join(state, 'pki')
  addIdentity(pki, { name: 'gateway', eui: '00-DB-12-34-56-78-00-07', role: '87' }, { nowMs: Date.now() })
  const file = (name: string) => join(pki, name)
  const tls = ['--tls-certificate', file('gateway.pem'), '--tls-key', file('gateway.key')]
  const args = ['bridge', '--state', state, '--port', 'tcp://127.0.0.1:1', '--http-port', '0', '--json']
  const bridge = smets1([...args, ...tls, '--tls-client-ca', file('ca.pem')])
  await bridge.says('"ready":true')
  const { url: served } = JSON.parse(bridge.out().split('\n')[0] ?? '') as { url: string }
  assert.match(served, /^https:/)
  const status = (client: object) =>
    new Promise<string>((resolve) => {
      const options = {
        ca: readFileSync(file('ca.pem')),
        checkServerIdentity: () => undefined,
        agent: false,
        ...client,
      }
      const asked = request(`${served}/api/v1/serviceS`, options, (response) => resolve(String(response.statusCode)))
      asked.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
      asked.end()
    })
  assert.is(await status({ cert: readFileSync(file('my-mdr.pem')), key: readFileSync(file('my-mdr.key')) }), '405')
  assert.match(await status({}), /CERTIFICATE_REQUIRED|ECONNRESET|EPIPE/)
  bridge.child.kill('SIGINT')
  await bridge.ended
  const half = await finished([...args, '--tls-key', file('gateway.key')])
  assert.is(half.code, 2)
  assert.match(half.err, /go together/)
  const other = await finished([...args, '--tls-certificate', file('mdr.pem'), '--tls-key', file('gateway.key')])
  assert.is(other.code, 3)
  assert.match(other.err, /gateway\.key is not the key of .*mdr\.pem/)
})

test.run()
