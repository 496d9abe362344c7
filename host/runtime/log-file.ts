// A file of lines, mode 0600, written in batches. It is moved to NAME.1 when it is full, and reopened on request.
//
// The bridge continues without its log: what must be stored is in the audit trail. Lines that cannot be written wait for room,
// and the end of the program does not wait for them.

import { closeSync, existsSync, fstatSync, openSync, renameSync, write as writeCallback, writeSync } from 'node:fs'
import { promisify } from 'node:util'

const write = promisify(writeCallback)

/** Under load many lines are written at once; a line waits no longer than this. */
const batches = { bytes: 4096, waitMs: 200 }

/** Lines that wait because the file cannot be written; the oldest of more are lost. */
const waitingBytesMax = 1024 * 1024

/** Size from which a file is moved to `NAME.1`, and how many such files are kept. */
export const logLimits = { bytesMax: 16 * 1024 * 1024, filesKept: 5 }

export interface LogFile {
  stream: {
    /** Takes whole lines with their line ends. */
    write(lines: string): void
  }
  /** Opens the file again, after another program has moved it. */
  reopen(): void
  close(): Promise<void>
}

/** Moves NAME to `NAME.1`, that to `NAME.2`, and so on; the last one goes. */
function moveFiles(path: string, filesKept: number): void {
  const nameOf = (number: number) => (number === 0 ? path : `${path}.${number}`)
  for (let number = filesKept - 1; number >= 0; number--)
    if (existsSync(nameOf(number))) renameSync(nameOf(number), nameOf(number + 1))
}

/** What is not written yet. */
function createWaiting() {
  let parts: Buffer[] = []
  let bytes = 0
  return {
    bytes: () => bytes,
    add(part: Buffer): void {
      parts.push(part)
      bytes += part.length
      while (bytes > waitingBytesMax && parts.length > 1) bytes -= parts.shift()?.length ?? 0
    },
    take(): Buffer {
      const all = Buffer.concat(parts)
      parts = []
      bytes = 0
      return all
    },
  }
}

/** The open file, moved when it has reached its size. @throws the system's error when it cannot be opened */
function openMoving(path: string, { bytesMax, filesKept }: typeof logLimits) {
  let file = openSync(path, 'a', 0o600)

  function openAgain(): void {
    try {
      const next = openSync(path, 'a', 0o600)
      closeSync(file)
      file = next
    } catch {
      // The folder is gone: the open file goes on growing.
    }
  }

  return {
    number: () => file,
    openAgain,
    moveWhenFull(): void {
      if (fstatSync(file).size < bytesMax) return
      try {
        moveFiles(path, filesKept)
        openAgain()
      } catch {
        // The folder cannot be changed: the file goes on growing.
      }
    },
  }
}

/** Rejects with the system's error when the file cannot be written. */
export async function openLogFile(path: string, limits = logLimits): Promise<LogFile> {
  const file = openMoving(path, limits)
  const waiting = createWaiting()
  let writing: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  let isMoved = false

  async function writeBatch(): Promise<void> {
    let rest = waiting.take()
    try {
      while (rest.length > 0) rest = rest.subarray((await write(file.number(), rest)).bytesWritten)
      file.moveWhenFull()
    } catch {
      const later = waiting.take()
      waiting.add(rest)
      waiting.add(later)
    }
    writing = undefined
    if (isMoved) file.openAgain()
    isMoved = false
    if (waiting.bytes() > 0) beginLater()
  }

  function beginLater(): void {
    timer ??= setTimeout(begin, batches.waitMs).unref()
  }

  function begin(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    writing ??= writeBatch()
    return writing
  }

  /** The last lines of a program that ends without `close`. */
  function atExit(): void {
    try {
      writeSync(file.number(), waiting.take())
    } catch {
      // There is nowhere left to write to.
    }
  }
  process.once('exit', atExit)

  return {
    stream: {
      write(lines) {
        waiting.add(Buffer.from(lines))
        if (waiting.bytes() >= batches.bytes) void begin()
        else beginLater()
      },
    },
    reopen() {
      if (writing === undefined) file.openAgain()
      else isMoved = true
    },
    async close() {
      await writing
      await begin()
      clearTimeout(timer)
      process.removeListener('exit', atExit)
      closeSync(file.number())
    },
  }
}
