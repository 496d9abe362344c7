// The whole bridge and a real meter on a virtual clock. What the bridge sends can be checked by whoever makes the bench.

import type { Configuration } from '../firmware/settings.ts'
import type { AuditEvent } from '../host/audit/audit-record.ts'
import type { BridgeEnv, BridgeNetwork } from '../host/bridge/env.ts'
import { type Bridge, startBridge } from '../host/bridge/start-bridge.ts'
import type { Tables } from '../host/bridge/tables.ts'
import type { Endpoint } from '../host/catalogue/endpoint.ts'
import { type BridgeConfig, readConfig } from '../host/config/config.ts'
import type { Vault } from '../host/dco/vault.ts'
import { formatRequest, type RequestToFormat } from '../host/duis/format.ts'
import { parseResponse, verifyResponse } from '../host/duis/read-response.ts'
import { requestIdOf } from '../host/duis/request.ts'
import type { Schema } from '../host/duis/schema.ts'
import { signDocument } from '../host/duis/sign.ts'
import { type TestIdentityName, testIdentities } from '../host/pki/test-pki.ts'
import type { CompletedRequest } from '../host/requests/accepted-request.ts'
import type { DuisAnswer } from '../host/requests/duis-endpoint.ts'
import type { SecurityEvent } from '../host/state/security-event.ts'
import type { Store } from '../host/store/store.ts'
import { dayMs } from '../protocol/half-hour.ts'
import { createUsers } from './bench-callbacks.ts'
import { esme, testParties } from './bench-parties.ts'
import type { OthersOf, WhOf } from './follow-load.ts'
import { createKillableStore } from './killable-store.ts'
import { createModels } from './models.ts'
import { createRandom } from './random.ts'
import { registryOf } from './registry-of.ts'
import { createSimulatedEnv, createSimulatedPki, type SimulatedPki, type SimulatedWorld } from './simulated-env.ts'
import type { VirtualClock } from './virtual-clock.ts'
import { createSimMeter, createWorld } from './world.ts'

export const midnight = Date.UTC(2026, 10, 22)
const yesterday = { startMs: midnight - dayMs, endMs: midnight }

/** Wh of a half-hour in the log of every bench's meter. */
export const whOf = (halfHour: number) => createRandom(halfHour).below(500)

let testPki: SimulatedPki | undefined

/** The PKI of all benches that are given none. */
function sharedPki(): SimulatedPki {
  testPki ??= createSimulatedPki(midnight - 500 * dayMs)
  return testPki
}

/** The log of a bench's meters, and when the bench starts. */
export interface LogOptions {
  seed?: number
  days?: number
  /** The midnight (00:00 UTC) up to which the meter has a log; `midnight` unless given. */
  midnightMs?: number
  /** When the bench starts; ten minutes past that midnight unless given. */
  startMs?: number
  /** Active import of a half-hour; `whOf` unless given. */
  whOf?: WhOf
  /** Active export, reactive import and reactive export of a half-hour; nothing unless given. */
  othersOf?: OthersOf
  /** Settings of the meter; the defaults unless given. */
  configuration?: Configuration
  /** Bits per second of the line; 115,200 unless given. */
  baud?: number
  /** EUI-64s of more meters on the line, with the same log and the same key. */
  moreMeters?: string[]
}

export interface BenchOptions extends LogOptions {
  /** Checks each message before it is sent; throws when it is wrong. Nothing is checked unless given. */
  check?: (xml: string) => void
  parties?: ReturnType<typeof testParties>
  config?: Partial<BridgeConfig>
  schema?: Schema
  /** Key that the DCO holds, when it is not the meter's. */
  dcoKey?: Uint8Array
  /** What is not as in the tests of this repository. */
  outside?: {
    clock?: VirtualClock
    pki?: SimulatedPki
    serve?: BridgeNetwork['serve']
    disturb?(env: BridgeEnv): BridgeEnv
  }
}

/** The meters of a bench with their logs. Unless told otherwise it is ten minutes past midnight: yesterday is complete. */
function createMeters(options: BenchOptions, key: Uint8Array) {
  const { seed = 1, days = 10, midnightMs = midnight, startMs = midnightMs + 600_000 } = options
  const { othersOf, configuration, outside, baud, whOf: load = whOf } = options
  const about = { othersOf, configuration, clock: outside?.clock, ...(baud && { baud }) }
  const world = createWorld({ seed, days, eui: esme, key, endMs: midnightMs, whOf: load, ...about })
  const { clock, line, first, end } = world
  const more = (options.moreMeters ?? []).map((eui) => createSimMeter(clock, line, eui, key))
  const wh = Array.from({ length: end - first }, (_, i) => load(first + i))
  for (const meter of more) meter.live(first, wh)
  clock.set(startMs)
  const meters = [world.meter, ...more]
  for (const meter of meters) if (meter.hasPower()) meter.meter().step()
  return { ...world, meters, models: createModels(clock, configOf(options)) }
}

