// Fleets of growing size: how long they take to start, how much memory a meter takes that is asleep, and how much of a
// processor all of them take together. Their flash is made directly: provisioning is a row of its own.

import { randomBytes } from 'node:crypto'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { flashPagesFull, pageBytes } from '../../firmware/flash-map.ts'
import { defaultConfiguration, writeSettings } from '../../firmware/settings.ts'
import { openFlashStore } from '../../hardware/emulator/flash-store.ts'
import { euiAfter } from '../../host/access/new-identities.ts'
import { euiToBytes } from '../../protocol/bytes.ts'
import { freshPath, smets1 } from '../support/bench/cli.ts'
import { firstEui, processorSeconds, rssOf } from '../support/bench/fleet-bench.ts'
import type { Row } from './row.ts'

const sizes = [1000, 10_000, 100_000]
const idleMs = 20_000

/** A directory with the flash of so many new meters. */
function createFlash(count: number): string {
  const directory = freshPath()
  mkdirSync(directory, { mode: 0o700 })
  const store = openFlashStore(join(directory, 'fleet.flash'), { pageBytes, pages: flashPagesFull })
  store.add(count)
  for (let i = 0; i < count; i++) {
    const eui = euiToBytes(euiAfter(firstEui, i))
    writeSettings(store.flash(i), { eui, key: randomBytes(32), version: 1, configuration: defaultConfiguration() })
  }
  store.close()
  return directory
}

interface Measured {
  startMs: number
  rssBytes: number
  /** Share of one processor, asleep. */
  busy: number
}

async function measure(count: number): Promise<Measured> {
  const directory = createFlash(count)
  const run = smets1(['meter', '--fleet', directory, '--port', 'tcp://127.0.0.1:0', '--days', '0', '--json'])
  try {
    await run.says('"ready":true', 300_000)
    const { startMs } = JSON.parse(run.out())
    const pid = run.child.pid ?? 0
    await pause(1000)
    const before = processorSeconds(pid)
    await pause(idleMs)
    return { startMs, rssBytes: rssOf(pid), busy: (processorSeconds(pid) - before) / (idleMs / 1000) }
  } finally {
    run.child.kill('SIGTERM')
    await run.ended
    rmSync(directory, { recursive: true, force: true })
  }
}

export async function fleetSizes(note: (text: string) => void): Promise<Row[]> {
  const row = (name: string, value: number, unit: string) => ({ bench: 'fleet', name, value, unit })
  const one = await measure(1)
  const rows: Row[] = []
  for (const count of sizes) {
    const { startMs, rssBytes, busy } = await measure(count)
    const name = `${count.toLocaleString('en-GB')} meters`
    note(name)
    rows.push(
      row(`${name}: start`, startMs / 1000, 's'),
      row(`${name}: memory of all (resident)`, rssBytes / 1048576, 'MB'),
      row(`${name}: memory of one more meter`, (rssBytes - one.rssBytes) / (count - 1) / 1024, 'KB'),
      row(`${name}: processor time asleep, of one core`, busy * 100, '%'),
    )
  }
  return rows
}
