// The whole bridge and a real meter on a virtual clock. What it sends can be checked by whoever makes it.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Configuration } from '../firmware/settings.ts'
import type { AuditEvent } from '../host/audit/audit-record.ts'
import { createMemoryTrail } from '../host/audit/service-audit-trail.ts'
import { type Bridge, createBridge } from '../host/bridge/bridge.ts'
import { bridgeTables, type Tables } from '../host/bridge/tables.ts'
import { createDailyReadThrough } from '../host/cache/daily-reads.ts'
import { openHourlyKeys } from '../host/cache/hourly-keys.ts'
import { createReadingCache } from '../host/cache/reading-cache.ts'
import { createReadThrough } from '../host/cache/single-flight.ts'
import { createTopUp, noTopUp } from '../host/cache/top-up.ts'
import type { Endpoint } from '../host/catalogue/endpoint.ts'
import { type BridgeConfig, readConfig } from '../host/config/config.ts'
import { createDco } from '../host/dco/sealer.ts'
import { formatRequest, type RequestToFormat } from '../host/duis/format.ts'
import { parseResponse, type ServiceResponse, verifyResponse } from '../host/duis/read-response.ts'
import { requestIdOf } from '../host/duis/request.ts'
import { signDocument } from '../host/duis/sign.ts'
import { createTestPki, loadIdentity, loadTrust, type TestIdentityName, testIdentities } from '../host/pki/test-pki.ts'
import type { CompletedRequest } from '../host/requests/accepted-request.ts'
import { createMemoryStore, type Store } from '../host/store/store.ts'
import { dayMs } from '../protocol/half-hour.ts'
import { createRandom } from './random.ts'
import { registryOf } from './registry-of.ts'
import { createSimMeter, createWorld } from './world.ts'

export const esme = '00-DB-12-34-56-78-90-A0'
export const mpan = '1234567890126'
export const midnight = Date.UTC(2026, 10, 22)

const yesterday = { startMs: midnight - dayMs, endMs: midnight }

/** Wh of a half-hour, as the meter of every bench has lived it. */
export const whOf = (halfHour: number) => createRandom(halfHour).below(500)

const scratch = mkdtempSync(join(tmpdir(), 'smets1-bench-'))
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }))
createTestPki(join(scratch, 'pki'), { nowMs: midnight - 500 * dayMs })
const trust = loadTrust(join(scratch, 'pki'))
const identity = (name: TestIdentityName) => loadIdentity(join(scratch, 'pki'), name)

function userOf(name: TestIdentityName, roles: string[], mpid?: string) {
  const { eui } = testIdentities[name]
  return { name, eui, ...(mpid && { mpid }), roles, status: 'active', callback: `http://127.0.0.1:1/${name}` }
}

/** The registry of a bench, to be changed by a test before it is used. */
export function testParties() {
  return {
    users: [
      userOf('supplier', ['IS', 'GS'], 'SUPA'),
      userOf('network-operator', ['ED'], 'NETA'),
      userOf('mdr', ['MDR'], 'MDRA'),
      userOf('other-user', ['OU']),
    ] as { [name: string]: unknown }[],
    devices: [{ eui: esme, importMpan: mpan, status: 'Commissioned', line: 'default' }],
    registrations: [
      { mpan, role: 'IS', mpid: 'SUPA', from: '2020-01-01' },
      { mpan, role: 'ED', mpid: 'NETA', from: '2020-01-01' },
      { mpan, role: 'MDR', mpid: 'MDRA', from: '2020-01-01' },
    ] as { [name: string]: unknown }[],
  }
}

export const exportMpan = '1012345678903'

/** The same, with an export MPAN for which the supplier, the network operator and the MDR are registered too. */
export function exportParties() {
  const parties = testParties()
  Object.assign(parties.devices[0]!, { exportMpan })
  Object.assign(parties.users[0]!, { roles: ['IS', 'ES', 'GS'] })
  const from = '2020-01-01'
  parties.registrations.push(
    { mpan: exportMpan, role: 'ES', mpid: 'SUPA', from },
    { mpan: exportMpan, role: 'ED', mpid: 'NETA', from },
    { mpan: exportMpan, role: 'MDR', mpid: 'MDRA', from },
  )
  return parties
}

export interface Callback {
  url: string
  xml: string
  atMs: number
  response: ServiceResponse
  explanation: string | undefined
}

export interface BenchOptions {
  /** Checks each message before it is sent; throws when it is wrong. Nothing is checked unless given. */
  check?: (xml: string) => void
  seed?: number
  days?: number
  /** The midnight (00:00 UTC) until which the meter has lived; `midnight` unless given. */
  midnightMs?: number
  parties?: ReturnType<typeof testParties>
  config?: Partial<BridgeConfig>
  schema?: Parameters<typeof createBridge>[0]['schema']
  /** Active export, reactive import and reactive export of a half-hour; nothing unless given. */
  othersOf?: (halfHour: number) => number[]
  /** How the meter is set, when not as it comes. */
  configuration?: Configuration
  /** Key that the DCO holds, when it is not the meter's. */
  dcoKey?: Uint8Array
  /** EUI-64s of more meters on the line, that live the same life with the same key. */
  moreMeters?: string[]
}

/** HTTP status with which a User answers a push, or what goes wrong with it; at once, or later. */
export type UserAnswer = (url: string, pushes: number, xml: string) => number | string | Promise<number | string>

