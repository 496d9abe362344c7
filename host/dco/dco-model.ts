// The port of a model of the DCO's capacity. The environment fills it (emulation/dco-model.ts); without one, the DCO takes the
// time that its cryptography takes.

import type { DcoSettings } from './dco-settings.ts'
import type { Dco } from './sealer.ts'

/** What becomes of a call that is not answered in the 4 s of MP162-I2. */
export type DcoEvent = { what: 'late'; device: string; ms: number } | { what: 'refused'; device: string }

export interface DcoModel {
  /** The DCO behind the model. Every call but the choice of a nonce passes it. */
  attach(dco: Dco, report: (event: DcoEvent) => void): Dco
  settings(): DcoSettings | undefined
  /** Changes the model while it runs; undefined switches it off. */
  change(settings: DcoSettings | undefined): void
  /** No call begins for so long, from now. */
  stall(ms: number): void
}
