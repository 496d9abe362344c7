// Records what a line carries in both directions as pcapng, frame by frame (README, "Looking at the line"). It sees the line's
// bytes only, on which everything but wakes and awakes is sealed: no key, and nothing open, can get into a recording.

import { closeSync, openSync, writeSync } from 'node:fs'
import type { OpenPort } from '../wan/bindings.ts'
import { flag, interfaceBlock, packetBlock, sectionBlock } from './pcapng-write.ts'

/** Longest piece of a recording without a zero: twice the longest frame, so that what is no frame is kept too. */
export const pieceBytesMax = 512

/** A recording ends at this size: a line that is never quiet must not fill a disk. */
export const recordingBytesMax = 2 ** 31

export interface Recording {
  /** The same port as `openPort` opens, with everything that it carries recorded. */
  tap(openPort: OpenPort): OpenPort
  /** Writes what is not a whole frame yet, and closes the file. */
  close(): void
}

/**
 * Cuts a stream into frames: each piece ends with the zero that closes a frame, and begins with the zeros that came ahead
 * of it. A piece that gets no zero ends at `pieceBytesMax`.
 */
export function createFrameCutter(piece: (bytes: Uint8Array) => void): {
  push(bytes: Uint8Array): void
  flush(): void
} {
  const kept = new Uint8Array(pieceBytesMax)
  let count = 0
  let begun = false

  function flush(): void {
    if (count > 0) piece(kept.slice(0, count))
    count = 0
    begun = false
  }

  return {
    push(bytes) {
      for (const byte of bytes) {
        kept[count] = byte
        count += 1
        if (byte !== 0) begun = true
        if ((byte === 0 && begun) || count === pieceBytesMax) flush()
      }
    },
    flush,
  }
}

/**
 * Begins a recording in a file that is not there yet, for its owner's eyes only (mode 0600). Each frame is in the file
 * before the next is taken: a program that is killed leaves a file that can be read. When the file cannot be written on,
 * `report` is told once, and the line goes on unrecorded.
 * @throws Error when the file is there, or cannot be made
 */
export function openRecording(
  path: string,
  program: string,
  nowMs: () => number,
  report: (problem: string) => void,
): Recording {
  const file = openSync(path, 'wx', 0o600)
  const lines = new Map<string, number>()
  const cutters = new Set<{ flush(): void }>()
  let open = true
  let size = 0

  function end(): void {
    if (open) closeSync(file)
    open = false
  }

  function put(bytes: Uint8Array): void {
    if (!open) return
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at)
    } catch (error) {
      end()
      report(`recording ended: ${path}: ${(error as Error).message}`)
      return
    }
    size += bytes.length
    if (size < recordingBytesMax) return
    end()
    report(`recording ended: ${path} has ${recordingBytesMax} bytes`)
  }

  function numberOf(url: string): number {
    const known = lines.get(url)
    if (known !== undefined) return known
    lines.set(url, lines.size)
    put(interfaceBlock(url))
    return lines.size - 1
  }

  put(sectionBlock(program))
  return {
    tap: (openPort) => async (url, baud, events) => {
      const line = numberOf(url)
      const inward = createFrameCutter((bytes) => put(packetBlock(line, nowMs(), flag.inbound, bytes)))
      const outward = createFrameCutter((bytes) => put(packetBlock(line, nowMs(), flag.outbound, bytes)))
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
          // What is written to a closed port goes nowhere.
          if (!gone) outward.push(bytes)
          port.write(bytes)
        },
      }
    },
    close() {
      for (const cutter of cutters) cutter.flush()
      end()
    },
  }
}
