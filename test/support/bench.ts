// The whole bridge and a real meter on a virtual clock. Whatever the bridge sends is checked against schema 5.1.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { checkRegistry } from '../../host/access/parties.ts'
import type { AuditEvent } from '../../host/audit/audit-record.ts'
import { createMemoryTrail } from '../../host/audit/service-audit-trail.ts'
import { type Bridge, createBridge } from '../../host/bridge.ts'
import { openHourlyKeys } from '../../host/cache/hourly-keys.ts'
import { createReadingCache } from '../../host/cache/reading-cache.ts'
import { createReadThrough } from '../../host/cache/single-flight.ts'
import {
  createTestPki,
  loadIdentity,
  loadTrust,
  type TestIdentityName,
  testIdentities,
} from '../../host/cli/test-pki.ts'
import { type BridgeConfig, readConfig } from '../../host/config.ts'
import { createDco } from '../../host/dco/sealer.ts'
import { formatRequest, type RequestToFormat } from '../../host/duis/format.ts'
import { parseResponse, type ServiceResponse, verifyResponse } from '../../host/duis/read-response.ts'
import { requestIdOf } from '../../host/duis/request.ts'
import { signDocument } from '../../host/duis/sign.ts'
import type { Endpoint } from '../../host/http-server.ts'
import type { Answered } from '../../host/router.ts'
import { createMemoryStore, type Store } from '../../host/store/store.ts'
import { duisSchema } from './duis-schema.ts'
import { createRandom } from './random.ts'
import { createWorld } from './world.ts'

export const esme = '00-DB-12-34-56-78-90-A0'
export const mpan = '1234567890126'
export const midnight = Date.UTC(2026, 10, 22)
const dayMs = 86400000

/** Wh of a half-hour, as the meter of every bench has lived it. */
export const whOf = (halfHour: number) => createRandom(halfHour).below(500)

const scratch = mkdtempSync(join(tmpdir(), 'smets1-bench-'))
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }))
createTestPki(join(scratch, 'pki'), { nowMs: midnight - 500 * dayMs })
const trust = loadTrust(join(scratch, 'pki'))
const identity = (name: TestIdentityName) => loadIdentity(join(scratch, 'pki'), name)

/** The registry of a bench, to be changed by a test before it is used. */
export function testParties() {
  return {
    users: [
      {
        name: 'supplier',
        eui: testIdentities.supplier.eui,
        mpid: 'SUPA',
        roles: ['IS', 'GS'],
        status: 'active',
        callback: 'http://127.0.0.1:1/supplier',
      },
      {
        name: 'network-operator',
        eui: testIdentities['network-operator'].eui,
        mpid: 'NETA',
        roles: ['ED'],
        status: 'active',
        callback: 'http://127.0.0.1:1/network-operator',
      },
      {
        name: 'mdr',
        eui: testIdentities.mdr.eui,
        mpid: 'MDRA',
        roles: ['MDR'],
        status: 'active',
        callback: 'http://127.0.0.1:1/mdr',
      },
      {
        name: 'other-user',
        eui: testIdentities['other-user'].eui,
        roles: ['OU'],
        status: 'active',
        callback: 'http://127.0.0.1:1/other-user',
      },
    ] as { [name: string]: unknown }[],
    devices: [{ eui: esme, importMpan: mpan, status: 'Commissioned', line: 'default' }],
    registrations: [
      { mpan, role: 'IS', mpid: 'SUPA', from: '2020-01-01' },
      { mpan, role: 'ED', mpid: 'NETA', from: '2020-01-01' },
      { mpan, role: 'MDR', mpid: 'MDRA', from: '2020-01-01' },
    ] as { [name: string]: unknown }[],
  }
}

export interface Callback {
  url: string
  xml: string
  atMs: number
  response: ServiceResponse
}

export interface BenchOptions {
  seed?: number
  days?: number
  parties?: ReturnType<typeof testParties>
  config?: Partial<BridgeConfig>
  /** Key that the DCO holds, when it is not the meter's. */
  dcoKey?: Uint8Array
}

function validate(xml: string): void {
  assert.equal(duisSchema().validate(xml), [], xml)
}

