// One serial line: opened when needed, used by one session at a time, in the order of asking.

import { createFrameDecoder, encodeFrame } from '../../protocol/frame.ts'
import type { OpenPort } from './bindings.ts'
import { addSample, type Heard, nothingHeard } from './diagnosis.ts'
import { createHeldPort, type PortNews } from './held-port.ts'
import type { LineLimits } from './limits.ts'
import type { Timing } from './timing.ts'
import type { Usage } from './usage.ts'

export type { Timing }

/** What a session can do on the line while it is its turn. */
export interface Turn {
  /** Sends a packet; `preamble` zeros go ahead of its frame. */
  send(packet: Uint8Array, preamble?: number): void
  /** The next packet received, or `undefined` when `ms` have passed or the port is gone. */
  receive(ms: number): Promise<Uint8Array | undefined>
  /** False once the port is gone. */
  open(): boolean
  /** Opens the port again, as soon as it is back. @throws PortError when it is not back within the limit */
  reopen(): Promise<void>
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

/** A line with its own port. */
export interface PortLine extends Line {
  /** Opens the port now, and again whenever it was lost, until `close`. `news` is told what becomes of it. */
  hold(news: (news: PortNews) => void): void
}

/** Packets that wait to be received; more than a meter sends before it is asked again. */
const inboxMax = 512

export function createLine(url: string, openPort: OpenPort, limits: LineLimits, timing: Timing): PortLine {
  let last: Promise<unknown> = Promise.resolve()
  let usage: Usage | undefined
  let heard = nothingHeard()
  let wakeReceiver: () => void = () => {}
  const inbox: Uint8Array[] = []

  function taker(): (bytes: Uint8Array) => void {
    const decoder = createFrameDecoder(
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
    return (bytes) => {
      if (usage) usage.bytesIn += bytes.length
      heard.bytes += bytes.length
      addSample(heard.sample, bytes)
      decoder.push(bytes)
    }
  }
  const held = createHeldPort(url, openPort, limits, timing, { taker, gone: () => wakeReceiver() })

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
        else if (held.port() === undefined) finish(undefined)
      }
      wakeReceiver()
    })
  }

  async function run<T>(mine: Usage, session: (turn: Turn) => Promise<T>): Promise<T> {
    let current = await held.opened()
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
          if (usage) usage.bytesOut += bytes.length
          addSample(heard.sent, bytes)
          current.write(bytes)
        },
        receive,
        open: () => held.port() === current,
        async reopen() {
          current = await held.opened()
        },
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
    hold: held.hold,
    close: held.close,
  }
}
