// What holds sessions back beside their own line: rates of a cohort and of a CSP, and the PDP contexts of a CSP. Sessions are
// spaced evenly: 60 a minute is one a second.

import type { Timing } from './timing.ts'
import { noWanLimits, type WanLimit, type WanLimits } from './wan-model.ts'
import type { WanPlace } from './wan-place.ts'

export interface GateLimits {
  /** Sessions a minute of a cohort (risk R4); 0: no limit. */
  cohortRate(cohort: string): number
  /** What a model of the WAN allows; everything unless given. */
  wan?(place: WanPlace): WanLimits
}

export interface Gates {
  /** When the next session may begin, by `Timing.steadyMs`: now or earlier, later, or never until a context is given back (infinite). */
  openAtMs(place: WanPlace): number
  /** The limit that is the last to allow it; undefined when it may begin now. */
  closedBy(place: WanPlace): WanLimit | undefined
  /** A session begins. Call what it returns once, when the session has ended. */
  begin(place: WanPlace): () => void
}

const [minuteMs, secondMs] = [60_000, 1000]

/** An instant `spacingMs` later, in whole microseconds: a clock that counts in those meets it exactly. */
export function nextAtMs(nowMs: number, spacingMs: number): number {
  return Math.round((nowMs + spacingMs) * 1000) / 1000
}

/** `contextFree` is called when a context has been given back. */
export function createGates(limits: GateLimits, timing: Timing, contextFree: () => void): Gates {
  /** When each rate allows the next session. */
  const freeAtMs = new Map<string, number>()
  /** Contexts by CSP. */
  const inUse = new Map<string, number>()

  const wanLimits = (place: WanPlace) => limits.wan?.(place) ?? noWanLimits
  const keys = ({ cohort, csp }: WanPlace) => ({
    cohort: `cohort ${cohort}`,
    calls: `calls ${csp}`,
    sms: `sms ${csp} ${cohort}`,
  })

  function reasons(place: WanPlace): [WanLimit, number][] {
    const { contexts } = wanLimits(place)
    const key = keys(place)
    const isFull = contexts > 0 && (inUse.get(place.csp) ?? 0) >= contexts
    return [
      ['cohort rate', freeAtMs.get(key.cohort) ?? 0],
      ['calls', freeAtMs.get(key.calls) ?? 0],
      ['sms', freeAtMs.get(key.sms) ?? 0],
      ['contexts', isFull ? Number.POSITIVE_INFINITY : 0],
    ]
  }

  function hold(key: string, rate: number, inMs: number): void {
    if (rate > 0) freeAtMs.set(key, nextAtMs(timing.steadyMs(), inMs / rate))
    else freeAtMs.delete(key)
  }

  function giveBack(csp: string): void {
    inUse.set(csp, (inUse.get(csp) ?? 1) - 1)
    contextFree()
  }

  return {
    openAtMs: (place) => Math.max(...reasons(place).map(([, atMs]) => atMs)),
    closedBy(place) {
      const [limit, atMs] = reasons(place).reduce((last, one) => (one[1] > last[1] ? one : last))
      return atMs > timing.steadyMs() ? limit : undefined
    },
    begin(place) {
      const { csp } = place
      const { contexts, callsPerSecond, smsPerSecond } = wanLimits(place)
      const key = keys(place)
      hold(key.cohort, limits.cohortRate(place.cohort), minuteMs)
      hold(key.calls, callsPerSecond, secondMs)
      hold(key.sms, smsPerSecond, secondMs)
      inUse.set(csp, (inUse.get(csp) ?? 0) + 1)
      return () => {
        const { lingerMs } = wanLimits(place)
        if (contexts > 0 && lingerMs > 0) timing.after(lingerMs, () => giveBack(csp))
        else giveBack(csp)
      }
    },
  }
}
