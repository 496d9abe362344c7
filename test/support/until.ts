// Waits for another process or the system; nothing else in a test waits for real time.

/** Longer than a busy machine needs. */
const longestMs = 60_000

/** Waits until something holds. @throws Error naming it after `withinMs` */
export async function until(holds: () => boolean, what: string, withinMs = longestMs): Promise<void> {
  const endMs = performance.now() + withinMs
  while (!holds()) {
    if (performance.now() > endMs) throw new Error(`in ${withinMs} ms there was no ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
