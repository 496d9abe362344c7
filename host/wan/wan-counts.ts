// What happened on the WAN, by CSP and cohort, since the start: for metrics.

import type { WanEvent } from './wan-model.ts'
import type { WanPlace } from './wan-place.ts'
import { nameOf } from './wan-place.ts'

export interface WanCount extends WanPlace {
  /** Sessions begun, and those under way. */
  sessions: number
  underWay: number
  /** Of a model of the WAN: SMS that it delayed and lost, and those to meters out of reach. */
  smsDelayed: number
  smsLost: number
  unreachable: number
  /** Sessions that a limit has held back, and for how long in all. */
  heldBack: number
  heldBackMs: number
}

export interface WanCounts {
  /** A session begins; call what it returns when it has ended. */
  session(place: WanPlace): () => void
  add(event: WanEvent): void
  all(): readonly WanCount[]
}

export function createWanCounts(): WanCounts {
  const counts = new Map<string, WanCount>()

  function at({ csp, cohort }: WanPlace): WanCount {
    const none = { sessions: 0, underWay: 0, smsDelayed: 0, smsLost: 0, unreachable: 0, heldBack: 0, heldBackMs: 0 }
    const found = counts.get(nameOf({ csp, cohort })) ?? { csp, cohort, ...none }
    counts.set(nameOf({ csp, cohort }), found)
    return found
  }

  return {
    session(place) {
      const count = at(place)
      count.sessions += 1
      count.underWay += 1
      return () => {
        count.underWay -= 1
      }
    },
    add(event) {
      const count = at(event)
      if (event.what === 'sms delayed') count.smsDelayed += 1
      else if (event.what === 'sms lost') count.smsLost += 1
      else if (event.what === 'unreachable') count.unreachable += 1
      else if (event.what === 'held back') {
        count.heldBack += 1
        count.heldBackMs += event.ms
      }
    },
    all: () => [...counts.values()],
  }
}
