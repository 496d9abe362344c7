// Frames on the line: COBS with CRC-16, ended by a zero (SPEC.md section 3).

import { copyOf, crc16, getU16, putU16 } from './bytes.ts'
import { frameBytesMax, packetBytesMax } from './limits.ts'

/** The frame of a packet, its closing zero included. @throws RangeError for a packet over 252 bytes */
export function encodeFrame(packet: Uint8Array): Uint8Array {
  const count = packet.length
  if (count < 1 || count > packetBytesMax) throw new RangeError(count + ' bytes of packet')
  const plain = new Uint8Array(count + 2)
  plain.set(packet, 0)
  putU16(plain, count, crc16(packet, 0, count))
  // At most 254 bytes, so one COBS code byte more than the plain bytes, always.
  const frame = new Uint8Array(count + 4)
  let codeAt = 0
  for (let i = 0; i < plain.length; i++) {
    if (plain[i] === 0) {
      frame[codeAt] = i + 1 - codeAt
      codeAt = i + 1
    } else frame[i + 1] = plain[i]!
  }
  frame[codeAt] = plain.length + 1 - codeAt
  return frame
}

/** Why a frame was dropped. */
export type FrameFault = 'too long' | 'bad COBS' | 'too short' | 'bad CRC'

function takePacket(frame: Uint8Array, count: number): Uint8Array | FrameFault {
  const plain = new Uint8Array(count)
  let used = 0
  let at = 0
  while (at < count) {
    const code = frame[at]!
    if (at + code > count) return 'bad COBS'
    plain.set(frame.subarray(at + 1, at + code), used)
    used += code - 1
    at += code
    // A full-length code (FFh) stands for no zero; so does the last code of a frame.
    if (code < 255 && at < count) used += 1
  }
  if (used < 3) return 'too short'
  if (crc16(plain, 0, used - 2) !== getU16(plain, used - 2)) return 'bad CRC'
  return copyOf(plain, 0, used - 2)
}

export interface FrameDecoder {
  /** Takes bytes as they come, cut anywhere. */
  push(bytes: Uint8Array): void
}

/**
 * Finds packets in a stream of bytes and finds its feet again at every zero.
 * `packet` gets each good packet, `dropped` the reason and the number of bytes of each bad one.
 */
export function createFrameDecoder(
  packet: (bytes: Uint8Array) => void,
  dropped: (why: FrameFault, bytes: number) => void,
): FrameDecoder {
  const frame = new Uint8Array(frameBytesMax)
  let count = 0

  function end(): void {
    const size = count
    count = 0
    if (size === 0) return
    if (size >= frameBytesMax) {
      dropped('too long', size)
      return
    }
    const result = takePacket(frame, size)
    if (typeof result === 'string') dropped(result, size)
    else packet(result)
  }

  function push(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) {
      if (bytes[i] === 0) end()
      else {
        // Past the limit only the count goes on: the frame is dropped whole at its zero.
        if (count < frameBytesMax) frame[count] = bytes[i]!
        count += 1
      }
    }
  }

  return { push: push }
}
