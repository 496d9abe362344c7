// A port that is opened when it is needed, or held: opened again whenever it was lost. Adapters are pulled, meters restart.

import { type OpenPort, type Port, PortError } from './bindings.ts'
import type { LineLimits } from './limits.ts'
import type { Timing } from './timing.ts'

/** What becomes of a port that is held. `problem` says why it is not open, and what to do. */
export type PortNews = { state: 'open' } | { state: 'lost' | 'unavailable'; problem: string }

export interface HeldPort {
  /** The port, if it is open. */
  port(): Port | undefined
  /** The open port. One that was lost a moment ago is waited for: it is often back at once. @throws PortError */
  opened(): Promise<Port>
  /** Opens the port now, and again whenever it was lost, until `close`. */
  hold(news: (news: PortNews) => void): void
  close(): Promise<void>
}

export interface PortUser {
  /** A taker of bytes for a port that is opened anew. */
  taker(): (bytes: Uint8Array) => void
  /** The port is gone. */
  gone(): void
}

export function createHeldPort(
  url: string,
  openPort: OpenPort,
  limits: LineLimits,
  timing: Timing,
  user: PortUser,
): HeldPort {
  let port: Port | undefined
  let opening: Promise<Port> | undefined
  let lostMs: number | undefined
  let retry: { cancel(): void } | undefined
  let watching: { cancel(): void } | undefined
  /** Who is told, while the port is held. */
  let tell: ((news: PortNews) => void) | undefined

  async function openAnew(): Promise<Port> {
    const opened: Port = await openPort(url, limits.baud, {
      data: user.taker(),
      closed() {
        if (port !== opened) return
        port = undefined
        watching?.cancel()
        lostMs = timing.nowMs()
        user.gone()
        if (tell === undefined) return
        tell({ state: 'lost', problem: `${url} is gone: it was unplugged, or the meter has stopped` })
        keepTrying('')
      },
    })
    port = opened
    watch(opened)
    return opened
  }

  /** Looks from time to time whether an open port is still there: a silent one would go unnoticed. */
  function watch(opened: Port): void {
    const { present } = opened
    if (present === undefined) return
    watching = timing.after(limits.watchMs, () => {
      if (present()) watch(opened)
      else void opened.close()
    })
  }

  /** Opens the port, but waits no longer than the limit: an open that hangs must not hang the request. */
  async function openInTime(): Promise<Port> {
    opening ??= openAnew().finally(() => {
      opening = undefined
    })
    const late = Symbol('late')
    let timer: { cancel(): void } | undefined
    const timeout = new Promise<typeof late>((resolve) => {
      timer = timing.after(limits.openMs, () => resolve(late))
    })
    try {
      const result = await Promise.race([opening, timeout])
      if (result === late) throw new PortError(`${url} did not open within ${limits.openMs} ms`)
      return result as Port
    } finally {
      timer?.cancel()
    }
  }

  /** Opens the port however long it takes, while it is held. `told`: the problem that was told last. */
  function keepTrying(told: string): void {
    openInTime().then(
      () => tell?.({ state: 'open' }),
      ({ message }: Error) => {
        if (tell === undefined) return
        if (message !== told) tell({ state: 'unavailable', problem: message })
        retry = timing.after(limits.reopenMs, () => keepTrying(message))
      },
    )
  }

  return {
    port: () => port,
    async opened() {
      for (;;) {
        if (port !== undefined) return port
        try {
          return await openInTime()
        } catch (error) {
          if (lostMs === undefined || timing.nowMs() - lostMs >= limits.openMs) throw error
        }
        await new Promise<void>((resolve) => void timing.after(limits.reopenMs, resolve))
      }
    },
    hold(news) {
      tell = news
      keepTrying('')
    },
    async close() {
      tell = undefined
      retry?.cancel()
      watching?.cancel()
      // One that opens after all is nobody's: left open it would keep the line, and this program running.
      opening?.then(
        (late) => late.close(),
        () => {},
      )
      await port?.close()
    },
  }
}
