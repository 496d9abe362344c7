// Debounces the edges of a contact, where the kernel does not do it (libgpiod 1).

export interface PulseFilter {
  /**
   * An edge of either kind.
   * @param atMs when it happened, of any clock that only these edges share
   * @returns true when it completes a pulse
   */
  edge(rising: boolean, atMs: number): boolean
}

/**
 * A level is valid when it lasted `debounceMs`; each change to the valid level of a pulse is counted. Only the times of the
 * edges are used, so edges may arrive late and several at once: how long a level lasted is known when it ends. A pulse is
 * therefore counted when it is over.
 */
export function createPulseFilter(begins: 'rising' | 'falling', debounceMs: number): PulseFilter {
  const active = begins === 'rising'
  // The last valid level, and the one that has not lasted long enough yet.
  let valid = !active
  let latest: boolean | undefined
  let sinceMs = 0

  return {
    edge(rising, atMs) {
      const lasted = latest !== undefined && atMs - sinceMs >= debounceMs
      const counts = lasted && latest === active && valid !== active
      if (lasted && latest !== undefined) valid = latest
      // The same edge again: the one between was lost, so the level had changed back unseen.
      if (lasted && latest === rising) valid = !rising
      latest = rising
      sinceMs = atMs
      return counts
    },
  }
}
