// The whole bridge and a real meter on a virtual clock. What the bridge sends can be checked by whoever makes the bench.

import type { Configuration } from '../firmware/settings.ts'
import type { AuditEvent } from '../host/audit/audit-record.ts'
import { type Bridge, startBridge } from '../host/bridge/start-bridge.ts'
import { bridgeTables, type Tables } from '../host/bridge/tables.ts'
import type { Endpoint } from '../host/catalogue/endpoint.ts'
import { type BridgeConfig, readConfig } from '../host/config/config.ts'
import type { Vault } from '../host/dco/vault.ts'
import type { Post } from '../host/delivery/delivery.ts'
import { formatRequest, type RequestToFormat } from '../host/duis/format.ts'
import { parseResponse, type ServiceResponse, verifyResponse } from '../host/duis/read-response.ts'
import { requestIdOf } from '../host/duis/request.ts'
import type { Schema } from '../host/duis/schema.ts'
import { signDocument } from '../host/duis/sign.ts'
import { type TestIdentityName, testIdentities } from '../host/pki/test-pki.ts'
import type { CompletedRequest } from '../host/requests/accepted-request.ts'
import { createMemoryStore, type Store } from '../host/store/store.ts'
import { dayMs } from '../protocol/half-hour.ts'
import { esme, testParties } from './bench-parties.ts'
import { createRandom } from './random.ts'
import { registryOf } from './registry-of.ts'
import { createSimulatedEnv, createSimulatedPki, type SimulatedWorld } from './simulated-env.ts'
import type { VirtualClock } from './virtual-clock.ts'
import { createSimMeter, createWorld } from './world.ts'

export const midnight = Date.UTC(2026, 10, 22)
const yesterday = { startMs: midnight - dayMs, endMs: midnight }

/** Wh of a half-hour in the log of every bench's meter. */
export const whOf = (halfHour: number) => createRandom(halfHour).below(500)

const pki = createSimulatedPki(midnight - 500 * dayMs)

/** HTTP status with which a User answers a push, or what goes wrong with it; at once, or later. */
export type UserAnswer = (url: string, pushes: number, xml: string) => number | string | Promise<number | string>

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
  /** The midnight (00:00 UTC) up to which the meter has a log; `midnight` unless given. */
  midnightMs?: number
  parties?: ReturnType<typeof testParties>
  config?: Partial<BridgeConfig>
  schema?: Schema
  /** Active export, reactive import and reactive export of a half-hour; nothing unless given. */
  othersOf?: (halfHour: number) => number[]
  /** Settings of the meter; the defaults unless given. */
  configuration?: Configuration
  /** Key that the DCO holds, when it is not the meter's. */
  dcoKey?: Uint8Array
  /** EUI-64s of more meters on the line, with the same log and the same key. */
  moreMeters?: string[]
}

/** The meters of a bench with their logs, ten minutes past midnight: yesterday is complete. */
function createMeters(options: BenchOptions, key: Uint8Array) {
  const { seed = 1, days = 10, midnightMs = midnight, othersOf, configuration } = options
  const world = createWorld({ seed, days, eui: esme, key, endMs: midnightMs, whOf, othersOf, configuration })
  const { clock, line, first, end } = world
  const more = (options.moreMeters ?? []).map((eui) => createSimMeter(clock, line, eui, key))
  const wh = Array.from({ length: end - first }, (_, i) => whOf(first + i))
  for (const meter of more) meter.live(first, wh)
  clock.set(midnightMs + 600_000)
  const meters = [world.meter, ...more]
  for (const meter of meters) meter.meter().step()
  return { ...world, meters }
}

/** A store whose process can be killed: from then on, what the killed process still writes has no effect. */
function createKillableStore() {
  const store: Store<Tables> = createMemoryStore(bridgeTables)
  let lives = 0
  let writesLeft = Number.POSITIVE_INFINITY
  const never = new Promise<never>(() => {})
  return {
    store,
    dieAfterWrites(count: number) {
      writesLeft = count
    },
    /** The store of a new life, and whether that life still goes on. */
    nextLife() {
      lives += 1
      writesLeft = Number.POSITIVE_INFINITY
      const life = lives
      const writes = () => {
        writesLeft -= 1
        return life === lives && writesLeft >= 0
      }
      const own: Store<Tables> = {
        ...store,
        put: (table, name, value) => (writes() ? store.put(table, name, value) : never),
        remove: (table, name) => (writes() ? store.remove(table, name) : never),
      }
      return { life, store: own, isAlive: () => life === lives && writesLeft >= 0 }
    },
  }
}

function createParties(parties: ReturnType<typeof testParties>) {
  let registry = registryOf(parties)
  return {
    registry: () => registry,
    trust: () => pki.trust,
    /** Returns the registry before. */
    set(next: ReturnType<typeof testParties>) {
      const before = registry
      registry = registryOf(next)
      return before
    },
  }
}

