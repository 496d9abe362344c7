// A registry of a million devices with two million registrations: its import, a bridge's start and memory, one change
// beside the bridge, and a midnight at which many meters change supplier.
//
// REGISTRY_DEVICES sets another number of devices.

import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { settlementDayBounds, settlementDayOf } from '../../host/access/settlement-day.ts'
import { fillParties } from '../../host/cli/new-parties.ts'
import { createState, type StatePaths, statePaths } from '../../host/state/state-directory.ts'
import { dayMs } from '../../protocol/half-hour.ts'
import { euiOf, mpanOf } from './cached-devices.ts'
import type { RegistryReply, RegistryTask } from './registry-part.ts'
import type { Bench } from './row.ts'

const devices = Number(process.env.REGISTRY_DEVICES ?? 1_000_000)
/** Meters that change supplier at the next midnight. */
const changing = Math.min(50_000, devices)
const lookups = 50_000
const mib = 2 ** 20
const command = fileURLToPath(new URL('../../host/cli/main.js', import.meta.url))
const part = fileURLToPath(new URL('./registry-part.js', import.meta.url))

const row = (name: string, value: number, unit: string) => ({ bench: 'registry', name, value, unit })

function writeCsv(path: string, header: string, count: number, lineOf: (n: number) => string): void {
  const file = openSync(path, 'w')
  writeSync(file, `${header}\n`)
  for (let from = 0; from < count; from += 10_000) {
    const to = Math.min(count, from + 10_000)
    writeSync(file, `${Array.from({ length: to - from }, (_, n) => lineOf(from + n)).join('\n')}\n`)
  }
  closeSync(file)
}

/** The most memory that a process has had so far, bytes, and its processor time, milliseconds. */
function usedBy({ pid }: ChildProcess): { peakBytes: number; cpuMs: number } {
  try {
    const peakKb = Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // In ticks of 10 ms.
    return { peakBytes: peakKb * 1024, cpuMs: (Number(fields[11]) + Number(fields[12])) * 10 }
  } catch {
    return { peakBytes: 0, cpuMs: 0 }
  }
}

async function runImport(
  paths: StatePaths,
  args: string[],
): Promise<{ tookMs: number; peakBytes: number; cpuMs: number }> {
  const startMs = performance.now()
  const child = spawn(process.execPath, [command, 'import', '--state', paths.root, ...args], { stdio: 'ignore' })
  let used = { peakBytes: 0, cpuMs: 0 }
  const timer = setInterval(() => {
    const now = usedBy(child)
    if (now.peakBytes > 0) used = now
  }, 50)
  const [code] = await once(child, 'exit')
  clearInterval(timer)
  if (code !== 0) throw new Error(`smets1 import ended with ${code}`)
  return { tookMs: performance.now() - startMs, ...used }
}

/** A bridge in its own process, and how it started. */
async function startPart(paths: StatePaths) {
  const startMs = performance.now()
  const child = fork(part, [paths.root])
  const next = async () => (await once(child, 'message'))[0] as RegistryReply
  const first = await next()
  if (!('startMs' in first)) throw new Error('no start')
  return {
    ...first,
    startMs: performance.now() - startMs,
    async ask(task: RegistryTask): Promise<RegistryReply> {
      const reply = next()
      child.send(task)
      return reply
    },
    /** The reply to a task that waits for something. */
    expect(task: RegistryTask) {
      child.send(task)
      return next()
    },
    async end() {
      child.disconnect()
      await once(child, 'exit')
    },
  }
}

function storeBytes({ store }: StatePaths): number {
  return readdirSync(store).reduce((sum, name) => sum + statSync(join(store, name)).size, 0)
}

const dayAt = (daysAhead: number) => settlementDayOf(Date.now() + daysAhead * dayMs)

