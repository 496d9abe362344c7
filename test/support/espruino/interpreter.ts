// A real Espruino for Linux running a bundle, in a folder of its own, with its line on a PTY that socat makes.

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { boards } from '../../../hardware/boards/boards.ts'
import { type Asker, createAsker } from '../sim/asker.ts'
import { boardKey, flashImage, type RecordedFlash } from '../sim/board-flash.ts'
import { until } from '../until.ts'

/** Bytes of the file in which Espruino for Linux keeps its flash. */
const linuxFlashBytes = 262144

export interface EspruinoRun {
  asker: Asker
  /** Everything said on the console. */
  said(): string
  /** Waits until the console has said something that matches. @throws Error after `withinMs` */
  says(pattern: RegExp, withinMs?: number): Promise<RegExpExecArray>
  /** Processor time used so far. */
  cpuMs(): number
  /** Kills the interpreter as a power cut would; the flash stays as it is. */
  cut(): Promise<void>
  /** Starts it again on the same flash, its console empty; with other code when the code is in a file. */
  start(code?: string): Promise<void>
  /** Ends all and removes the folder. */
  end(): Promise<void>
}

const children = new Set<ChildProcess>()

function killAll(): void {
  for (const child of children) child.kill('SIGKILL')
}

process.on('exit', killAll)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    killAll()
    process.exit(1)
  })
}

export async function kill(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((resolve) => child.once('close', resolve))
  child.kill('SIGKILL')
  await gone
}

/** Starts a program whose input stays open and quiet: with its input at an end Espruino's line receives nothing. */
export function launch(program: string, args: string[], cwd: string): ChildProcess {
  // Orphaned by a test that was killed it would spin: the kernel ends it after five minutes of processor time.
  const child = spawn('sh', ['-c', 'ulimit -t 300; exec "$0" "$@"', program, ...args], { cwd, stdio: 'pipe' })
  children.add(child)
  child.once('close', () => children.delete(child))
  child.stdin!.on('error', () => {})
  return child
}

/** Bytes that a build of 32 bits takes at once: of a longer run release 2v29 loses the rest (its issue 2718). */
const runBytes = 32

/** The interpreter for Linux looks at its line every 50 ms when nothing comes; a loaded machine delays that. */
const runEveryMs = 250

/** Writes no more at once than a released interpreter takes, as a UART, on which bytes come one after the other, does. */
function inRuns(write: (bytes: Uint8Array) => void): (bytes: Uint8Array) => void {
  const waiting: Uint8Array[] = []
  const next = () => {
    const bytes = waiting[0]
    if (bytes === undefined) return
    write(bytes)
    setTimeout(() => {
      waiting.shift()
      next()
    }, runEveryMs)
  }
  return (bytes) => {
    const isIdle = waiting.length === 0
    for (let at = 0; at < bytes.length; at += runBytes) waiting.push(bytes.subarray(at, at + runBytes))
    if (isIdle) next()
  }
}

/** Runs code in an interpreter of its own and answers what it printed; it is killed after `withinMs`. */
export async function evaluate(program: string, code: string, withinMs = 4000): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'smets1-espruino-'))
  const child = launch(program, ['-e', code], folder)
  let printed = ''
  child.stdout!.on('data', (part) => (printed += part))
  const timer = setTimeout(() => child.kill('SIGKILL'), withinMs)
  await new Promise((resolve) => child.once('close', resolve))
  clearTimeout(timer)
  rmSync(folder, { recursive: true, force: true })
  return printed
}

/**
 * Starts the bundle of the board `linux` on a flash. `from` says where the code is: a file, read into the heap whole, or
 * the Storage module `smets1`, which stays in flash. `then` is code that runs after the module was required. The other
 * end of the line is the run's `asker`, or the PTY `otherEnd`.
 */
export async function runBundle(
  program: string,
  code: string,
  flash: RecordedFlash,
  from: 'file' | 'storage',
  then = '',
  otherEnd?: string,
): Promise<EspruinoRun> {
  const folder = mkdtempSync(join(tmpdir(), 'smets1-espruino-'))
  const files = from === 'storage' ? { smets1: new TextEncoder().encode(code) } : {}
  writeFileSync(join(folder, 'espruino.flash'), flashImage(boards.linux, linuxFlashBytes, flash.cells, files))
  writeFileSync(join(folder, 'smets1.js'), code)
  const args = from === 'file' ? ['smets1.js'] : ['-e', `require("smets1");${then}`]
  const path = boards.linux.line.options.path!
  let interpreter: ChildProcess | undefined
  let socat: ChildProcess | undefined
  let said = ''

  const asker = createAsker(
    boardKey,
    inRuns((bytes) => socat!.stdin!.write(bytes)),
  )

  async function end(): Promise<void> {
    await kill(interpreter)
    await kill(socat)
    rmSync(folder, { recursive: true, force: true })
  }

  async function start(other?: string): Promise<void> {
    said = ''
    if (other !== undefined) writeFileSync(join(folder, 'smets1.js'), other)
    interpreter = launch(program, args, folder)
    interpreter.stdout!.on('data', (part) => (said += part))
  }

  async function says(pattern: RegExp, withinMs = 20000): Promise<RegExpExecArray> {
    await until(() => pattern.test(said), `"${pattern.source}" on the console, but ${JSON.stringify(said)}`, withinMs)
    return pattern.exec(said)!
  }

  function cpuMs(): number {
    const fields = readFileSync(`/proc/${interpreter!.pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
    // User and system time, in ticks of 10 ms.
    return (Number(fields[11]) + Number(fields[12])) * 10
  }

  try {
    const other = otherEnd === undefined ? 'stdio' : `pty,raw,echo=0,link=${otherEnd}`
    socat = launch('socat', [`pty,raw,echo=0,link=${path}`, other], folder)
    socat.stdout!.on('data', (part: Uint8Array) => asker.received(new Uint8Array(part)))
    await until(() => existsSync(join(folder, path)), 'PTY')
    await start()
  } catch (error) {
    await end()
    throw error
  }
  return { asker, said: () => said, says, cpuMs, cut: () => kill(interpreter), start, end }
}

/** Nothing has come for so long: the interpreter has lost bytes of the ask, as it does on a loaded machine. */
const askAgainMs = 10_000

/** Asks, and asks again as a bridge does when nothing comes, until it is over. @throws Error naming it after `withinMs` */
export async function askUntil(
  run: EspruinoRun,
  ask: () => void,
  isOver: () => boolean,
  what: string,
  withinMs = 60_000,
) {
  ask()
  let bytes = run.asker.lineBytes()
  let sinceMs = performance.now()
  const look = () => {
    if (isOver()) return true
    const nowMs = performance.now()
    if (run.asker.lineBytes() !== bytes) sinceMs = nowMs
    else if (nowMs - sinceMs > askAgainMs) {
      ask()
      sinceMs = nowMs
    }
    bytes = run.asker.lineBytes()
    return false
  }
  await until(look, what, withinMs)
}
