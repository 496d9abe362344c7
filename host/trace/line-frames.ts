// Splits recorded packets into frames of the line, each good or with its fault.

import { createFrameDecoder, type FrameFault } from '../../protocol/frame.ts'
import type { RecordedPacket } from './pcapng-read.ts'

/** The bytes between two zeros on the line. */
export interface LineFrame {
  /** Number of the recorded packet, as in Wireshark. A packet of another program may hold several frames. */
  number: number
  line: string
  atMs: number
  direction: RecordedPacket['direction']
  /** Bytes on the line, its zeros included. */
  bytes: number
  /** The packet inside, when the frame is good. */
  packet?: Uint8Array
  fault?: FrameFault | 'no closing zero'
}

/**
 * The frames of a recorded packet. A frame must be complete in one packet, as the recorder writes it. Zeros alone, such as the
 * preamble of a wake, count to the frame after them, or before them when none follows.
 */
export function framesOf(recorded: RecordedPacket): LineFrame[] {
  const { number, line, atMs, direction, bytes } = recorded
  const frames: LineFrame[] = []
  let from = 0
  const take = (to: number, what: Pick<LineFrame, 'packet' | 'fault'>) => {
    frames.push({ number, line, atMs, direction, bytes: to - from, ...what })
    from = to
  }
  let end = 0
  const decoder = createFrameDecoder(
    (packet) => take(end, { packet }),
    (fault) => take(end, { fault }),
  )
  for (let at = 0; at < bytes.length; at++) {
    if (bytes[at] !== 0) continue
    const begins = end
    end = at + 1
    decoder.push(bytes.subarray(begins, end))
  }
  if (end < bytes.length) take(bytes.length, { fault: 'no closing zero' })
  // Zeros behind the last frame, or nothing but zeros.
  const last = frames.at(-1)
  if (from < bytes.length && last !== undefined) last.bytes += bytes.length - from
  return frames
}
