// The port of a model of the WAN: what lies between the bridge and meters that are on no cable. The environment fills it
// (emulation/wan-model.ts); without one, a line is as quick as it is, and nothing but its own rates holds sessions back.

import type { OpenPort } from './bindings.ts'
import type { WanPlace } from './wan-place.ts'
import type { WanSettings } from './wan-settings.ts'

/** What the WAN allows at once or in a time; 0: no limit. */
export interface WanLimits {
  /** PDP contexts of the CSP at once, and for how long one counts after its session. */
  contexts: number
  lingerMs: number
  /** Sessions that the API of the CSP takes a second, and wake-up SMS of the cohort. */
  callsPerSecond: number
  smsPerSecond: number
}

/** What the WAN adds to the waits on a line at most, ms. */
export interface WanWaits {
  /** Until a wake reaches the meter. */
  wakeMs: number
  /** There and back for one frame. */
  roundTripMs: number
}

/** What becomes of a wake. */
export type WanEvent =
  | { what: 'sms delayed'; device: string; cohort: string; csp: string; ms: number }
  | { what: 'sms lost'; device: string; cohort: string; csp: string }
  | { what: 'unreachable'; device: string; cohort: string; csp: string }
  /** A session that waited for a limit. */
  | { what: 'held back'; device: string; cohort: string; csp: string; ms: number; by: WanLimit }

export type WanLimit = 'contexts' | 'calls' | 'sms' | 'cohort rate'

/** What the bridge gives a model. */
export interface WanUser {
  placeOf(eui: string): WanPlace
  /** Called for what the model delays or loses. */
  report(event: WanEvent): void
}

export interface WanModel {
  /** The far end of the ports: delay, loss and data rate act there. */
  attach(openPort: OpenPort, user: WanUser): OpenPort
  limits(place: WanPlace): WanLimits
  waits(place: WanPlace): WanWaits
  settings(): WanSettings | undefined
  /** Changes the model while it runs; undefined switches it off. */
  change(settings: WanSettings | undefined): void
  /** Calls back after each change. */
  onChange(changed: () => void): void
}

export const noWanLimits: WanLimits = { contexts: 0, lingerMs: 0, callsPerSecond: 0, smsPerSecond: 0 }
export const noWanWaits: WanWaits = { wakeMs: 0, roundTripMs: 0 }
