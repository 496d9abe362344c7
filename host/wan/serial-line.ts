// One serial line: opened on demand, used by one session at a time, in the order of the calls.

import { createFrameDecoder, encodeFrame } from '../../protocol/frame.ts'
import type { OpenPort } from './bindings.ts'
import { addSample, type LineTraffic, noTraffic } from './diagnosis.ts'
import { createHeldPort, type PortStatus } from './held-port.ts'
import type { LineLimits } from './line-limits.ts'
import type { Timing } from './timing.ts'
import type { Usage } from './usage.ts'

export type { Timing }

/** Access to the line while a session has its turn. */
export interface Turn {
  /** Sends a packet; `preamble` zeros go ahead of its frame. */
  send(packet: Uint8Array, preamble?: number): void
  /** The next packet received, or `undefined` after `ms` or when the port is lost. */
  receive(ms: number): Promise<Uint8Array | undefined>
  /** False once the port is lost. */
  open(): boolean
  /** Waits until the port is open again. @throws PortError after `openMs` */
  reopen(): Promise<void>
  /** Counts the line's bytes and frames in another `usage` from now on. */
  charge(usage: Usage): void
  /**
   * True when the session should let another meter have the line: somebody more urgent waits, or this session has had its
   * share, or it has brought nothing new since `progressMs`, ms since 1970.
   */
  shouldYield(progressMs: number): boolean
  /** Notes whether the meter answers, and brings something new. One that does not waits behind all others of its line. */
  responds(answers: boolean): void
  /** What was received and sent since this turn began. */
  traffic: LineTraffic
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
  /** Opens the port now, and again whenever it is lost, until `close`. `report` receives each change of its state. */
  hold(report: (status: PortStatus) => void): void
  isOpen(): boolean
}

/** Packets in the receive buffer at most; more than a meter sends in answer to one ask. */
const inboxMax = 512

/** Received packets in order, for one receiver. */
function createInbox(timing: Timing, isOpen: () => boolean) {
  const packets: Uint8Array[] = []
  /** Lets a waiting `receive` end when it can. */
  let check: () => void = () => {}
  return {
    push(packet: Uint8Array): void {
      if (packets.length < inboxMax) packets.push(packet)
      check()
    },
    check: () => check(),
    /** Discards all packets and returns their number. */
    clear: () => packets.splice(0).length,
    receive: (ms: number) =>
      new Promise<Uint8Array | undefined>((resolve) => {
        const finish = (packet: Uint8Array | undefined) => {
          timer.cancel()
          check = () => {}
          resolve(packet)
        }
        const timer = timing.after(ms, () => finish(undefined))
        check = () => {
          if (packets.length > 0) finish(packets.shift())
          else if (!isOpen()) finish(undefined)
        }
        check()
      }),
  }
}

/** A line by itself has no queue: line-queue.ts knows who waits. */
const alone: Pick<Turn, 'shouldYield' | 'responds'> = { shouldYield: () => false, responds() {} }

export function createLine(url: string, openPort: OpenPort, limits: LineLimits, timing: Timing): PortLine {
  let last: Promise<unknown> = Promise.resolve()
  let usage: Usage | undefined
  let traffic = noTraffic()
  const inbox = createInbox(timing, () => held.port() !== undefined)

  function createReceiver(): (bytes: Uint8Array) => void {
    const decoder = createFrameDecoder(
      (packet) => {
        traffic.frames += 1
        inbox.push(packet)
      },
      () => {
        traffic.dropped += 1
        if (usage) usage.framesDropped += 1
      },
    )
    return (bytes) => {
      if (usage) usage.bytesIn += bytes.length
      traffic.bytes += bytes.length
      addSample(traffic.sample, bytes)
      decoder.push(bytes)
    }
  }
  const held = createHeldPort(url, openPort, limits, timing, { createReceiver, lost: () => inbox.check() })

  async function run<T>(mine: Usage, session: (turn: Turn) => Promise<T>): Promise<T> {
    let current = await held.opened()
    // Packets left over from an earlier session are discarded.
    mine.framesRefused += inbox.clear()
    usage = mine
    traffic = noTraffic()
    try {
      return await session({
        send(packet, preamble = 0) {
          const frame = encodeFrame(packet)
          const bytes = new Uint8Array(preamble + frame.length)
          bytes.set(frame, preamble)
          if (usage) usage.bytesOut += bytes.length
          addSample(traffic.sent, bytes)
          current.write(bytes)
        },
        receive: inbox.receive,
        open: () => held.port() === current,
        async reopen() {
          current = await held.opened()
        },
        charge(other) {
          usage = other
        },
        ...alone,
        traffic,
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
    isOpen: () => held.port() !== undefined,
    close: held.close,
  }
}
