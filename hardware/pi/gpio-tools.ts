// The machine's GPIO chips, and the programs of libgpiod that read them.

import { spawn } from 'node:child_process'
import { accessSync, constants, existsSync, readdirSync, statSync } from 'node:fs'

/** What the pulse inputs need of the machine. */
export interface GpioTools {
  /** Paths of the GPIO chips. */
  chips(): string[]
  /** Why a chip cannot be used; `undefined` when no reason is visible. */
  chipProblem(path: string): string | undefined
  /** What a tool prints; `undefined` when there is no such tool. */
  run(tool: 'gpiomon' | 'gpiodetect', args: string[]): Promise<string | undefined>
  /**
   * Starts a gpiomon. `ended` is called once, with what it printed last, also when it could not be started.
   * @returns a function that stops it
   */
  monitor(args: string[], on: { text(text: string): void; ended(words: string): void }): () => void
}

const lastCharactersMax = 400

function chipProblem(path: string): string | undefined {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats === undefined) return `${path} does not exist. ls /dev/gpiochip* shows the chips that do.`
  if (!stats.isCharacterDevice()) return `${path} is no GPIO chip. ls /dev/gpiochip* shows the chips.`
  try {
    accessSync(path, constants.R_OK | constants.W_OK)
  } catch {
    return `${path} may not be opened. Join its group (sudo usermod -aG gpio $USER) and log in again.`
  }
  return undefined
}

/** The tools as they are found on `env.PATH`. */
export function systemGpioTools(env: NodeJS.ProcessEnv): GpioTools {
  return {
    chips: () =>
      existsSync('/dev')
        ? readdirSync('/dev').flatMap((name) => (/^gpiochip\d+$/.test(name) ? `/dev/${name}` : []))
        : [],
    chipProblem,
    run: (tool, args) =>
      new Promise((done) => {
        let printed = ''
        const child = spawn(tool, args, { env, stdio: ['ignore', 'pipe', 'ignore'] })
        child.stdout.setEncoding('utf8').on('data', (text: string) => {
          printed += text
        })
        child.on('error', () => done(undefined))
        child.on('close', () => done(printed))
      }),
    monitor(args, on) {
      // setpriv (util-linux) has the kernel end gpiomon when this process is killed: a gpiomon left behind keeps its
      // line from the next meter. A session of its own keeps the Ctrl-C of a terminal for the meter.
      const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'gpiomon', ...args], {
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
        detached: true,
      })
      let last = ''
      let hasEnded = false
      function end(words: string): void {
        if (!hasEnded) on.ended(words)
        hasEnded = true
      }
      child.stdout.setEncoding('utf8').on('data', on.text)
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        last = (last + text).slice(-lastCharactersMax)
      })
      child.on('error', (error) => end(`setpriv, which starts gpiomon, cannot be run: ${error.message}`))
      child.on('close', (code, signal) =>
        end(last.trim().replaceAll('\n', '; ') || `gpiomon ended with ${signal ?? `code ${code}`}`),
      )
      // It holds no state, and the kernel releases the line.
      return () => void child.kill('SIGKILL')
    },
  }
}
