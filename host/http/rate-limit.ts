// A limit for how often something may happen: so many at once, and then so many a second.

export interface RateLimit {
  /** Counts one; false when it is one too many. */
  take(): boolean
}

/** `nowMs`: a clock that never goes back. */
export function createRateLimit(atOnce: number, perSecond: number, nowMs: () => number): RateLimit {
  let left = atOnce
  let sinceMs = nowMs()
  return {
    take() {
      const now = nowMs()
      left = Math.min(atOnce, left + ((now - sinceMs) * perSecond) / 1000)
      sinceMs = now
      if (left < 1) return false
      left -= 1
      return true
    },
  }
}
