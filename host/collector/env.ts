// What a collector has from outside: time, the network, its store and keys.

import type { StampConvention } from '../catalogue/read-window.ts'
import type { Identity } from '../pki/test-pki.ts'
import type { TrustStore } from '../pki/trust.ts'
import type { Window } from '../schedule/windows.ts'
import type { CollectorStore, Sealing } from './kept.ts'

export interface CollectorEnv {
  /** The time by the DCC's clock, ms of UTC. */
  nowMs(): number
  /** Never lower than before, also after a restart: counters of RequestIDs begin with it. */
  counterMs(): number
  /** POSTs a signed request. @throws Error when nobody answers: whether it arrived is not known */
  send(service: 'serviceD' | 'serviceS', xml: string): Promise<Uint8Array>
  /** The User, with its key. */
  identity: Identity
  /** The DCC's EUI-64, which 5.1, 5.2 and 5.3 are sent to. */
  dspEui: string
  trust: TrustStore
  store: CollectorStore
  sealing: Sealing
  log(event: CollectorEvent): void
}

export type CollectorEvent =
  | { event: 'schedule made'; mpan: string; plan: string; id: number }
  | { event: 'schedule refused'; mpan: string; plan: string; code: string }
  | { event: 'schedule ended'; mpan: string; plan: string; code: string }
  | { event: 'asked'; mpan: string; srv: string; from: string; to: string }
  | { event: 'read failed'; mpan: string; code: string }
  | { event: 'not reachable'; problem: string }
  | { event: 'response refused'; problem: string }
  | { event: 'not ours'; mpan: string; halfHours: number }
  | { event: 'message applied'; correlationId: string; interfaceId: string; outcome: string }
  | { event: 'fault'; problem: string }

export interface CollectorSettings {
  /** The part of the day, UTC, over which scheduled runs are spread. */
  window: Window
  stamps: StampConvention
  /** A half-hour of more Wh than this is flagged: no connection carries it. */
  flagAboveWh: number
  /** Waits between on-demand requests that failed, ms; the last one repeats. */
  againMs: readonly number[]
  /** Requests that are on their way at the same time. */
  parallel: number
}

const hourMs = 3_600_000

/**
 * 37,950 Wh: three phases of 100 A at 253 V for half an hour (assumption: the largest supply that has such a meter, at the
 * upper limit of its voltage).
 */
const flagAboveWh = (3 * 100 * 253) / 2

export const defaultSettings: CollectorSettings = {
  window: { startMs: 15 * 60_000, lengthMs: 5.5 * hourMs },
  stamps: 'end',
  flagAboveWh,
  againMs: [hourMs, 4 * hourMs, 12 * hourMs, 24 * hourMs],
  parallel: 32,
}