export function createBench(options: BenchOptions = {}) {
  const seed = options.seed ?? 1
  const check = options.check ?? (() => {})
  const key = createRandom(42).bytes(32)
  const { othersOf, configuration } = options
  const days = options.days ?? 10
  const midnightMs = options.midnightMs ?? midnight
  const world = createWorld({ seed, days, eui: esme, key, endMs: midnightMs, whOf, othersOf, configuration })
  const { clock } = world
  const more = (options.moreMeters ?? []).map((eui) => createSimMeter(clock, world.line, eui, key))
  const lived = Array.from({ length: world.end - world.first }, (_, i) => whOf(world.first + i))
  for (const meter of more) meter.live(world.first, lived)
  // Ten minutes past midnight: yesterday is complete.
  clock.set(midnightMs + 600000)
  for (const meter of [world.meter, ...more]) meter.meter().step()
  let registry = registryOf(options.parties ?? testParties())
  const directory = mkdtempSync(join(scratch, 'bench-'))
  const store: Store<Tables> = createMemoryStore(bridgeTables)
  const callbacks: Callback[] = []
  const answers: CompletedRequest[] = []
  const trail: AuditEvent[] = []
  let commits: () => Promise<void> = async () => {}
  const log: { event: string; [name: string]: unknown }[] = []
  let status: UserAnswer = () => 204
  const dco = createDco(
    {
      key: (eui) => (eui === esme || options.moreMeters?.includes(eui) ? (options.dcoKey ?? key) : undefined),
    },
    createRandom(seed + 7).bytes,
  )

  let lives = 0
  let writesLeft = Number.POSITIVE_INFINITY

  /** The store as one life of the bridge sees it: what a killed one still does has no effect, and never ends. */
  function storeOf(life: number): Store<Tables> {
    const never = new Promise<never>(() => {})
    /** Counts a write; false when the process is killed before it. */
    const writes = () => {
      writesLeft -= 1
      return life === lives && writesLeft >= 0
    }
    return {
      ...store,
      put: (table, name, value) => (writes() ? store.put(table, name, value) : never),
      remove: (table, name) => (writes() ? store.remove(table, name) : never),
    }
  }

  function start(): Bridge {
    lives += 1
    writesLeft = Number.POSITIVE_INFINITY
    const life = lives
    const own = storeOf(life)
    const config = { ...readConfig('', {}, { lineUrl: 'sim:' }), explain: true, ...options.config }
    const ownKeys = createRandom(seed + 8).bytes
    const keys = openHourlyKeys(join(directory, 'cache-keys'), ownKeys, () => {}, config.cacheDeletion)
    const isToppedUp = config.cacheTopUp === 'period'
    const kept = { store: own, keys, randomBytes: createRandom(seed + 9).bytes, policy: config.cachePolicy }
    const cache = createReadingCache(kept)
    const topUp = isToppedUp ? createTopUp(cache, keys, kept.policy) : noTopUp
    const daily = { ...kept, topUp: isToppedUp, nowMs: clock.nowMs, emptied: cache.emptied, report: () => {} }
    return createBridge({
      config,
      registry: () => registry,
      trust: () => trust,
      dsp: identity('dsp').signer,
      dspEui: testIdentities.dsp.eui,
      s1sp: identity('s1sp').signer,
      dco,
      store: own,
      readThrough: createReadThrough(cache, clock.nowMs, () => {}, topUp),
      dailyReadThrough: createDailyReadThrough(daily),
      emptyCache: cache.empty,
      schema: options.schema,
      timing: clock,
      openPort: world.line.openPort,
      async post(url, xml, timeoutMs, explanation) {
        if (life !== lives || writesLeft < 0) return new Promise<never>(() => {})
        check(xml)
        const answer = status(url, callbacks.length + 1, xml)
        const late = new Promise<string>((resolve) => clock.after(timeoutMs, () => resolve('no answer in time')))
        const outcome = typeof answer === 'object' ? await Promise.race([answer, late]) : answer
        if (typeof outcome === 'string') throw new Error(outcome)
        const parsed = parseResponse(Buffer.from(xml))
        if (!parsed.ok) throw new Error(parsed.detail)
        callbacks.push({ url, xml, atMs: clock.nowMs(), response: parsed.response, explanation })
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
    meters: [world.meter, ...more],
    /** The registry changes while the bridge runs. Returns the one before. */
    setParties(parties: ReturnType<typeof testParties>) {
      const before = registry
      registry = registryOf(parties)
      return before
    },
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
        // Registers are read as they are: 4.1.1 and 4.2 have no window.
        ...(/^4\.(1\.1|2)$/.test(fields.serviceReferenceVariant ?? '') ? {} : { period: yesterday }),
        ...fields,
      })
    },
    sign: (xml: string, name: TestIdentityName = 'supplier') => signDocument(xml, identity(name).signer),
    /** Posts bytes; answers the acknowledgement's code and explanation. */
    async post(xml: string | Uint8Array, endpoint: Endpoint = 'serviceS') {
      const body = typeof xml === 'string' ? Buffer.from(xml) : xml
      const answer = await clock.run(bridge.receive(endpoint, body, true))
      check(answer.xml)
      const parsed = parseResponse(Buffer.from(answer.xml))
      if (!parsed.ok) throw new Error(parsed.detail)
      return { code: parsed.response.code, xml: answer.xml, why: answer.headers?.['smets1-explain'] ?? '' }
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
    /** Nothing is written or sent any more after so many writes: the process was killed there. `kill` starts the next. */
    dieAfterWrites(count: number) {
      writesLeft = count
    },
    /** The process is killed: what was in memory is gone. */
    kill() {
      bridge = start()
      return bridge
    },
  }
  return bench
}
