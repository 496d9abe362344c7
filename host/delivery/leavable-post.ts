// Pushes that the bridge does not wait for when it stops.

import type { Timing } from '../wan/timing.ts'

/** Pushes that are under way have so long to end when the bridge stops, milliseconds. */
const stopGraceMs = 3000

/**
 * A `post` whose pushes can be left alone: what becomes of them then is not noted, so their responses stay on disk and are sent again,
 * with the same bytes, after the next start.
 */
export function leavable<Push extends unknown[], Answer>(post: (...push: Push) => Promise<Answer>, timing: Timing) {
  let isLeft = false
  const unlessLeft = <T>(outcome: () => T): T | Promise<never> => (isLeft ? new Promise<never>(() => {}) : outcome())
  return {
    post: (...push: Push): Promise<Answer> =>
      post(...push).then(
        (answer) => unlessLeft(() => answer),
        (error: unknown) =>
          unlessLeft(() => {
            throw error
          }),
      ),
    async wait(posting: Promise<unknown>): Promise<void> {
      let timer: { cancel(): void } | undefined
      const late = new Promise<void>((resolve) => {
        timer = timing.after(stopGraceMs, resolve)
      })
      await Promise.race([posting, late])
      timer?.cancel()
      isLeft = true
    },
  }
}