export function createBench(options: BenchOptions = {}) {
  const seed = options.seed ?? 1
  const key = createRandom(42).bytes(32)
  const world = createWorld({ seed, days: options.days ?? 10, eui: esme, key, endMs: midnight, whOf })
  const { clock } = world
  // Ten minutes past midnight: yesterday is complete.
  clock.set(midnight + 600000)
  world.meter.meter().step()
  const checked = checkRegistry(options.parties ?? testParties())
  if (!checked.ok) throw new Error(checked.problems.join('\n'))
  let { registry } = checked
  const directory = mkdtempSync(join(scratch, 'bench-'))
  const store: Store = createMemoryStore()
  const callbacks: Callback[] = []
  const answers: Answered[] = []
  const trail: AuditEvent[] = []
  let commits: () => Promise<void> = async () => {}
  const log: { event: string; [name: string]: unknown }[] = []
  let status: (url: string, tries: number) => number | string = () => 204
  const dco = createDco(
    { key: (eui) => (eui === esme ? (options.dcoKey ?? key) : undefined) },
    createRandom(seed + 7).bytes,
  )

  let lives = 0

  /** The store as one life of the bridge sees it: what a killed one still does has no effect, and never ends. */
  function storeOf(life: number): Store {
    const dead = () => life !== lives
    const never = new Promise<never>(() => {})
    return {
      ...store,
      put: (table, name, value) => (dead() ? never : store.put(table, name, value)),
      remove: (table, name) => (dead() ? never : store.remove(table, name)),
    }
  }

  function start(): Bridge {
    lives += 1
    const life = lives
    const own = storeOf(life)
    const keys = openHourlyKeys(join(directory, 'cache-keys'), createRandom(seed + 8).bytes, () => {})
    const cache = createReadingCache({ store: own, keys, randomBytes: createRandom(seed + 9).bytes })
    return createBridge({
      config: { ...readConfig('', {}, { lineUrl: 'sim:' }), explain: true, ...options.config },
      registry: () => registry,
      trust: () => trust,
      dsp: identity('dsp').signer,
      s1sp: identity('s1sp').signer,
      dco,
      store: own,
      readThrough: createReadThrough(cache, clock.nowMs, () => {}),
      schema: undefined,
      timing: clock,
      openPort: world.line.openPort,
      async post(url, xml) {
        if (life !== lives) return new Promise<never>(() => {})
        validate(xml)
        const outcome = status(url, callbacks.length + 1)
        if (typeof outcome === 'string') throw new Error(outcome)
        const parsed = parseResponse(Buffer.from(xml))
        if (!parsed.ok) throw new Error(parsed.detail)
        callbacks.push({ url, xml, atMs: clock.nowMs(), response: parsed.response })
        return outcome
      },
      audit: { ...createMemoryTrail(trail), committed: () => commits() },
      log: (event, fields) => void log.push({ event, ...fields }),
      answered: (answered) => void answers.push(answered),
    })
  }

  let bridge = start()
  let counter = 1000n

  const bench = {
    ...world,
    callbacks,
    answers,
    /** What the audit trail was told. */
    trail,
    log,
    store,
    verify: (xml: string) => verifyResponse(Buffer.from(xml), trust, { nowMs: clock.nowMs() }),
    bridge: () => bridge,
    /** What becomes of commits of the audit trail. */
    auditCommits(how: typeof commits) {
      commits = how
    },
    /** From now on these are the parties. */
    changeParties(parties: ReturnType<typeof testParties>) {
      const changed = checkRegistry(parties)
      if (!changed.ok) throw new Error(changed.problems.join('\n'))
      registry = changed.registry
    },
    /** What Users answer to callbacks. */
    usersAnswer(how: typeof status) {
      status = how
    },
    /** A request, unsigned: yesterday, of the supplier, unless told otherwise. */
    request(name: TestIdentityName = 'supplier', fields: Partial<RequestToFormat> = {}): string {
      counter += 1n
      return formatRequest({
        requestId: requestIdOf(testIdentities[name].eui, esme, counter),
        serviceReferenceVariant: '4.8.1',
        period: { startMs: midnight - dayMs, endMs: midnight },
        ...fields,
      })
    },
    sign: (xml: string, name: TestIdentityName = 'supplier') => signDocument(xml, identity(name).signer),
    /** Posts bytes; answers the acknowledgement's code and explanation. */
    async post(xml: string | Uint8Array, endpoint: Endpoint = 'serviceS') {
      const body = typeof xml === 'string' ? Buffer.from(xml) : xml
      const answer = await clock.run(bridge.receive(endpoint, body, true))
      validate(answer.xml)
      const parsed = parseResponse(Buffer.from(answer.xml))
      assert.ok(parsed.ok)
      const code = parsed.ok ? parsed.response.code : ''
      return { code, xml: answer.xml, why: answer.headers?.['smets1-explain'] ?? '' }
    },
    /** Posts a signed request and lets time pass until it is answered. */
    async ask(name: TestIdentityName = 'supplier', fields: Partial<RequestToFormat> = {}) {
      const acknowledged = await bench.post(bench.sign(bench.request(name, fields), name))
      await bench.answered()
      return acknowledged
    },
    /** Lets time pass until nothing accepted is unanswered, at most a minute. */
    async answered() {
      for (let i = 0; i < 600 && [...store.range('accepted', '', '\uffff')].length > 0; i++) await clock.pass(100)
      await clock.pass(1)
    },
    /** The process is killed: what was in memory is gone. */
    kill() {
      bridge = start()
      return bridge
    },
  }
  return bench
}
