// The meter of `smets1 up`: a process of its own, at the other end of a socket in the state directory.

import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { MeterOrder } from '../../hardware/emulator/meter-orders.ts'
import type { Flag, Io, Options } from '../../host/cli/command.ts'
import { CommandError, exitCode } from '../../host/state/errors.ts'

export interface MeterProcess {
  pid: number
  /** The line, for the bridge. */
  url: string
  /** The newest half-hour in its log. */
  lastHalfHour: number
  /** Settles when the process has ended, with its exit code. */
  ended: Promise<number>
  /** Has something done to the meter; resolves when it is done, or the meter has ended. */
  order(order: MeterOrder): Promise<void>
  stop(): Promise<void>
}

/** The name under which a flag's value arrives. */
export function optionName([form]: Flag): string {
  const name = /^--(?:no-)?([\w-]+)/.exec(form)?.[1] ?? ''
  return name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
}

/**
 * Those of the given options that are flags of the meter, as its own command line. A flag with a value is `--name <value>`,
 * one that may be given again has an array of them; `--no-name` comes as `name: false`.
 */
export function meterArguments(flags: readonly Flag[], options: Options): string[] {
  return flags.flatMap((flag) => {
    const [, no, name, value] = /^--(no-)?([\w-]+)( <)?/.exec(flag[0])!
    const given = options[optionName(flag)]
    if (no !== undefined) return given === false ? [`--no-${name}`] : []
    if (value === undefined) return given === true ? [`--${name}`] : []
    const values = given === undefined ? [] : Array.isArray(given) ? given : [given]
    // With an equals sign, as a value may begin with a minus. A flag without its value is reported by the meter.
    return values.map((one) => (one === true ? `--${name}` : `--${name}=${one}`))
  })
}

/** Longest path that a unix socket may have, with room to spare. */
const socketPathMax = 100

/** Somewhere for the socket that only this user can reach. */
function socketIn(directory: string): { path: string; remove(): void } {
  const path = join(directory, 'meter', 'line.sock')
  if (Buffer.byteLength(path) <= socketPathMax) return { path, remove: () => {} }
  const short = mkdtempSync(join(tmpdir(), 'smets1-'))
  return { path: join(short, 'line.sock'), remove: () => rmSync(short, { recursive: true, force: true }) }
}

/**
 * Starts the meter and waits until it is ready. Its messages go to stderr; it stops when this process does.
 * @throws CommandError with its exit code when it ends instead
 */
export async function startMeter(
  directory: string,
  flash: string,
  flags: readonly string[],
  io: Io,
): Promise<MeterProcess> {
  const socket = socketIn(directory)
  const url = `unix://${socket.path}`
  const launcher = fileURLToPath(new URL('../../host/cli/main.js', import.meta.url))
  const args = [launcher, 'meter', '--port', url, '--flash', flash, '--json', '--exit-with-parent', ...flags]
  // In its own process group: Ctrl-C reaches only this process, which stops the meter last.
  const child = spawn(process.execPath, args, {
    stdio: ['pipe', 'pipe', io.isTerminal ? 'inherit' : 'pipe'],
    detached: true,
  })
  child.stderr?.on('data', (bytes: Buffer) => io.stderr(bytes.toString()))
  const ended = new Promise<number>((resolve) => {
    child.once('error', () => resolve(exitCode.failed))
    child.once('exit', (code) => resolve(code ?? exitCode.failed))
  }).finally(socket.remove)
  const lines = createInterface({ input: child.stdout! })
  /** Those who wait for an order to be done, in the order of their lines. */
  const ordered: (() => void)[] = []
  const ready = await Promise.race([
    new Promise<{ lastHalfHour: number }>((resolve) => {
      lines.on('line', (line) => {
        const said = JSON.parse(line) as { ready?: boolean; done?: string; lastHalfHour: number }
        if (said.ready === true) resolve(said)
        if (said.done !== undefined) ordered.shift()?.()
      })
    }),
    ended,
  ])
  if (typeof ready === 'number') throw new CommandError(ready, 'the meter did not start; its messages are above')
  return {
    pid: child.pid!,
    url,
    lastHalfHour: ready.lastHalfHour,
    ended,
    async order(order) {
      const done = new Promise<void>((resolve) => ordered.push(resolve))
      child.stdin?.write(`${JSON.stringify(order)}\n`)
      await Promise.race([done, ended])
    },
    async stop() {
      // The end of its standard input stops it; the signal is a second way.
      child.stdin?.end()
      child.kill('SIGTERM')
      await ended
    },
  }
}
