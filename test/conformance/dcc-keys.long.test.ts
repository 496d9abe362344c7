// keys.boxed, from end to end: requests made from the DCC's templates and signed by its tool are accepted, and its validator
// accepts the responses. Without Java the tool's own keys sign, and our code checks against its certificates.

import { createHash, createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { testDevice } from '../../host/cli/test-registry.ts'
import { parseResponse, verifyResponse } from '../../host/duis/read-response.ts'
import { signDocument } from '../../host/duis/sign.ts'
import { loadSigningTool } from '../../host/pki/signing-tool.ts'
import { testIdentities } from '../../host/pki/test-pki.ts'
import { createTrustStore, decimalSerial, issuerNameOf } from '../../host/pki/trust.ts'
import { dayMs } from '../../protocol/half-hour.ts'
import { editJson, finished, freshPath, smets1 } from '../support/bench/cli.ts'
import { unsignedTemplate } from '../support/bench/duis-parties.ts'
import { duisSchema, toolBytes, toolFile, toolJar } from '../support/bench/duis-schema.ts'
import { javaTool } from '../support/bench/java-tool.ts'
import { hasJava, leaveOut } from '../support/left-out.ts'
import { until } from '../support/until.ts'

if (!hasJava) leaveOut(test, 'signing by the DCC’s tool itself', 'no java is on PATH')

const today = Math.floor(Date.now() / dayMs) * dayMs
const date = (days: number) => new Date(today + days * dayMs).toISOString().slice(0, 10)

// `up` has read as the supplier, with the time as its counter.
const firstCounter = Date.now() + 600_000

/** A template for these days, with a counter of its own. */
function request(name: string, counter: number, days: [string, string] = [date(-1), date(0)]): string {
  return unsignedTemplate(name)
    .replace(/(<sr:RequestID>[^<]*:)\d+</, `$1${firstCounter + counter}<`)
    .replace(/<sr:DeviceID>[^<]*/, `<sr:DeviceID>${testDevice.eui}`)
    .replace('2014-12-31', days[0])
    .replace('2015-01-01', days[1])
}

async function signed(xml: string): Promise<string> {
  if (!hasJava) return signedWithoutJava(xml)
  const { status, stdout, stderr } = await javaTool('Sign', xml)
  assert.is(status, 0, stderr)
  return stdout
}

/** By the tool's key for the supplier; its own program takes two seconds for each. */
function signedWithoutJava(xml: string): string {
  const name = 'xml-sign-90B3D51F30010000-ds'
  const certificate = new X509Certificate(toolFile(`${name}.pem`))
  const key = createPrivateKey({ key: Buffer.from(toolBytes(`${name}.key`)), format: 'der', type: 'pkcs8' })
  return signDocument(xml, { key, issuerName: issuerNameOf(certificate), serial: decimalSerial(certificate) })
}

/** Holds an answer against the schema, the tool's certificates and, where there is Java, its validator. */
async function accepted(xml: string): Promise<void> {
  assert.equal(duisSchema().validate(xml), [])
  const tool = await loadSigningTool(toolJar, Date.now())
  const trust = createTrustStore([], tool.signers)
  const outer = verifyResponse(Buffer.from(xml), trust, { nowMs: Date.now(), dspEui: tool.dsp.eui })
  // The S1SP's own signature is not of the tool's keys: it has none for an S1SP.
  if (!outer.ok) assert.is(outer.fault, 'unknownSigner')
  if (!hasJava) return
  const { status, stderr } = await javaTool('Validate', xml)
  assert.is(status, 0, stderr)
}

const state = freshPath()
const stops: (() => void)[] = []
test.after(() => {
  for (const stop of stops) stop()
})

const codeOf = (xml: string) => /ResponseCode>([^<]*)</.exec(xml)?.[1]

/** A User that collects the responses that it is sent. */
async function startUser() {
  const answers: string[] = []
  const server = createServer((incoming, reply) => {
    let body = ''
    incoming.on('data', (bytes) => {
      body += bytes
    })
    incoming.on('end', () => {
      answers.push(body)
      reply.writeHead(204).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  server.unref()
  stops.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return {
    callback: `http://127.0.0.1:${(server.address() as AddressInfo).port}/duis`,
    /** The last of so many responses; waits for it. */
    async final(count: number) {
      await until(() => answers.length >= count, `answer ${count}`)
      assert.is(answers.length, count)
      return answers[count - 1]!
    },
  }
}

/** `up` with the tool's keys. The state directory has been made by an earlier `up --once`. */
async function startUp() {
  const up = smets1(['up', '--state', state, '--http-port', '0'])
  stops.push(() => up.child.kill('SIGKILL'))
  await up.says('Ctrl-C stops')
  const url = /DUIS on (http:\S+)\/api/.exec(up.out())![1]!
  const post = async (body: string, service: string) => {
    const headers = { 'content-type': 'application/xml' }
    const reply = await fetch(`${url}/api/v1/${service}`, { method: 'POST', headers, body })
    assert.is(reply.status, 200)
    return reply.text()
  }
  return {
    url,
    post,
    send: async (xml: string, service: string) => post(await signed(xml), service),
    /** Changes a User's row; resolves when the bridge has read it. */
    async editParty(index: number, fields: { callback?: string; mode?: string }) {
      const registry = join(state, 'registry.json')
      editJson(registry, ({ users }) => void Object.assign((users as object[])[index]!, fields))
      const sha256 = createHash('sha256').update(readFileSync(registry)).digest('hex')
      const loaded = () => readFileSync(join(state, 'bridge.log'), 'utf8').includes(sha256)
      await until(loaded, 'registry read again by the bridge')
    },
    async stop() {
      up.child.kill('SIGINT')
      assert.is(await up.ended, 0, up.err())
    },
  }
}

/** Other templates of the DCC that are for this S1SP, with the code of their acknowledgement; dates aside as they are. */
const templates: [string, string, (xml: string) => string][] = [
  ['ECS17b_4.1.1_SINGLE_SUCCESS_REQUEST_DUIS.XML', 'I99', (xml) => xml],
  ['ECS17b_4.1.1_DSP_FUTURE_DATED_REQUEST_DUIS.XML', 'I99', (xml) => xml.replace('2015-01-15', date(2))],
  ['ECS17a_4.2_SUCCESS_REQUEST_DUIS.XML', 'I99', (xml) => xml],
  ['ECS21a_4.6.1_SINGLE_SUCCESS_REQUEST_DUIS.XML', 'I99', (xml) => xml],
  ['ECS21c_4.6.2_SUCCESS_REQUEST_DUIS.XML', 'E11', (xml) => xml],
  ['ECS22c_4.8.2_SUCCESS_REQUEST_DUIS.XML', 'I99', (xml) => xml],
  ['ECS22a_4.8.3_SUCCESS_REQUEST_DUIS.XML', 'I99', (xml) => xml],
  ['ECS66_4.17_SUCCESS_REQUEST_DUIS.XML', 'E11', (xml) => xml],
  ['ECS21a_5.1._DCC_SCHEDULED_REQUEST_DUIS.XML', 'I0', (xml) => xml.replace('2015-01-02', date(2))],
  ['5.2_READ_SCHEDULE_REQUEST_DUIS.XML', 'I0', (xml) => xml.replace('>123<', '>1<')],
  ['5.3_DELETE_SCHEDULE_REQUEST_DUIS.XML', 'I99', (xml) => xml.replace('>123<', '>1<')],
]

/** Posts those templates as the supplier; returns how many responses follow before the future-dated one. */
async function postTemplates(post: (body: string, service: string) => Promise<string>): Promise<number> {
  for (const [i, [name, code, changed]] of templates.entries()) {
    const xml = changed(request(name, 100 + i))
    // Some of them are another User's.
    const ours = xml.replace(/(RequestID>)[^:]*/, `$1${testIdentities.supplier.eui}`)
    const service = /CommandVariant>8</.test(ours) ? 'serviceD' : 'serviceS'
    const answer = await post(signedWithoutJava(ours), service)
    assert.is(codeOf(answer), code, `${name}: ${answer}`)
  }
  // The one that is future-dated is answered in two days.
  return templates.filter(([name, code]) => code === 'I99' && name.startsWith('E')).length - 1
}

/** Requests ForSettlement from the command line. */
async function assertForSettlement(url: string): Promise<void> {
  const asked = ['read', '4.1.1', '--state', state, '--url', url, '--as', 'network-operator']
  const never = await finished([...asked, '--for-settlement', '--explain'])
  assert.is(never.code, 1)
  assert.match(never.err, /E49[\s\S]*table 6/)
  const access = await finished(['access', '--state', state, '--as', 'mdr', '--srv', '4.1.1', '--json'])
  assert.is(JSON.parse(access.out).forSettlement, true)
  const asIf = await finished(['access', '--state', state, '--as', 'other-user', '--for-settlement'])
  assert.equal([asIf.code, /E49, rule "settlement"/.test(asIf.out)], [1, true])
}

test('the DCC’s templates, signed by its tool, in both modes of delivery', async () => {
  const made = await finished(['up', '--once', '--state', state, '--http-port', '0', '--keys-boxed', toolJar])
  assert.is(made.code, 0, made.err)
  assert.match(made.out, /Both agree/)
  const { callback, final } = await startUser()
  writeFileSync(join(state, 'config.json'), JSON.stringify({ keys: { boxed: toolJar } }))
  const validated = await finished(['validate', '--state', state])
  assert.is(validated.code, 0, validated.out)
  const { url, post, send, editParty, stop } = await startUp()
  await editParty(0, { callback })

  // `up` has read once with our keys; now both our keys and the tool's are trusted.
  const halfHours = 'ECS22b_4.8.1_SINGLE_SUCCESS_REQUEST_DUIS.XML'
  const first = await signed(request(halfHours, 1))
  const acknowledged = await post(first, 'serviceS')
  assert.is(codeOf(acknowledged), 'I99')
  const response = await final(1)
  const parsed = parseResponse(Buffer.from(response))
  assert.ok(parsed.ok)
  assert.equal([parsed.response.kind, parsed.response.entries?.length], ['SMETS1ResponseMessage', 49])

  const again = await post(first, 'serviceS')
  assert.is(codeOf(again), 'E50')
  const foreign = await post(signedWithoutJava(request(halfHours, 2, ['1999-12-30', '1999-12-31'])), 'serviceS')
  assert.is(codeOf(foreign), 'E4')
  const inventory = await send(request('8.2_READ_INVENTORY_REQUEST_DUIS.XML', 3), 'serviceD')
  assert.equal([codeOf(inventory), inventory.includes(testIdentities.dsp.eui)], ['I0', true])

  const soon = 1 + (await postTemplates(post))
  await final(soon)

  const read = await finished(['read', '4.1.1', '--state', state, '--url', url, '--as', 'mdr'])
  assert.is(read.code, 0, read.err)

  await editParty(0, { mode: 'boxed' })
  assert.is(codeOf(await send(request(halfHours, 4), 'serviceS')), 'I99')
  const boxed = await final(soon + 1)
  const unboxed = parseResponse(Buffer.from(boxed))
  assert.ok(unboxed.ok)
  assert.equal([unboxed.response.kind, unboxed.response.entries], ['ResponseMessage', parsed.response.entries])

  // The command and the log say that this is not what the DCC sends.
  await editParty(2, { mode: 'boxed' })
  const labelled = ['read', '4.8.1', '--state', state, '--url', url, '--as', 'mdr']
  assert.match((await finished(labelled)).out, /49 half-hours.*; boxed delivery, which is not standard\n$/)
  assert.is(JSON.parse((await finished([...labelled, '--json'])).out).delivery, 'boxed (not standard)')
  assert.match(readFileSync(join(state, 'bridge.log'), 'utf8'), '"delivery":"boxed (not standard)"')

  await assertForSettlement(url)

  await Promise.all([acknowledged, response, again, foreign, inventory, boxed].map(accepted))
  if (hasJava) {
    // One signature in a boxed response, so the validator does look at it.
    const changed = boxed.replace(/<sr:ResponseDateTime>20/, '<sr:ResponseDateTime>21')
    assert.is((await javaTool('Validate', changed)).status, 10)
  }
  await stop()
})

test('a missing or wrong jar: the exit code for keys, and the fix', async () => {
  const none = freshPath()
  writeFileSync(none, 'no jar')
  for (const [jar, why] of [
    [none, /not a zip archive/],
    [freshPath(), /ENOENT/],
  ] as const) {
    const run = await finished(['up', '--once', '--state', freshPath(), '--keys-boxed', jar])
    assert.is(run.code, 3, run.err)
    assert.match(run.err, why)
    assert.match(run.err, `keys.boxed ${jar}`)
    assert.not.match(run.err, /\n\s+at /)
  }
  const config = join(state, 'config.json')
  for (const [keys, why] of [
    [7, /keys: expected an object/],
    [{ boxed: 7 }, /keysBoxed must be|keys\.boxed must be/],
    [{ dsp: 'x' }, /keys: expected an object/],
    [{ boxed: none }, /not a zip archive/],
  ] as const) {
    writeFileSync(config, JSON.stringify({ keys }))
    const run = await finished(['validate', '--state', state])
    assert.is(run.code, 2, run.out)
    assert.match(run.out, why)
  }
  // Others could ask with keys that everybody has.
  writeFileSync(config, JSON.stringify({ keys: { boxed: toolJar } }))
  const open = ['bridge', '--state', state, '--port', 'tcp://127.0.0.1:9', '--http-port', '0', '--http-host', '0.0.0.0']
  const bridge = smets1(open)
  stops.push(() => bridge.child.kill('SIGKILL'))
  await bridge.says('bridge: DUIS on')
  assert.match(bridge.err(), /warning: the private keys of .*tool\.jar are public: anybody who reaches 0\.0\.0\.0/)
  bridge.child.kill('SIGTERM')
  assert.is(await bridge.ended, 0)
  writeFileSync(config, JSON.stringify({ keysBoxed: none }))
  assert.match((await finished(['validate', '--state', state])).out, /no setting "keysBoxed"; there are .*keys/)
})

test.run()
