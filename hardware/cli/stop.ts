// The signals that end a command that runs for ever.

export interface Stop {
  stopped: boolean
  /** Settles when the command is to stop. */
  asked: Promise<void>
  /** Stops listening to signals and standard input. */
  end(): void
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Waits for SIGINT, SIGTERM or SIGHUP; for the parent's channel to close, if this process was forked with one; and for
 * the end of standard input, if `withStdin`.
 */
export function watchForStop(withStdin: boolean): Stop {
  let settle: () => void = () => {}
  const asked = new Promise<void>((resolve) => {
    settle = resolve
  })
  const stop: Stop = { stopped: false, asked, end }

  function tell(): void {
    stop.stopped = true
    settle()
  }
  function end(): void {
    for (const signal of signals) process.off(signal, tell)
    process.off('disconnect', tell)
    if (!withStdin) return
    process.stdin.off('end', tell)
    process.stdin.off('error', tell)
    process.stdin.pause()
  }

  for (const signal of signals) process.on(signal, tell)
  process.on('disconnect', tell)
  if (withStdin) {
    process.stdin.on('end', tell)
    process.stdin.on('error', tell)
    process.stdin.resume()
  }
  return stop
}
