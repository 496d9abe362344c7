// A file of lines, mode 0600, written in batches. It is moved to NAME.1 when it is full, and reopened on request.

import { once } from 'node:events'
import { closeSync, existsSync, openSync, renameSync, statSync } from 'node:fs'
import { pino } from 'pino'

/** Under load many lines are written at once; a line waits no longer than this. */
const batches = { minLength: 4096, periodicFlush: 200 }

/** Size from which a file is moved to `NAME.1`, and how many such files are kept. */
export const logLimits = { bytesMax: 16 * 1024 * 1024, filesKept: 5 }

export interface LogFile {
  /** Takes whole lines with their line ends. */
  stream: ReturnType<typeof pino.destination>
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

/** Calls `act` when the file has reached its size, and counts again from 0. */
function onFull(stream: LogFile['stream'], path: string, bytesMax: number, act: () => void): void {
  let bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  stream.on('write', (count: number) => {
    bytes += count
    if (bytes < bytesMax) return
    bytes = 0
    act()
  })
}

/** Rejects with the system's error when the file cannot be written. */
export async function openLogFile(path: string, { bytesMax, filesKept } = logLimits): Promise<LogFile> {
  // Fails here when it cannot be opened: a stream without a file would throw when the process ends.
  closeSync(openSync(path, 'a', 0o600))
  const stream = pino.destination({ dest: path, mode: 0o600, sync: false, ...batches })
  await new Promise<void>((resolve, reject) => {
    stream.once('ready', resolve)
    stream.once('error', reject)
  })
  // The stream never closes when it is ended between a call of reopen and the end of a write.
  let reopened: Promise<unknown> | undefined
  const reopen = () => {
    reopened = once(stream, 'ready').catch(() => {})
    stream.reopen()
  }
  onFull(stream, path, bytesMax, () => {
    try {
      moveFiles(path, filesKept)
      reopen()
    } catch {
      // The folder cannot be changed: the file goes on growing.
    }
  })
  // The bridge continues without its log; what must be stored is in the audit trail.
  stream.on('error', () => {})
  return {
    stream,
    reopen,
    async close() {
      await reopened
      await new Promise<void>((done) => {
        stream.once('close', () => done())
        stream.end()
      })
    },
  }
}
