// A clock for ages that are counted in days: it never goes back, and a step of this machine's clock by more than a day
// does not count until an operator has confirmed it.

import { readNumber, record } from '../store/row-reader.ts'
import type { Store } from '../store/store.ts'

/** Row `age` of the table `clock`. */
export interface ClockRow {
  /** Time of this machine when the row was written, ms UTC. */
  wallMs: number
  /** Age of the state, ms. */
  ageMs: number
  /** Steps that wait to be confirmed, ms; 0 when there are none. */
  jumpMs: number
}

export const readClockRow = record<ClockRow>({ wallMs: readNumber, ageMs: readNumber, jumpMs: readNumber })

export interface AgeClock {
  /** Age of the state, ms. */
  ageMs(): number
  /** The step that waits to be confirmed, ms; 0 when there is none. Meanwhile nothing is destroyed or given up by age. */
  jumpMs(): number
  /** Counts the steps that waited. */
  confirm(): void
  save(): Promise<void>
}

const dayMs = 86_400_000

export function createAgeClock(store: Store<{ clock: ClockRow }>, nowMs: () => number): AgeClock {
  const row = { ...(store.get('clock', 'age') ?? { wallMs: nowMs(), ageMs: 0, jumpMs: 0 }) }

  function observe(): void {
    const now = nowMs()
    const stepMs = now - row.wallMs
    row.wallMs = now
    if (stepMs > dayMs) row.jumpMs += stepMs
    else row.ageMs += Math.max(0, stepMs)
  }

  return {
    ageMs() {
      observe()
      return row.ageMs
    },
    jumpMs() {
      observe()
      return row.jumpMs
    },
    confirm() {
      observe()
      row.ageMs += row.jumpMs
      row.jumpMs = 0
    },
    save() {
      observe()
      return store.put('clock', 'age', row)
    },
  }
}
