// Sheds load: lets a request in only while those that are inside get their acknowledgement in time.
//
// The age of the oldest request without an acknowledgement is the delay that a further one would have, whatever is the
// bottleneck: processor, disk or verification. Above a bound, callers get HTTP 503 and come again later. Nothing of a request that
// is turned away is kept, so memory does not grow with the rate at which requests come.

export interface LoadLimits {
  /** Requests without an acknowledgement, at most. */
  requestsMax: number
  /** No further request is let in while one has waited for so long, … */
  waitMsMax: number
  /** … unless fewer than these are inside: a slow disk or a busy machine is no overload. */
  requestsMin: number
}

export interface LoadGate {
  /** False when a request is to be turned away now; counts it. */
  admits(): boolean
  /** Lets a request in. Call the result when it was acknowledged. */
  enter(): () => void
  /** Requests turned away so far, and requests inside. */
  shed(): number
  inside(): number
}

export const defaultLoadLimits: LoadLimits = { requestsMax: 192, waitMsMax: 200, requestsMin: 32 }

export function createLoadGate(limits: LoadLimits, nowMs: () => number): LoadGate {
  const { requestsMax, waitMsMax, requestsMin } = limits
  /** When each of the requests inside came, the oldest first. */
  const inside = new Set<{ fromMs: number }>()
  let shed = 0

  return {
    admits() {
      const [oldest] = inside
      const isSlow = oldest !== undefined && inside.size >= requestsMin && nowMs() - oldest.fromMs > waitMsMax
      const isFull = inside.size >= requestsMax || isSlow
      if (isFull) shed += 1
      return !isFull
    },
    enter() {
      const one = { fromMs: nowMs() }
      inside.add(one)
      return () => void inside.delete(one)
    },
    shed: () => shed,
    inside: () => inside.size,
  }
}
