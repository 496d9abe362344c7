// The longest that a process works before other work can go on, apart from what other processes on the machine take.

/** Measures from now on, by processor time of all threads. Returns the most between two turns of the event loop so far, ms. */
export function watchTurns(): () => number {
  let last = process.cpuUsage()
  let mostMs = 0
  const timer = setInterval(() => {
    const now = process.cpuUsage()
    mostMs = Math.max(mostMs, (now.user + now.system - last.user - last.system) / 1000)
    last = now
  }, 1)
  timer.unref()
  return () => mostMs
}
