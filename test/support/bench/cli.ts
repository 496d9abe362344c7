// Runs `smets1` as a user does: its own process, text on stdout and stderr, an exit code.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const launcher = fileURLToPath(new URL('../../../host/cli/main.js', import.meta.url))
const children = new Set<ChildProcess>()
const scratch = mkdtempSync(join(tmpdir(), 'smets1-cli-'))
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(scratch, { recursive: true, force: true })
})

let made = 0

/** A path where nothing exists; removed at exit. */
export function freshPath(): string {
  made += 1
  return join(scratch, `${made}`)
}

export interface Run {
  child: ChildProcess
  /** Its output so far. */
  out(): string
  err(): string
  ended: Promise<number | null>
  /** Resolves when stdout contains the text. @throws Error when the process ends, or a minute passes, first */
  says(text: string | RegExp, timeoutMs?: number): Promise<void>
}

export function smets1(args: string[], env: { [name: string]: string } = {}): Run {
  // Node warns on standard error when colour is both requested and forbidden.
  const { SMETS1_STATE: _, FORCE_COLOR: __, ...clean } = process.env
  const child = spawn(process.execPath, [launcher, ...args], { env: { ...clean, NO_COLOR: '1', ...env } })
  children.add(child)
  let out = ''
  let err = ''
  const listeners = new Set<() => void>()
  child.stdout.on('data', (bytes) => {
    out += bytes
    for (const listener of listeners) listener()
  })
  child.stderr.on('data', (bytes) => {
    err += bytes
  })
  const ended = new Promise<number | null>((resolve) => {
    child.once('close', (code) => {
      children.delete(child)
      resolve(code)
    })
  })
  const found = (text: string | RegExp) => (typeof text === 'string' ? out.includes(text) : text.test(out))
  return {
    child,
    out: () => out,
    err: () => err,
    ended,
    says: (text, timeoutMs = 60_000) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`never said ${text}:\n${out}\n${err}`)), timeoutMs)
        const look = () => {
          if (!found(text)) return
          clearTimeout(timer)
          listeners.delete(look)
          resolve()
        }
        listeners.add(look)
        look()
        ended.then((code) => {
          clearTimeout(timer)
          if (!found(text)) reject(new Error(`ended with ${code} before it said ${text}:\n${out}\n${err}`))
        })
      }),
  }
}

/** Stops what still runs, and waits until it has ended. */
export async function stopRunning(): Promise<void> {
  const ended = [...children].map((child) => once(child, 'close'))
  for (const child of children) child.kill('SIGTERM')
  await Promise.all(ended)
}

/** Runs to the end. */
export async function finished(args: string[], env: { [name: string]: string } = {}) {
  const run = smets1(args, env)
  return { code: await run.ended, out: run.out(), err: run.err() }
}

/** Changes a JSON file in place. */
export function editJson(path: string, edit: (value: Record<string, unknown>) => void): void {
  const value = JSON.parse(readFileSync(path, 'utf8'))
  edit(value)
  writeFileSync(path, JSON.stringify(value))
}
