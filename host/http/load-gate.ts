// Sheds load: lets so many requests in at once, and turns others away until an acknowledgement has left.
//
// Whatever is the bottleneck (processor, disk, verification), requests above the rate that can be sustained collect before their
// acknowledgement. Their number bounds how long one of them waits, and the memory that they take. Callers beyond it get HTTP
// 503 and come again; nothing of their requests is kept.

export interface LoadGate {
  /** False when a request is to be turned away now; counts it. */
  admits(): boolean
  /** Lets a request in. Call the result when it was acknowledged. */
  enter(): () => void
  /** Requests turned away so far, and requests inside. */
  shed(): number
  inside(): number
}

/** Requests that wait for their acknowledgement, at most: as many as reach the rate that two cores sustain. */
export const requestsInside = 96

export function createLoadGate(requestsMax: number): LoadGate {
  const inside = new Set<object>()
  let shed = 0
  return {
    admits() {
      const isFull = inside.size >= requestsMax
      if (isFull) shed += 1
      return !isFull
    },
    enter() {
      const one = {}
      inside.add(one)
      return () => void inside.delete(one)
    },
    shed: () => shed,
    inside: () => inside.size,
  }
}