function createParties(parties: ReturnType<typeof testParties>, trust: SimulatedPki['trust']) {
  let registry = registryOf(parties)
  return {
    registry: () => registry,
    trust,
    /** Returns the registry before. */
    set(next: ReturnType<typeof testParties>) {
      const before = registry
      registry = registryOf(next)
      return before
    },
  }
}

/** What a bridge has reported since the bench was made. */
function createReports() {
  const answers: CompletedRequest[] = []
  const trail: AuditEvent[] = []
  const log: { event: string; [name: string]: unknown }[] = []
  const security: SecurityEvent[] = []
  return { answers, trail, log, security }
}

/** What the bridge calls with its reports. */
function keptIn({ answers, trail, log, security }: ReturnType<typeof createReports>) {
  return {
    record: (event: AuditEvent) => void trail.push(event),
    log: (event: string, fields: { [name: string]: unknown }) => void log.push({ event, ...fields }),
    reportSecurity: (event: SecurityEvent) => void security.push(event),
    completed: (completed: CompletedRequest) => void answers.push(completed),
  }
}

/** Requests of Users, with counters that increase. */
function createRequests(pki: SimulatedPki) {
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
    sign: (xml: string, name = 'supplier') => signDocument(xml, pki.identity(name).signer),
  }
}

const configOf = ({ config }: BenchOptions): BridgeConfig => ({
  ...{ ...readConfig('', {}, {}), lineUrl: 'sim:', explain: true },
  ...config,
})

/** Whether a request is not answered yet, or a response is not due yet. */
function isOpen(store: Store<Tables>, nowMs: number): boolean {
  const isDelayed = [...store.range('outbox', '', '\uffff')].some(({ value }) => (value.notBeforeMs ?? 0) > nowMs)
  return isDelayed || store.count('accepted') > 0
}

/** What the DCO knows: one key for all meters. */
function createDco({ dcoKey, moreMeters = [] }: BenchOptions, meterKey: Uint8Array) {
  let key = dcoKey ?? meterKey
  const vault: Vault = { key: (eui) => (eui === esme || moreMeters.includes(eui) ? key : undefined) }
  return {
    vault,
    setKey(next: Uint8Array) {
      key = next
    },
  }
}

/** An acknowledgement's code and explanation. */
function acknowledgementOf({ xml, headers }: DuisAnswer, check: (xml: string) => void) {
  check(xml)
  const parsed = parseResponse(Buffer.from(xml))
  if (!parsed.ok) throw new Error(parsed.detail)
  return { code: parsed.response.code, xml, why: headers?.['smets1-explain'] ?? '' }
}

/** Starts a bench. The bridge has started when it resolves. */
export async function createBench(options: BenchOptions = {}) {
  const check = options.check ?? (() => {})
  const key = createRandom(42).bytes(32)
  const world = createMeters(options, key)
  const { clock } = world
  const pki = options.outside?.pki ?? sharedPki()
  const killable = createKillableStore(pki.directory())
  const { store } = killable.kept
  const parties = createParties(options.parties ?? testParties(), pki.trust)
  const users = createUsers(check, clock)
  const reports = createReports()
  const requests = createRequests(pki)
  let commits: () => Promise<void> = async () => {}
  const dco = createDco(options, key)
  const { models, line } = world
  const simulated: Omit<SimulatedWorld, 'store'> = {
    ...{ clock, openPort: line.openPort, models, pki },
    ...killable.keys,
    vault: dco.vault,
    parties,
    schema: options.schema,
    serve: options.outside?.serve,
    seed: options.seed ?? 1,
  }

  function start(): Promise<Bridge> {
    const config = configOf(options)
    const { life, store: own, isAlive } = killable.nextLife()
    const env = createSimulatedEnv({ ...simulated, store: own }, config, life, {
      post: users.postOf(isAlive),
      committed: () => commits(),
      ...keptIn(reports),
    })
    return startBridge(options.outside?.disturb?.(env) ?? env, config)
  }

  let bridge = await start()

  const bench = {
    ...world,
    ...reports,
    ...requests,
    callbacks: users.callbacks,
    onCallback: users.onCallback,
    ...killable.kept,
    /** Gives the DCO another key for the meters. */
    setDcoKey: dco.setKey,
    /** Changes the registry while the bridge runs. Returns the one before. */
    setParties: parties.set,
    verify: (xml: string) => verifyResponse(Buffer.from(xml), pki.trust(), { nowMs: clock.nowMs() }),
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
      return acknowledgementOf(await clock.run(bridge.receive(endpoint, body, true, undefined)), check)
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