/** The Users at the other end of the network: what they were sent, and what they answer. */
function createUsers(check: (xml: string) => void, clock: VirtualClock) {
  const callbacks: Callback[] = []
  let status: UserAnswer = () => 204
  return {
    callbacks,
    answer(how: typeof status) {
      status = how
    },
    postOf(isAlive: () => boolean): Post {
      return async (url, xml, timeoutMs, explanation) => {
        if (!isAlive()) return new Promise<never>(() => {})
        check(xml)
        const answer = status(url, callbacks.length + 1, xml)
        const late = new Promise<string>((resolve) => clock.after(timeoutMs, () => resolve('no answer in time')))
        const outcome = typeof answer === 'object' ? await Promise.race([answer, late]) : answer
        if (typeof outcome === 'string') throw new Error(outcome)
        const parsed = parseResponse(Buffer.from(xml))
        if (!parsed.ok) throw new Error(parsed.detail)
        callbacks.push({ url, xml, atMs: clock.nowMs(), response: parsed.response, explanation })
        return outcome
      }
    },
  }
}

/** What a bridge has reported since the bench was made. */
function createReports() {
  const answers: CompletedRequest[] = []
  const trail: AuditEvent[] = []
  const log: { event: string; [name: string]: unknown }[] = []
  return { answers, trail, log }
}

/** Requests of Users, with counters that increase. */
function createRequests() {
  let counter = 1000n
  return {
    /** A request, unsigned: the supplier's, for yesterday, unless given otherwise. */
    request(name: TestIdentityName = 'supplier', fields: Partial<RequestToFormat> = {}): string {
      counter += 1n
      return formatRequest({
        requestId: requestIdOf(testIdentities[name].eui, esme, counter),
        serviceReferenceVariant: '4.8.1',
        // 4.1.1 and 4.2 read registers as they are and have no window.
        ...(/^4\.(1\.1|2)$/.test(fields.serviceReferenceVariant ?? '') ? {} : { period: yesterday }),
        ...fields,
      })
    },
    sign: (xml: string, name: TestIdentityName = 'supplier') => signDocument(xml, pki.identity(name).signer),
  }
}

/** Whether a request is not answered yet, or a response is not due yet. */
function isOpen(store: ReturnType<typeof createKillableStore>['store'], nowMs: number): boolean {
  const isDelayed = [...store.range('outbox', '', '\uffff')].some(({ value }) => (value.notBeforeMs ?? 0) > nowMs)
  return isDelayed || store.count('accepted') > 0
}

/** Starts a bench. The bridge has started when it resolves. */
export async function createBench(options: BenchOptions = {}) {
  const check = options.check ?? (() => {})
  const key = createRandom(42).bytes(32)
  const world = createMeters(options, key)
  const { clock } = world
  const killable = createKillableStore()
  const { store } = killable
  const parties = createParties(options.parties ?? testParties())
  const users = createUsers(check, clock)
  const reports = createReports()
  const requests = createRequests()
  let commits: () => Promise<void> = async () => {}
  const isKnown = (eui: string) => eui === esme || options.moreMeters?.includes(eui)
  const vault: Vault = { key: (eui) => (isKnown(eui) ? (options.dcoKey ?? key) : undefined) }
  const simulated: Omit<SimulatedWorld, 'store'> = {
    clock,
    openPort: world.line.openPort,
    pki,
    cacheKeys: pki.directory(),
    vault,
    parties,
    schema: options.schema,
    seed: options.seed ?? 1,
  }

  function start(): Promise<Bridge> {
    const config = { ...readConfig('', {}, { lineUrl: 'sim:' }), explain: true, ...options.config }
    const { life, store: own, isAlive } = killable.nextLife()
    const env = createSimulatedEnv({ ...simulated, store: own }, config, life, {
      post: users.postOf(isAlive),
      record: (event) => void reports.trail.push(event),
      committed: () => commits(),
      log: (event, fields) => void reports.log.push({ event, ...fields }),
      completed: (completed) => void reports.answers.push(completed),
    })
    return startBridge(env, config)
  }

  let bridge = await start()

  const bench = {
    ...world,
    ...reports,
    ...requests,
    callbacks: users.callbacks,
    store,
    /** Changes the registry while the bridge runs. Returns the one before. */
    setParties: parties.set,
    verify: (xml: string) => verifyResponse(Buffer.from(xml), pki.trust, { nowMs: clock.nowMs() }),
    bridge: () => bridge,
    /** Sets what becomes of commits of the audit trail. */
    auditCommits(how: typeof commits) {
      commits = how
    },
    /** Sets what Users answer to callbacks: an HTTP status, or a text for no answer. */
    usersAnswer: users.answer,
    /** Posts bytes; returns the acknowledgement's code and explanation. */
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
      const acknowledged = await bench.post(requests.sign(requests.request(name, fields), name))
      await bench.answered()
      return acknowledged
    },
    /** Lets time pass until every accepted request is answered and its response is due, at most a minute. */
    async answered() {
      for (let i = 0; i < 600 && isOpen(store, clock.nowMs()); i++) await clock.pass(100)
      await clock.pass(1)
    },
    /** Kills the process after so many more writes: nothing is written or sent any more. `kill` starts the next one. */
    dieAfterWrites: killable.dieAfterWrites,
    /** Kills the process and starts the next one, which continues from the store. */
    async kill() {
      bridge = await start()
      return bridge
    },
  }
  return bench
}