function writeFiles(root: string) {
  const deviceFile = join(root, 'devices.csv')
  const registrationFile = join(root, 'registrations.csv')
  const one = join(root, 'one.csv')
  const changeDay = dayAt(1)
  writeCsv(deviceFile, 'eui,importMpan', devices, (n) => `${euiOf(n)},${mpanOf(n)}`)
  writeCsv(registrationFile, 'mpan,role,mpid,efd,etd', devices, (n) => {
    const lines = [`${mpanOf(n)},IS,SUPA,2020-01-01,`, `${mpanOf(n)},MDR,MDRA,2024-06-01,`]
    if (n < changing) lines.push(`${mpanOf(n)},IS,SUPB,${changeDay},`)
    return lines.join('\n')
  })
  writeCsv(one, 'mpan,role,mpid,efd,etd', 1, () => `${mpanOf(devices - 1)},IS,SUPB,${dayAt(0)},`)
  return { deviceFile, registrationFile, one, changeDay }
}

export const registry: Bench = async (note) => {
  const root = mkdtempSync(join(tmpdir(), 'smets1-bench-'))
  const paths = statePaths(join(root, 'state'))
  try {
    await createState(paths, fillParties)
    const empty = await startPart(paths)
    await empty.end()
    note('files written')
    const { deviceFile, registrationFile, one, changeDay } = writeFiles(root)
    const imported = await runImport(paths, [deviceFile, registrationFile])
    note(`imported in ${Math.round(imported.tookMs / 1000)} s`)
    const large = await startPart(paths)
    if (large.devices < devices) throw new Error(`${large.devices} devices`)
    const step = Math.max(1, Math.floor(devices / lookups))
    const euis = Array.from({ length: Math.min(lookups, devices) }, (_, n) => euiOf((n * step * 7919) % devices))
    const looked = await large.ask({ do: 'lookups', euis })
    const seen = large.expect({ do: 'await', eui: euiOf(devices - 1) })
    const change = await runImport(paths, ['--merge', one])
    const endedMs = Date.now()
    const followed = await seen
    note('midnight')
    const nowMs = settlementDayBounds(changeDay).startMs + 1000
    const affected = Array.from({ length: changing }, (_, n) => euiOf(n))
    const midnight = await large.ask({ do: 'midnight', nowMs, devices: affected })
    await large.end()
    if (!('microsEach' in looked && 'atMs' in followed && 'evicted' in midnight)) throw new Error('wrong replies')
    return [
      row('devices', devices, ''),
      row('registrations', 2 * devices + changing, ''),
      row('import', imported.tookMs / 1000, 's'),
      row('  its processor time', imported.cpuMs / 1000, 's'),
      row('  its memory at the most', imported.peakBytes / mib, 'MiB'),
      row('store on disk', storeBytes(paths) / mib, 'MiB'),
      row('bridge: process start to ready (wanted: < 5)', large.startMs / 1000, 's'),
      row('  the same with an empty registry', empty.startMs / 1000, 's'),
      row('  its processor time', large.cpuMs / 1000, 's'),
      row('  that with an empty registry', empty.cpuMs / 1000, 's'),
      row('  resident memory when ready (wanted: < 500)', large.rssBytes / mib, 'MiB'),
      row(
        '  more than with an empty registry, a device (wanted: ≤ 500)',
        (large.rssBytes - empty.rssBytes) / devices,
        'bytes',
      ),
      row(`  after ${euis.length} devices were looked up`, looked.rssBytes / mib, 'MiB'),
      row('device and its registrations, looked up', looked.microsEach, 'µs'),
      row('one change: the command', change.tookMs, 'ms'),
      row('  its end to the bridge following it (wanted: < 1000)', Math.max(0, followed.atMs - endedMs), 'ms'),
      row('midnight: meters with another supplier', midnight.evicted, ''),
      row('  the cache emptied for one that is asked for', midnight.askedMs, 'ms'),
      row('  the cache emptied for all', midnight.tookMs / 1000, 's'),
      row('  longest pause of the process (wanted: < 50)', midnight.pauseMs, 'ms'),
      row('    most processor time between two turns of its event loop, all threads', midnight.turnMs, 'ms'),
      row('  the pause while it has nothing to do, by this machine', midnight.idlePauseMs, 'ms'),
    ]
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}
