// One serial line: opened when needed, used by one session at a time, in the order of asking.

import { createFrameDecoder, encodeFrame } from '../../protocol/frame.ts'
import { type OpenPort, type Port, PortError } from './bindings.ts'
import { type Heard, hear, nothingHeard } from './diagnosis.ts'
import type { LineLimits } from './limits.ts'
import type { Usage } from './usage.ts'

/** Time, as the line needs it. */
export interface Timing {
  nowMs(): number
  /** Calls back after `ms`, unless cancelled. */
  after(ms: number, call: () => void): { cancel(): void }
}

/** What a session can do on the line while it is its turn. */
export interface Turn {
  /** Sends a packet; `preamble` zeros go ahead of its frame. */
  send(packet: Uint8Array, preamble?: number): void
  /** The next packet received, or `undefined` when `ms` have passed or the port is gone. */
  receive(ms: number): Promise<Uint8Array | undefined>
  /** False once the port is gone. */
  open(): boolean
  /** From now on, what the line carries is counted on another account. */
  charge(usage: Usage): void
  /** What has come since this turn began. */
  heard: Heard
  limits: LineLimits
}

export interface Line {
  /**
   * Runs `session` when every earlier one is done. The port is opened first if it is not.
   * @throws PortError when it cannot be opened; whatever `session` throws
   */
  use<T>(usage: Usage, session: (turn: Turn) => Promise<T>): Promise<T>
  close(): Promise<void>
}

/** Packets that wait to be received; more than a meter sends before it is asked again. */
const inboxMax = 512

export function createLine(url: string, openPort: OpenPort, limits: LineLimits, timing: Timing): Line {
  let port: Port | undefined
  let opening: Promise<Port> | undefined
  let last: Promise<unknown> = Promise.resolve()
  let usage: Usage | undefined
  let heard = nothingHeard()
  let wakeReceiver: () => void = () => {}
  const inbox: Uint8Array[] = []

  const newDecoder = () =>
    createFrameDecoder(
      (packet) => {
        heard.frames += 1
        if (inbox.length < inboxMax) inbox.push(packet)
        wakeReceiver()
      },
      () => {
        heard.dropped += 1
        if (usage) usage.framesDropped += 1
      },
    )

  async function openAnew(): Promise<Port> {
    const decoder = newDecoder()
    const opened: Port = await openPort(url, limits.baud, {
      data(bytes) {
        if (usage) usage.bytesIn += bytes.length
        hear(heard, bytes)
        decoder.push(bytes)
      },
      closed() {
        if (port === opened) port = undefined
        wakeReceiver()
      },
    })
    port = opened
    return opened
  }

  /** Opens the port, but waits no longer than the limit: an open that hangs must not hang the request. */
  async function opened(): Promise<Port> {
    if (port !== undefined) return port
    opening ??= openAnew().finally(() => {
      opening = undefined
    })
    const late = Symbol('late')
    let timer: { cancel(): void } | undefined
    const timeout = new Promise<typeof late>((resolve) => {
      timer = timing.after(limits.openMs, () => resolve(late))
    })
    const result = await Promise.race([opening, timeout])
    timer?.cancel()
    if (result === late) throw new PortError(`${url} did not open within ${limits.openMs} ms`)
    return result as Port
  }

  function receive(ms: number): Promise<Uint8Array | undefined> {
    return new Promise((resolve) => {
      const finish = (packet: Uint8Array | undefined) => {
        timer.cancel()
        wakeReceiver = () => {}
        resolve(packet)
      }
      const timer = timing.after(ms, () => finish(undefined))
      wakeReceiver = () => {
        if (inbox.length > 0) finish(inbox.shift())
        else if (port === undefined) finish(undefined)
      }
      wakeReceiver()
    })
  }

  async function run<T>(mine: Usage, session: (turn: Turn) => Promise<T>): Promise<T> {
    const current = await opened()
    // Whatever an earlier session left behind is not for this one.
    mine.framesRefused += inbox.length
    inbox.length = 0
    usage = mine
    heard = nothingHeard()
    try {
      return await session({
        send(packet, preamble = 0) {
          const frame = encodeFrame(packet)
          const bytes = new Uint8Array(preamble + frame.length)
          bytes.set(frame, preamble)
          usage!.bytesOut += bytes.length
          current.write(bytes)
        },
        receive,
        open: () => port === current,
        charge(other) {
          usage = other
        },
        heard,
        limits,
      })
    } finally {
      usage = undefined
    }
  }

  return {
    use(mine, session) {
      const turn = last.then(() => run(mine, session))
      last = turn.catch(() => {})
      return turn
    },
    async close() {
      await port?.close()
    },
  }
}
