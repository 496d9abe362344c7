// Everything that comes into the bridge from outside. There are two environments: this machine's in runtime/, and a
// simulated one in emulation/.

import type { Registry } from '../access/parties.ts'
import type { PartiesChange } from '../access/registry-changes.ts'
import type { ServiceAuditTrail } from '../audit/service-audit-trail.ts'
import type { HourlyKeys } from '../cache/hourly-keys.ts'
import type { DcoModel } from '../dco/dco-model.ts'
import type { Dco } from '../dco/sealer.ts'
import type { Vault } from '../dco/vault.ts'
import type { Post } from '../delivery/delivery.ts'
import type { Mailbox } from '../delivery/mailbox.ts'
import type { Schema } from '../duis/schema.ts'
import type { Verify } from '../pki/public-key.ts'
import type { Signer } from '../pki/signer.ts'
import type { TrustStore } from '../pki/trust.ts'
import type { CompletedRequest } from '../requests/accepted-request.ts'
import type { DuisEndpoint } from '../requests/duis-endpoint.ts'
import type { RequestFaults } from '../requests/request-faults.ts'
import type { Log } from '../state/log-event.ts'
import type { ReportSecurity } from '../state/security-event.ts'
import type { KeySlots } from '../store/key-slots.ts'
import type { Store } from '../store/store.ts'
import type { OpenPort } from '../wan/bindings.ts'
import type { LineState } from '../wan/line-state.ts'
import type { Timing } from '../wan/timing.ts'
import type { WanCount } from '../wan/wan-counts.ts'
import type { WanModel } from '../wan/wan-model.ts'
import type { Lifecycle } from './lifecycle.ts'
import type { Tables } from './tables.ts'

export interface BridgeEnv {
  timing: Timing
  /** Must be cryptographically secure where keys are to be secret. */
  randomBytes(count: number): Uint8Array
  wan: BridgeWan
  /** Nothing is modelled unless given. */
  models?: BridgeModels | undefined
  network: BridgeNetwork
  disk: BridgeDisk
  keys: BridgeKeys
  parties: Parties
  log: Log
  /** Protective monitoring. */
  reportSecurity?: ReportSecurity
  /** Faults on purpose; of benches only. */
  faults?: RequestFaults
  /** What stands between the bridge and its DCO, such as a model of its time; nothing unless given. */
  dco?(own: Dco): Dco
  /** Owns what the environment has opened. The bridge adds its own parts; closing closes all of them. */
  lifecycle: Lifecycle
  /** Called with every final response. */
  completed?(completed: CompletedRequest): void
}

export interface BridgeWan {
  openPort: OpenPort
  /** Whether lines are opened at the start, and again whenever they are lost; else when a request needs them. */
  holdLines: boolean
}

/** Models of what lies between the bridge and its meters. */
export interface BridgeModels {
  wan: WanModel
  /** The capacity of the DCO. */
  dco: DcoModel
}

export interface BridgeDisk {
  store: Store<Tables>
  /** The keys of the cache, one an hour. */
  cacheKeys: HourlyKeys
  /** One for each response that a User has not taken, and one for each request that is not answered and taken. */
  outboxKeys: KeySlots
  requestKeys: KeySlots
  /** Each record is on disk before the acknowledgement or the response leaves. */
  audit: Pick<ServiceAuditTrail, 'record' | 'committed'>
  /** The User's copy of the DUIS schemas, when there is one. */
  schema?: Schema | undefined
}

export interface BridgeKeys {
  dsp: { eui: string; signer: Signer }
  s1sp: Signer
  /** The meters' keys, which only the DCO uses. */
  vault: Vault
  /** Verifies signatures of requests; in this thread when absent. */
  verify?: Verify
}

/** Users, devices and certificates as they are now. */
export interface Parties {
  registry(): Registry
  trust(): TrustStore
  /** Calls back after each change with what it requires. */
  onChange?(changed: (change: PartiesChange) => void): void
}

export interface BridgeNetwork {
  /** Sends a response to a User. */
  post: Post
  /**
   * Serves DUIS and what else the environment listens for; absent where nothing listens. The listeners belong to the
   * lifecycle. @throws CommandError when a port cannot be had
   */
  serve?(receive: DuisEndpoint, mailbox: Pick<Mailbox, 'fetch' | 'take'>): Promise<Served>
}

/** Where the bridge is served. */
export interface Served {
  /** DUIS, `http://127.0.0.1:8079`. */
  url: string
  metricsUrl: string | undefined
  /** Reports the bridge as ready for requests. `lines` and `wan` are looked at whenever somebody asks. */
  ready(lines: () => readonly LineState[], wan: () => readonly WanCount[]): void
}
