// What the bridge is given by whoever starts it.

import type { Registry } from '../access/parties.ts'
import type { ServiceAuditTrail } from '../audit/service-audit-trail.ts'
import type { DailyReadThrough } from '../cache/daily-reads.ts'
import type { ReadThrough } from '../cache/single-flight.ts'
import type { BridgeConfig } from '../config/config.ts'
import type { Dco } from '../dco/sealer.ts'
import type { Post } from '../delivery/delivery.ts'
import type { Schema } from '../duis/schema.ts'
import type { Verify } from '../pki/public-key.ts'
import type { Signer } from '../pki/signer.ts'
import type { TrustStore } from '../pki/trust.ts'
import type { CompletedRequest } from '../requests/accepted-request.ts'
import type { Log } from '../state/log-event.ts'
import type { Store } from '../store/store.ts'
import type { OpenPort } from '../wan/bindings.ts'
import type { Timing } from '../wan/serial-line.ts'
import type { Tables } from './tables.ts'

/** What comes in from outside: time, randomness, serial, disk, keys, the log. */
export interface BridgeParts {
  config: BridgeConfig
  /** Who is who, and whose signatures are believed, from now on. */
  registry(): Registry
  trust(): TrustStore
  dsp: Signer
  /** EUI-64 of the DSP. */
  dspEui: string
  s1sp: Signer
  /** Where signatures of requests are verified: in this thread when absent. */
  verify?: Verify
  dco: Dco
  store: Store<Tables>
  readThrough: ReadThrough
  dailyReadThrough: DailyReadThrough
  /** Forgets what the cache holds of a device. */
  emptyCache(eui: string): Promise<void>
  schema: Schema | undefined
  timing: Timing
  openPort: OpenPort
  post: Post
  /** What happened to each request, on disk before its acknowledgement or answer leaves. */
  audit: Pick<ServiceAuditTrail, 'record' | 'committed'>
  log: Log
  /** Told of every final answer. */
  answered?(answered: CompletedRequest): void
}
