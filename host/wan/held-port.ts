// A port that is opened on demand, or held open: then it is reopened whenever it is lost (an adapter is unplugged, a meter
// restarts).

import { type OpenPort, type Port, PortError } from './bindings.ts'
import type { LineLimits } from './line-limits.ts'
import type { Timing } from './timing.ts'

/** The state of a port that is held. `problem` says why it is not open, and what to do. */
export type PortStatus = { state: 'open' } | { state: 'lost' | 'unavailable'; problem: string }

export interface HeldPort {
  /** The port, if it is open. */
  port(): Port | undefined
  /** The open port. Waits up to `openMs` for a port that was lost just now, as it is often back at once. @throws PortError */
  opened(): Promise<Port>
  /** Opens the port now, and again whenever it is lost, until `close`. */
  hold(report: (status: PortStatus) => void): void
  close(): Promise<void>
}

export interface PortUser {
  /** Called for each port that is opened; returns the receiver of its bytes. */
  createReceiver(): (bytes: Uint8Array) => void
  /** Called when the port is lost. */
  lost(): void
}

/** Rejects with the error that `late` makes when `work` has not settled after `ms`. */
async function withTimeout<T>(work: Promise<T>, timing: Timing, ms: number, late: () => Error): Promise<T> {
  let timer: { cancel(): void } | undefined
  const timeout = new Promise<never>((_, reject) => {
    timer = timing.after(ms, () => reject(late()))
  })
  try {
    return await Promise.race([work, timeout])
  } finally {
    timer?.cancel()
  }
}

/** Closes a port when its device no longer exists: the loss of a silent port causes no event. Checks every `ms`. */
function watchPort(port: Port, timing: Timing, ms: number): { cancel(): void } | undefined {
  const { present } = port
  if (present === undefined) return undefined
  let timer: { cancel(): void }
  const check = () => {
    timer = timing.after(ms, () => (present() ? check() : void port.close()))
  }
  check()
  return { cancel: () => timer.cancel() }
}

/** Opens a port of which at most one is open at a time. `lost` is called when the open one is lost. */
function createPortOpener(url: string, openPort: OpenPort, limits: LineLimits, timing: Timing, user: PortUser) {
  let port: Port | undefined
  let opening: Promise<Port> | undefined
  let watching: { cancel(): void } | undefined

  async function openPortNow(): Promise<Port> {
    const opened: Port = await openPort(url, limits.baud, {
      data: user.createReceiver(),
      closed() {
        if (port !== opened) return
        port = undefined
        watching?.cancel()
        user.lost()
      },
    })
    port = opened
    watching = watchPort(opened, timing, limits.watchMs)
    return opened
  }

  return {
    port: () => port,
    /** Opens the port within `openMs`: an open that hangs must not block the request. */
    open(): Promise<Port> {
      opening ??= openPortNow().finally(() => {
        opening = undefined
      })
      const late = () => new PortError(`${url} did not open within ${limits.openMs} ms`)
      return withTimeout(opening, timing, limits.openMs, late)
    },
    async close() {
      watching?.cancel()
      // A port that opens later is closed: it would keep the line in use and this program running.
      void opening?.then((late) => late.close()).catch(() => {})
      await port?.close()
    },
  }
}

export function createHeldPort(
  url: string,
  openPort: OpenPort,
  limits: LineLimits,
  timing: Timing,
  user: PortUser,
): HeldPort {
  let lostMs: number | undefined
  let retry: { cancel(): void } | undefined
  /** Set while the port is held. */
  let report: ((status: PortStatus) => void) | undefined
  const opener = createPortOpener(url, openPort, limits, timing, {
    createReceiver: user.createReceiver,
    lost() {
      lostMs = timing.steadyMs()
      user.lost()
      if (report === undefined) return
      report({ state: 'lost', problem: `${url} is gone: it was unplugged, or the meter has stopped` })
      keepTrying('')
    },
  })

  /** Tries to open the port until it succeeds or is no longer held. `lastProblem`: what was reported last. */
  function keepTrying(lastProblem: string): void {
    opener.open().then(
      () => report?.({ state: 'open' }),
      ({ message }: Error) => {
        if (report === undefined) return
        if (message !== lastProblem) report({ state: 'unavailable', problem: message })
        retry = timing.after(limits.reopenMs, () => keepTrying(message))
      },
    )
  }

  return {
    port: opener.port,
    async opened() {
      for (;;) {
        const port = opener.port()
        if (port !== undefined) return port
        try {
          return await opener.open()
        } catch (error) {
          if (lostMs === undefined || timing.steadyMs() - lostMs >= limits.openMs) throw error
        }
        await new Promise<void>((resolve) => void timing.after(limits.reopenMs, resolve))
      }
    },
    hold(reportStatus) {
      report = reportStatus
      keepTrying('')
    },
    async close() {
      report = undefined
      retry?.cancel()
      await opener.close()
    },
  }
}
