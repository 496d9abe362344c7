// Runs `smets1 meter` as a user does, and reads it as the bridge does.

import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pageBytes } from '../../../firmware/flash-map.ts'
import { type Logs, openLogs } from '../../../firmware/logs.ts'
import { meterCommand } from '../../../hardware/cli/meter.ts'
import { provisionFlash } from '../../../hardware/cli/provision.ts'
import { createMemoryFlash } from '../../../hardware/emulator/flash-file.ts'
import { createDco, type DcoSession } from '../../../host/dco/sealer.ts'
import { takeLock } from '../../../host/runtime/lock-file.ts'
import { systemTiming } from '../../../host/runtime/system-timing.ts'
import { openPort } from '../../../host/wan/bindings.ts'
import { defaultLineLimits } from '../../../host/wan/line-limits.ts'
import { createLine } from '../../../host/wan/serial-line.ts'
import { noUsage } from '../../../host/wan/usage.ts'
import { euiFromBytes, euiToBytes } from '../../../protocol/bytes.ts'
import { readProfile } from '../sim/single-read.ts'

export const eui = euiToBytes('00-DB-12-34-56-78-90-A0')
export const key = new Uint8Array(32).fill(7)

export interface MeterFolder {
  folder: string
  flash: string
  children: ChildProcess[]
  remove(): void
}

export function createMeterFolder(): MeterFolder {
  const folder = mkdtempSync(join(tmpdir(), 'smets1-meter-'))
  const children: ChildProcess[] = []
  return {
    folder,
    flash: join(folder, 'meter.flash'),
    children,
    remove() {
      for (const child of children) child.kill('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

export function provision({ flash }: MeterFolder, flashKb?: number): void {
  provisionFlash(flash, { eui, key, pulsesPerKwh: 1000, flashKb })
}

/** The logs in the meter's flash, opened on a copy. */
export function logsIn({ flash }: MeterFolder): Logs {
  const bytes = new Uint8Array(readFileSync(flash))
  const copy = createMemoryFlash({ pageBytes, pages: bytes.length / pageBytes })
  for (let at = 0; at < bytes.length; at += pageBytes) copy.program(at, bytes.subarray(at, at + pageBytes))
  return openLogs(copy)
}

/** Runs the command in this process, for commands that end by themselves. */
export async function run(options: Record<string, unknown>): Promise<{ code: number; stdout: string; stderr: string }> {
  const said = { stdout: '', stderr: '' }
  const io = {
    stdout: (text: string) => {
      said.stdout += text
    },
    stderr: (text: string) => {
      said.stderr += text
    },
    isTerminal: false,
    env: {},
    takeLock,
  }
  return { code: await meterCommand.run(options, io), ...said }
}

export interface Running {
  child: ChildProcess
  ready: {
    ready: boolean
    port: string
    lastHalfHour: number
    eui: string
    settingsVersion: number
    history: { importHalfHours: number; otherHalfHours: number }
  }
  stderr(): string
  /** The next line of JSON that it prints. */
  says(): Promise<Record<string, unknown>>
  ended: Promise<unknown[]>
}

/** Starts the command as its own process and waits until it is ready. */
export async function start(
  { flash, children }: MeterFolder,
  options: Record<string, unknown>,
  stdio: 'pipe' | 'ipc' = 'pipe',
): Promise<Running> {
  const script = `import { meterCommand } from './dist/hardware/cli/meter.js'
    const io = {
      stdout: (text) => process.stdout.write(text), stderr: (text) => process.stderr.write(text), isTerminal: false, env: {},
    }
    process.exit(await meterCommand.run(JSON.parse(process.argv[1]), io))`
  const given = JSON.stringify({ flash, json: true, ...options })
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, given], {
    stdio: ['pipe', 'pipe', 'pipe', ...(stdio === 'ipc' ? (['ipc'] as const) : [])],
  })
  children.push(child)
  let stderr = ''
  child.stderr!.on('data', (text) => {
    stderr += text
  })
  const ended = once(child, 'exit')
  const lines = createInterface(child.stdout!)[Symbol.asyncIterator]()
  async function says(): Promise<Record<string, unknown>> {
    const next = await lines.next()
    if (next.done) throw new Error(`it ended: ${stderr}`)
    return JSON.parse(next.value)
  }
  const ready = (await says()) as unknown as Running['ready']
  return { child, ready, stderr: () => stderr, says, ended }
}

/** Reads half-hours as the bridge does. Also which are marked, and the meter's count of starts. */
export async function readOverLine(
  port: string,
  first: number,
  count: number,
  channel = 0,
): Promise<{ wh: Map<number, number>; marked: number[]; boot: number }> {
  const dco = createDco({ key: () => key }, randomBytes)
  let boot = 0
  function openSession(meter: string): DcoSession {
    const session = dco.open(meter)!
    const bind = (starts: number, number: number) => {
      boot = starts
      session.bind(starts, number)
    }
    return { ...session, bind }
  }
  const line = createLine(port, openPort, defaultLineLimits, systemTiming)
  const reader = { line, dco: { open: openSession }, timing: systemTiming }
  const readings = await readProfile(reader, euiFromBytes(eui), channel, first, count, Date.now() + 16000, noUsage())
  await line.close()
  const recorded = readings.filter((reading) => reading.wh !== undefined)
  return {
    wh: new Map(recorded.map((reading) => [reading.halfHour, reading.wh!])),
    marked: recorded.filter((reading) => reading.marked).map((reading) => reading.halfHour),
    boot,
  }
}
