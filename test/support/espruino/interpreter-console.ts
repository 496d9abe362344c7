// A real Espruino for Linux at its prompt: its console on a PTY, as fast as a serial port, and the meter's line on another.

import type { ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { boards } from '../../../hardware/boards/boards.ts'
import { until } from '../until.ts'
import { kill, launch } from './interpreter.ts'

export interface EspruinoConsole {
  /** PTY of its console. */
  console: string
  /** The other end of the meter's line. */
  line: string
  /** What the console said since the interpreter was started. */
  said(): string
  /** Waits until it has said something that matches. @throws Error when it does not */
  says(pattern: RegExp): Promise<void>
  /** Bytes sent to its console so far. */
  sentBytes(): number
  /** Ends it after so many more bytes to its console, as when it is unplugged. */
  cutAfter(bytes: number): void
  /** Kills the interpreter, and starts it again on the same flash: what a board does when power comes back. */
  powerCycle(): Promise<void>
  /** Its flash. */
  flash(): Uint8Array
  end(): Promise<void>
}

/** Passes bytes on no faster than a serial port does. */
function paced(baud: number, write: (bytes: Uint8Array) => void): { push(bytes: Uint8Array): void; stop(): void } {
  let waiting: Uint8Array[] = []
  let freeAtMs = 0
  const timer = setInterval(() => {
    const nowMs = performance.now()
    while (waiting.length > 0 && freeAtMs <= nowMs) {
      const next = waiting[0]!.subarray(0, 16)
      waiting[0] = waiting[0]!.subarray(16)
      if (waiting[0].length === 0) waiting = waiting.slice(1)
      // A line that was idle begins now; one that is behind may catch up with the timer.
      freeAtMs = Math.max(freeAtMs, nowMs - 20) + (next.length * 10000) / baud
      write(next)
    }
  }, 1)
  return { push: (bytes) => void waiting.push(bytes), stop: () => clearInterval(timer) }
}

/** Starts an interpreter at its prompt, on blank flash unless `flash` is given. */
export async function espruinoConsole(program: string, baud: number, flash?: Uint8Array): Promise<EspruinoConsole> {
  const folder = mkdtempSync(join(tmpdir(), 'smets1-console-'))
  if (flash !== undefined) writeFileSync(join(folder, 'espruino.flash'), flash)
  const [console, line] = [join(folder, 'console'), join(folder, 'line')]
  let interpreter: ChildProcess | undefined
  let said = ''
  let sentBytes = 0
  let cutAt = Number.POSITIVE_INFINITY

  const port = launch('socat', [`pty,raw,echo=0,link=${console}`, 'stdio'], folder)
  const wire = launch(
    'socat',
    [`pty,raw,echo=0,link=${boards.linux.line.options.path}`, `pty,raw,echo=0,link=${line}`],
    folder,
  )
  const toBoard = paced(baud, (bytes) => {
    const left = cutAt - sentBytes
    if (left <= 0) return
    interpreter?.stdin?.write(bytes.subarray(0, left))
    sentBytes += bytes.length
    if (sentBytes >= cutAt) void kill(interpreter)
  })
  const fromBoard = paced(baud, (bytes) => port.stdin!.write(bytes))
  port.stdout!.on('data', (bytes: Uint8Array) => toBoard.push(bytes))

  async function start(): Promise<void> {
    interpreter = launch(program, [], folder)
    interpreter.stdout!.on('data', (bytes: Uint8Array) => {
      said += Buffer.from(bytes).toString('latin1')
      fromBoard.push(bytes)
    })
    await until(() => /espruino\.com|smets1: /.test(said), 'prompt')
    // What starts by itself starts right after that.
    await new Promise((resolve) => setTimeout(resolve, 300))
  }

  const end = async () => {
    toBoard.stop()
    fromBoard.stop()
    for (const child of [interpreter, port, wire]) await kill(child)
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await until(() => existsSync(console) && existsSync(line), 'PTY')
    await start()
  } catch (error) {
    await end()
    throw error
  }
  return {
    console,
    line,
    said: () => said,
    says: (pattern) => until(() => pattern.test(said), `"${pattern.source}" on the console`),
    sentBytes: () => sentBytes,
    cutAfter(bytes) {
      cutAt = sentBytes + bytes
    },
    async powerCycle() {
      await kill(interpreter)
      cutAt = Number.POSITIVE_INFINITY
      said = ''
      await start()
    },
    flash: () => new Uint8Array(readFileSync(join(folder, 'espruino.flash'))),
    end,
  }
}
