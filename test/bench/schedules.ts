// A million DCC schedules: the first start on a state of a version that had no timetable, a start after that, the first ten
// minutes of a night, and a million pairs of RequestID counters.
//
// SCHEDULES sets another number of both.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Device } from '../../host/access/parties.ts'
import type { RowPlan } from '../../host/access/registry-plan.ts'
import { writePlan } from '../../host/access/registry-store.ts'
import { createUsedCounters } from '../../host/access/used-counters.ts'
import { bridgeTables, type Tables } from '../../host/bridge/tables.ts'
import { fillParties } from '../../host/cli/new-parties.ts'
import { testIdentities } from '../../host/pki/test-pki.ts'
import { createState, type StatePaths, statePaths } from '../../host/state/state-directory.ts'
import { openLmdbStore } from '../../host/store/lmdb.ts'
import type { Store } from '../../host/store/store.ts'
import { dayMs } from '../../protocol/half-hour.ts'
import { euiOf, mpanOf } from './cached-devices.ts'
import type { Bench } from './row.ts'
import type { StartedSchedules } from './schedules-part.ts'

const count = Number(process.env.SCHEDULES ?? 1_000_000)
const devices = Math.ceil(count / 10)
const atOnce = 2_000
const mib = 2 ** 20
const part = fileURLToPath(new URL('./schedules-part.js', import.meta.url))

const row = (name: string, value: number, unit: string) => ({ bench: 'schedules', name, value, unit })

async function fillInParts(store: Store<Tables>, total: number, fill: (n: number) => [string, unknown], table: string) {
  const untyped: Store<{ [table: string]: unknown }> = store
  for (let from = 0; from < total; from += atOnce) {
    await untyped.write((batch) => {
      for (let n = from; n < Math.min(total, from + atOnce); n++) batch.put(table, ...fill(n))
    })
  }
}

async function fillRegistry(store: Store<Tables>): Promise<void> {
  const plan: RowPlan = { devices: new Map(), mpans: new Map() }
  for (let n = 0; n < devices; n++) {
    const device: Device = { eui: euiOf(n), importMpan: mpanOf(n), status: 'Commissioned', line: 'default' }
    const registrations = [{ role: 'MDR' as const, mpid: 'MDRA', from: '2020-01-01' }]
    plan.devices.set(device.eui, { before: undefined, after: device })
    plan.mpans.set(mpanOf(n), { before: undefined, after: { eui: device.eui, kind: 'import', registrations } })
  }
  await writePlan(store, plan, { from: 'bench', day: '2026-01-01' })
}

/** As version 0.1 left them. */
function scheduleRow(n: number, today: number): [string, unknown] {
  const id = n + 1
  const details = {
    frequency: 'Daily',
    startDay: today - 1,
    serviceReference: '4.8',
    variant: '4.8.1',
    deviceEui: euiOf(n % devices),
    readName: 'DSPReadActiveImportProfileData',
    period: { startDays: -1, startTimeMs: 0, endDays: 0, endTimeMs: 0 },
  }
  const owner = testIdentities.mdr.eui
  const schedule = { id, owner, role: 'MDR', schemaVersion: '5.1', details, createdMs: 1, nextDay: today, runs: [] }
  return [`${id}`.padStart(13, '0'), schedule]
}

const storeBytes = ({ store }: StatePaths) =>
  readdirSync(store).reduce((sum, name) => sum + statSync(join(store, name)).size, 0)

/** Starts a bridge at a time, and watches it for a while. */
async function startAt(paths: StatePaths, nowMs: number, watchMs: number) {
  const startMs = performance.now()
  const child = fork(part, [paths.root, `${nowMs}`, `${watchMs}`])
  await once(child, 'message')
  const readyMs = performance.now() - startMs
  const [started] = (await once(child, 'message')) as [StartedSchedules]
  await once(child, 'exit')
  return { readyMs, ...started }
}

async function counterRows(root: string) {
  const paths = statePaths(join(root, 'counters'))
  const store = openLmdbStore(paths.store, bridgeTables)
  const few = createUsedCounters()
  for (const counter of [1_796_000_000_000n, 1_796_000_100_000n, 1_796_000_200_000n]) few.use(counter)
  await fillInParts(store, count, (n) => [`request/${testIdentities.mdr.eui}/${euiOf(n)}`, few.stored()], 'counters')
  await store.close()
  return row(`${count} pairs of counters with 3 requests each, on disk (wanted: ≤ 300)`, storeBytes(paths) / mib, 'MiB')
}

export const schedules: Bench = async (note) => {
  const root = mkdtempSync(join(tmpdir(), 'smets1-bench-'))
  const paths = statePaths(join(root, 'state'))
  try {
    await createState(paths, fillParties)
    const midnight = Math.ceil(Date.now() / dayMs) * dayMs
    const store = openLmdbStore(paths.store, bridgeTables)
    await fillRegistry(store)
    await fillInParts(store, count, (n) => scheduleRow(n, midnight / dayMs), 'schedules')
    await store.close()
    note('filled')
    const taken = await startAt(paths, midnight - 3_600_000, 1_000)
    note('taken over')
    const before = await startAt(paths, midnight - 3_600_000, 30_000)
    note('started again')
    const after = await startAt(paths, midnight + 600_000, 60_000)
    return [
      row('schedules', before.schedules, ''),
      row('first start: the timetable is made', taken.readyMs / 1000, 's'),
      row('a start after that: process start to ready (wanted: < 5)', before.readyMs / 1000, 's'),
      row('  its processor time', before.startCpuMs / 1000, 's'),
      row('  resident memory while all are checked', before.rssBytes / mib, 'MiB'),
      row('  longest pause while all are checked', before.pauseMs, 'ms'),
      row('    most processor time between two turns of its event loop, all threads', before.turnMs, 'ms'),
      row('a start at 00:10, ten minutes of the night behind: to ready', after.readyMs / 1000, 's'),
      row('  runs begun in the next minute', after.begun, ''),
      row('  longest pause (wanted: < 50)', after.pauseMs, 'ms'),
      row('    most processor time between two turns of its event loop, all threads', after.turnMs, 'ms'),
      row(
        '  processor time a run, whole attempt without a meter',
        (after.cpuMs * 1000) / Math.max(1, after.begun),
        'µs',
      ),
      row('  resident memory', after.rssBytes / mib, 'MiB'),
      await counterRows(root),
    ]
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}
