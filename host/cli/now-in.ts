// The time by the clock of a state directory.

import { virtualTimeOf } from '../state/state-clock.ts'
import type { StatePaths } from '../state/state-directory.ts'

/** Milliseconds of UTC. A bench on virtual time that is moving may be a second further. */
export function nowIn(paths: Pick<StatePaths, 'clock'>): number {
  return virtualTimeOf(paths)?.nowMs ?? Date.now()
}
