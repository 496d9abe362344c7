// Which edges of a bouncing contact are pulses. Used where the kernel does not debounce for us.

export interface PulseFilter {
  /**
   * An edge of either kind.
   * @param atMs when it happened, of any clock that only these edges share
   * @returns true when it completes a pulse
   */
  edge(rising: boolean, atMs: number): boolean
}

/**
 * Takes a level for real when it lasted `debounceMs`, and counts each change to the pulse's level. It needs no clock of
 * ours, so edges may be handed over late and in heaps: a level's end proves how long it lasted. A pulse is therefore
 * counted when it is over.
 */
export function createPulseFilter(begins: 'rising' | 'falling', debounceMs: number): PulseFilter {
  const active = begins === 'rising'
  // The level that was real last, and the one that has not proved itself yet.
  let real = !active
  let latest: boolean | undefined
  let sinceMs = 0

  return {
    edge(rising, atMs) {
      const lasted = latest !== undefined && atMs - sinceMs >= debounceMs
      const counts = lasted && latest === active && real !== active
      if (lasted) real = latest!
      // The same edge again: the one between was lost, and with it the proof that the level had changed back.
      if (lasted && latest === rising) real = !rising
      latest = rising
      sinceMs = atMs
      return counts
    },
  }
}
