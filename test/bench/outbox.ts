// The outbox: how long a bridge takes to start with many responses that no User has taken, and how much memory.
//
// OUTBOX_RESPONSES sets another number of responses. 500,000 take 6 GB in the temporary directory, removed at the end.

import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fillBench } from '../../emulation/cli/new-bench.ts'
import { provisionFlash } from '../../hardware/cli/provision.ts'
import { bridgeTables } from '../../host/bridge/tables.ts'
import { testDevice } from '../../host/cli/test-registry.ts'
import { createAgeClock } from '../../host/delivery/age-clock.ts'
import { openOutbox } from '../../host/delivery/outbox.ts'
import { readOutboxLimits } from '../../host/delivery/outbox-limits.ts'
import { loadIdentity } from '../../host/pki/test-pki.ts'
import { openAcceptedStore } from '../../host/requests/accepted-store.ts'
import { createState, type StatePaths, statePaths } from '../../host/state/state-directory.ts'
import { createKeySlots, openKeyFile } from '../../host/store/key-slots.ts'
import { openLmdbStore } from '../../host/store/lmdb.ts'
import { editJson, smets1 } from '../support/bench/cli.ts'
import { type Bench, type Row, rounded } from './row.ts'

const responses = Number(process.env.OUTBOX_RESPONSES ?? 500_000)
/** A day of half-hours, and the request for it. */
const responseBytes = 8000
const requestBytes = 1700
const batch = 2000
/** Nothing listens there. */
const callback = 'http://127.0.0.1:1/'

/** Responses of one User as a bridge leaves them. */
async function fill(paths: StatePaths, note: (text: string) => void): Promise<void> {
  const store = openLmdbStore(paths.store, bridgeTables)
  const keys = createKeySlots(openKeyFile(paths.outboxKeys), randomBytes)
  const requestKeys = createKeySlots(openKeyFile(paths.requestKeys), randomBytes)
  const age = createAgeClock(store, Date.now)
  await age.save()
  const limits = readOutboxLimits(undefined, '')
  const outbox = openOutbox({
    store,
    keys,
    requestKeys,
    randomBytes,
    age,
    nowMs: Date.now,
    limits,
    givenUp() {},
  })
  const accepted = openAcceptedStore(store, requestKeys, randomBytes, [])
  const { eui } = loadIdentity(paths.pki, 'supplier')
  const body = '<sr:Response/>'.padEnd(responseBytes, 'x')
  const request = Buffer.alloc(requestBytes)
  const first = Date.now()

  async function keep(n: number): Promise<void> {
    const id = `${eui}:${testDevice.eui}:${first + n}`
    const stored = await accepted.keep(id, { body: request, receivedMs: first })
    const kept = outbox.keep(id, callback, body, { request: accepted.answered(stored) })
    await Promise.all([kept, accepted.handOver(id)])
  }

  for (let n = 0; n < responses; n += batch) {
    await Promise.all(Array.from({ length: Math.min(batch, responses - n) }, (_, i) => keep(n + i)))
    if (n % 100_000 === 0) note(`${n} of ${responses} responses written`)
  }
  keys.close()
  requestKeys.close()
  await store.close()
}

/** Resident memory of a process, MiB: its own, and of mapped files, which the system takes back when it needs it. */
function memoryOf(pid: number | undefined) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const mib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024
  return { own: mib('RssAnon'), mapped: mib('RssFile') }
}

const ticksPerSecond = 100

/** Processor time of a process so far, seconds. */
function processorSeconds(pid: number | undefined): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

async function start(paths: StatePaths, name: string): Promise<Row[]> {
  const startMs = performance.now()
  const bridge = smets1(['bridge', '--state', paths.root, '--port', 'tcp://127.0.0.1:1', '--http-port', '0', '--json'])
  await bridge.says('"ready":true')
  const readySeconds = (performance.now() - startMs) / 1000
  const { pid } = bridge.child
  const atReady = memoryOf(pid)
  const processor = processorSeconds(pid)
  await new Promise((resolve) => setTimeout(resolve, 20_000))
  const later = memoryOf(pid)
  const stopMs = performance.now()
  bridge.child.kill('SIGTERM')
  await bridge.ended
  const stopSeconds = (performance.now() - stopMs) / 1000
  const row = (what: string, value: number, unit: string) => ({ bench: 'outbox', name: `${name}${what}`, value, unit })
  return [
    row(': start until ready', readySeconds, 's'),
    row(':   processor time of it', processor, 's'),
    row(': memory of its own when ready', atReady.own, 'MiB'),
    row(':   and mapped, of the store and libraries', atReady.mapped, 'MiB'),
    row(': memory of its own after 20 s of failing tries', later.own, 'MiB'),
    row(': stop', stopSeconds, 's'),
  ]
}

export const outboxBench: Bench = async (note) => {
  const directory = mkdtempSync(join(tmpdir(), 'smets1-bench-'))
  const paths = statePaths(join(directory, 'state'))
  try {
    await createState(paths, (made) => fillBench(made, provisionFlash))
    editJson(paths.registry, (registry) => {
      for (const one of registry.users as { callback: string }[]) one.callback = callback
    })
    const empty = await start(paths, 'nothing waits')
    await fill(paths, note)
    const bytes = readdirSync(paths.store).reduce((sum, file) => sum + statSync(join(paths.store, file)).size, 0)
    const disk = { bench: 'outbox', name: 'store on disk', value: rounded(bytes / 2 ** 20), unit: 'MiB' }
    return [...empty, ...(await start(paths, `${responses} responses wait`)), disk]
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
