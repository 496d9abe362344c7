// Waiting for what another process, or the system, does: nothing else in a test waits for real time.

/** No machine is so busy that it needs longer. */
const longestMs = 60_000

/** Waits until something holds. @throws Error naming it after `withinMs` */
export async function until(holds: () => boolean, what: string, withinMs = longestMs): Promise<void> {
  const endMs = performance.now() + withinMs
  while (!holds()) {
    if (performance.now() > endMs) throw new Error(`in ${withinMs} ms there was no ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
