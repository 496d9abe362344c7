// Records the bytes of a line in both directions as pcapng, frame by frame. On the line everything but wakes and awakes is
// sealed, so no key and no open message can be in a recording.

import { closeSync, openSync, writeSync } from 'node:fs'
import type { OpenPort } from '../wan/bindings.ts'
import { flag, interfaceBlock, packetBlock, sectionBlock } from './pcapng-write.ts'

/** Longest piece without a zero: twice the longest frame, so that bytes that are not frames are recorded too. */
export const pieceBytesMax = 512

/** A recording ends at this size, so that it cannot fill a disk. */
export const recordingBytesMax = 2 ** 31

export interface Recording {
  /** Wraps `openPort`: all bytes of the ports that it opens are recorded. */
  tap(openPort: OpenPort): OpenPort
  /** Writes incomplete frames and closes the file. */
  close(): void
}

/**
 * Splits a stream into frames: each piece ends with the zero that closes a frame and begins with any zeros before it. A piece
 * without a zero ends at `pieceBytesMax`.
 */
export function createFrameCutter(piece: (bytes: Uint8Array) => void): {
  push(bytes: Uint8Array): void
  flush(): void
} {
  const buffer = new Uint8Array(pieceBytesMax)
  let count = 0
  let begun = false

  function flush(): void {
    if (count > 0) piece(buffer.slice(0, count))
    count = 0
    begun = false
  }

  return {
    push(bytes) {
      for (const byte of bytes) {
        buffer[count] = byte
        count += 1
        if (byte !== 0) begun = true
        if ((byte === 0 && begun) || count === pieceBytesMax) flush()
      }
    },
    flush,
  }
}

/** A new file of mode 0600 that grows until it is closed, cannot be written, or has `recordingBytesMax` bytes. */
function createRecordingFile(path: string, report: (problem: string) => void) {
  const file = openSync(path, 'wx', 0o600)
  let open = true
  let size = 0

  function close(): void {
    if (open) closeSync(file)
    open = false
  }

  return {
    append(bytes: Uint8Array): void {
      if (!open) return
      try {
        for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at)
      } catch (error) {
        close()
        report(`recording ended: ${path}: ${(error as Error).message}`)
        return
      }
      size += bytes.length
      if (size < recordingBytesMax) return
      close()
      report(`recording ended: ${path} has ${recordingBytesMax} bytes`)
    },
    close,
  }
}

/**
 * Starts a recording in a new file of mode 0600. Each frame is written before the next is passed on, so that the file can be
 * read after a crash. When the file cannot be written any more, `report` is called once, and the line continues
 * unrecorded.
 * @throws Error when the file exists or cannot be created
 */
export function openRecording(
  path: string,
  program: string,
  nowMs: () => number,
  report: (problem: string) => void,
): Recording {
  const file = createRecordingFile(path, report)
  const lines = new Map<string, number>()
  const cutters = new Set<{ flush(): void }>()

  function numberOf(url: string): number {
    const known = lines.get(url)
    if (known !== undefined) return known
    lines.set(url, lines.size)
    file.append(interfaceBlock(url))
    return lines.size - 1
  }

  file.append(sectionBlock(program))
  return {
    tap: (openPort) => async (url, baud, events) => {
      const line = numberOf(url)
      const inward = createFrameCutter((bytes) => file.append(packetBlock(line, nowMs(), flag.inbound, bytes)))
      const outward = createFrameCutter((bytes) => file.append(packetBlock(line, nowMs(), flag.outbound, bytes)))
      let gone = false
      const finish = () => {
        gone = true
        for (const cutter of [inward, outward]) {
          cutter.flush()
          cutters.delete(cutter)
        }
      }
      const port = await openPort(url, baud, {
        data(bytes) {
          inward.push(bytes)
          events.data(bytes)
        },
        closed() {
          finish()
          events.closed()
        },
      })
      cutters.add(inward).add(outward)
      return {
        ...port,
        write(bytes) {
          // Bytes written to a closed port are not sent.
          if (!gone) outward.push(bytes)
          port.write(bytes)
        },
      }
    },
    close() {
      for (const cutter of cutters) cutter.flush()
      file.close()
    },
  }
}
