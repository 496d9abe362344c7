// Measures the losses of a line: frames through a loopback plug, or asks to a meter.

import { euiToBytes, sameBytes } from '../../protocol/bytes.ts'
import { decodePacket, encodeWake } from '../../protocol/link.ts'
import { ask } from './ask.ts'
import type { Conversation } from './conversation.ts'
import { threeFramesMs, wakePreambleBytes } from './line-limits.ts'
import { ReadError } from './read-error.ts'
import type { Line, Timing, Turn } from './serial-line.ts'
import { noUsage } from './usage.ts'

export interface LossRow {
  baud: number
  sent: number
  /** Not answered or returned in time; `damaged` of these were received damaged. */
  lost: number
  damaged: number
  /** Minimum, median and maximum time from the first byte sent to the last byte received. */
  roundTripMs: { min: number; median: number; max: number } | undefined
}

/** Bytes of a frame of the test: 56, as in the measurements of raspberrypi/linux#725. */
const packetBytes = 52

/** A packet kind that no version of the protocol has: meters drop it. */
const testKind = 0x1f

function rowOf(baud: number, sent: number, damaged: number, timesMs: number[]): LossRow {
  const sorted = [...timesMs].sort((a, b) => a - b)
  const at = (share: number) => {
    const place = Math.min(sorted.length - 1, Math.floor(share * sorted.length))
    return Math.round((sorted[place] ?? 0) * 10) / 10
  }
  const roundTripMs = sorted.length === 0 ? undefined : { min: at(0), median: at(0.5), max: at(1) }
  return { baud, sent, lost: sent - timesMs.length, damaged, roundTripMs }
}

/** Sends frames one after the other and waits for each to come back. @throws PortError */
export function testLoopback(
  line: Line,
  timing: Timing,
  frames: number,
  randomBytes: (count: number) => Uint8Array,
): Promise<LossRow> {
  const usage = noUsage()
  return line.use(usage, async (turn) => {
    const timesMs: number[] = []
    for (let i = 0; i < frames && turn.open(); i++) {
      const packet = new Uint8Array(packetBytes)
      packet[0] = testKind
      packet.set(randomBytes(packetBytes - 1), 1)
      const startMs = timing.steadyMs()
      const untilMs = startMs + 250 + threeFramesMs(turn.limits.baud)
      turn.send(packet)
      for (let leftMs = untilMs - startMs; leftMs > 0; leftMs = untilMs - timing.steadyMs()) {
        const back = await turn.receive(leftMs)
        if (back === undefined) break
        if (!sameBytes(back, packet)) continue
        timesMs.push(timing.steadyMs() - startMs)
        break
      }
    }
    return rowOf(turn.limits.baud, frames, usage.framesDropped, timesMs)
  })
}

/**
 * Sends `wakes` wakes and returns the number of awakes. Nothing of this is sealed, so it works with any key and shows whether
 * the line is at fault.
 */
export async function testWakes(
  turn: Turn,
  timing: Timing,
  eui: string,
  wakes: number,
  randomBytes: (count: number) => Uint8Array,
): Promise<number> {
  let awakes = 0
  for (let i = 0; i < wakes && turn.open(); i++) {
    const nonce = randomBytes(8)
    const untilMs = timing.steadyMs() + turn.limits.awakeMs + threeFramesMs(turn.limits.baud)
    turn.send(encodeWake(euiToBytes(eui), nonce), wakePreambleBytes)
    for (let leftMs = untilMs - timing.steadyMs(); leftMs > 0; leftMs = untilMs - timing.steadyMs()) {
      const bytes = await turn.receive(leftMs)
      if (bytes === undefined) break
      const packet = decodePacket(bytes)
      if (packet?.kind !== 'awake' || !sameBytes(packet.tag, nonce.subarray(0, 2))) continue
      awakes += 1
      break
    }
  }
  return awakes
}

/** Reads the inventory `asks` times without retries. `dropped` returns the number of frames dropped so far. */
export async function testAsks(
  conversation: Conversation,
  timing: Timing,
  baud: number,
  asks: number,
  dropped: () => number,
): Promise<LossRow> {
  const timesMs: number[] = []
  const before = dropped()
  for (let i = 0; i < asks; i++) {
    const startMs = timing.steadyMs()
    try {
      await ask(conversation, 'readInventory', {}, true)
      timesMs.push(timing.steadyMs() - startMs)
    } catch (error) {
      if (!(error instanceof ReadError) || error.fault !== 'no answer') throw error
    }
  }
  return rowOf(baud, asks, dropped() - before, timesMs)
}
