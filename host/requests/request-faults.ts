// Faults on purpose in what becomes of a request: for benches only. Whoever has none leaves the port out.

import type { ServiceRequest } from '../duis/request.ts'
import type { AcceptedRequest } from './accepted-request.ts'

/** A code that was chosen, and which rule chose it. */
export interface ChosenCode {
  code: string
  why: string
}

export interface RequestFaults {
  /** A code with which a signed request is to be refused, whatever it asks. */
  refuse(request: ServiceRequest): ChosenCode | undefined
  /** A code that is to be the final answer of an accepted request, in the place of its execution. */
  fail(accepted: AcceptedRequest): ChosenCode | undefined
  /** Begins what goes wrong while a request is executed; the function that is returned ends it. */
  disturb(accepted: AcceptedRequest): () => void
  /** Before when its response is not to be sent, milliseconds of UTC. */
  holdUntilMs(accepted: AcceptedRequest): number | undefined
}
