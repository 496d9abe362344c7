// Time and rate: the bridge as a whole, over HTTP, with its store on disk. Its Users are another process on the same machine.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { startMeter } from '../../emulation/cli/meter-process.ts'
import { fillBench } from '../../emulation/cli/new-bench.ts'
import { provisionFlash } from '../../hardware/cli/provision.ts'
import { testDevice } from '../../host/cli/test-registry.ts'
import { readConfig } from '../../host/config/config.ts'
import { formatRequest } from '../../host/duis/format.ts'
import { requestIdOf } from '../../host/duis/request.ts'
import { signDocument } from '../../host/duis/sign.ts'
import { loadIdentity } from '../../host/pki/test-pki.ts'
import { type RunningBridge, runBridge } from '../../host/runtime/run-bridge.ts'
import { createState, type StatePaths, statePaths } from '../../host/state/state-directory.ts'
import { dayMs } from '../../protocol/half-hour.ts'
import { euiOf, fillCache, fillRegistry } from './cached-devices.ts'
import type { Floor } from './floor.ts'
import type { Send, Signed, Taken } from './load.ts'
import { type Bench, quantile } from './row.ts'

const inFlight = 96
/** Devices that are asked for under load, each several times: their half-hours are cached before. */
const devices = 2000
/** Requests before those that are measured, until the code is compiled, and those. */
const warmUp = 20_000
const requests = 10_000
const cachedDevices = 100_000
const parties = ['supplier', 'network-operator', 'mdr', 'other-user']

/** The process that plays the Users. */
async function startUsers() {
  const child = fork(fileURLToPath(new URL('./load.js', import.meta.url)))
  const [{ callback }] = (await once(child, 'message')) as [{ callback: string }]
  return {
    callback,
    async send(message: Send): Promise<Taken> {
      child.send(message)
      const [taken] = (await once(child, 'message')) as [Taken]
      if (taken.problem !== undefined) throw new Error(taken.problem)
      return taken
    },
    end: () => child.disconnect(),
  }
}

/** What one request needs at least, measured in a process of its own: beside the bridge it reads half as much again. */
async function floorOf(pki: string): Promise<Floor> {
  const child = fork(fileURLToPath(new URL('./floor.js', import.meta.url)), [pki])
  const [floor] = (await once(child, 'message')) as [Floor]
  return floor
}

/** Signs requests of the parties, each for a whole day. */
function createSigner(paths: StatePaths, today: number) {
  const identities = new Map(parties.map((name) => [name, loadIdentity(paths.pki, name)]))
  let counter = BigInt(Date.now())
  return (name: string, device: string, daysBack: number): Signed => {
    const { eui, signer } = identities.get(name)!
    counter += 1n
    const requestId = requestIdOf(eui, device, counter)
    const period = { startMs: today - daysBack * dayMs, endMs: today - (daysBack - 1) * dayMs }
    const xml = signDocument(formatRequest({ requestId, serviceReferenceVariant: '4.8.1', period }), signer)
    return { id: requestId.text, xml }
  }
}

const row = (name: string, value: number, unit: string) => ({ bench: 'bridge', name, value, unit })

/** Without garbage. */
function memoryUsed(): NodeJS.MemoryUsage {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return process.memoryUsage()
}

/** Disk and memory of many devices' cached half-hours. */
async function memoryOf(note: (text: string) => void) {
  const paths = statePaths(mkdtempSync(join(tmpdir(), 'smets1-bench-')))
  const before = memoryUsed()
  let after = before
  await fillCache(paths, cachedDevices, Date.now(), () => {
    after = memoryUsed()
  })
  const bytes = readdirSync(paths.store).reduce((sum, file) => sum + statSync(join(paths.store, file)).size, 0)
  rmSync(paths.root, { recursive: true, force: true })
  note(`${cachedDevices} devices cached`)
  const mib = 2 ** 20
  return [
    row('a day of 100,000 devices in the cache, on disk', bytes / mib, 'MiB'),
    row('  JavaScript heap for it', (after.heapUsed - before.heapUsed) / mib, 'MiB'),
    row('  resident memory for it, mapped file included', (after.rss - before.rss) / mib, 'MiB'),
  ]
}

/** Cached reads under load, compared with what the signatures alone cost. */
function loadRows(loaded: { load: Taken; perSecond: number; cpuMicros: number }, floor: Floor) {
  return [
    row('floor: 1 verification and 3 signatures, one thread alone', floor.perSecond, 'requests/s'),
    row('  its processor time', floor.cpuMicros, 'µs/request'),
    row('cached reads, whole path', loaded.perSecond, 'requests/s'),
    row('  processor time of all its threads', loaded.cpuMicros, 'µs/request'),
    row('  processor time of the load generator', loaded.load.cpuMicros / requests, 'µs/request'),
    row('  the share of it that the floor takes alone', floor.cpuMicros / loaded.cpuMicros, ''),
    row('  ratio to the floor', loaded.perSecond / floor.perSecond, ''),
    row('  acknowledgement, half within', quantile(loaded.load.ackMs, 0.5), 'ms'),
    row('  acknowledgement, 99 % within', quantile(loaded.load.ackMs, 0.99), 'ms'),
    row('  response, half within', quantile(loaded.load.finalMs, 0.5), 'ms'),
    row('  response, 99 % within', quantile(loaded.load.finalMs, 0.99), 'ms'),
  ]
}

export const bridge: Bench = async (note) => {
  const directory = mkdtempSync(join(tmpdir(), 'smets1-bench-'))
  const paths = statePaths(join(directory, 'state'))
  await createState(paths, (made) => fillBench(made, provisionFlash))
  const users = await startUsers()
  fillRegistry(paths.registry, devices, users.callback)
  const quiet = { stdout: () => {}, stderr: () => {}, isTerminal: false, env: {} }
  const meter = await startMeter(paths.root, paths.flash, [], quiet)
  const startMs = Date.now()
  const today = Math.floor(startMs / dayMs) * dayMs
  await fillCache(paths, devices, startMs)
  const signed = createSigner(paths, today)
  const running = await runBridge(paths, readConfig(paths.config, {}, { httpPort: 0, lineUrl: meter.url }))
  const send = ({ url }: RunningBridge, list: Signed[], at: number) => users.send({ url, requests: list, inFlight: at })
  const many = (count: number) => Array.from({ length: count }, (_, i) => signed('supplier', euiOf(i % devices), 1))

  async function underLoad() {
    await send(running, many(warmUp), inFlight)
    const prepared = many(requests)
    note(`${requests} requests prepared`)
    const cpu = process.cpuUsage()
    const load = await send(running, prepared, inFlight)
    const used = process.cpuUsage(cpu)
    return { load, perSecond: requests / (load.tookMs / 1000), cpuMicros: (used.user + used.system) / requests }
  }

  const meterDay = (daysBack: number, name = 'supplier') => signed(name, testDevice.eui, daysBack)
  const uncached = await send(
    running,
    Array.from({ length: 25 }, (_, i) => meterDay(2 + i)),
    1,
  )
  const wakeUps = running.bridge.total.wakeUps
  await send(
    running,
    parties.map((name) => meterDay(1, name)),
    parties.length,
  )
  const readsForParties = running.bridge.total.wakeUps - wakeUps
  const cached = await send(
    running,
    Array.from({ length: 60 }, () => meterDay(1)),
    1,
  )
  note('single reads done')
  const loaded = await underLoad()
  const floor = await floorOf(paths.pki)
  const { total } = running.bridge
  await running.stop()
  await meter.stop()
  users.end()
  rmSync(directory, { recursive: true, force: true })

  return [
    row('uncached read, request to response, median', quantile(uncached.finalMs, 0.5), 'ms'),
    row('cached read, request to response, median', quantile(cached.finalMs, 0.5), 'ms'),
    row('device reads for 4 parties that ask for the same day', readsForParties, ''),
    ...loadRows(loaded, floor),
    ...(await memoryOf(note)),
    row('longest DCO call (budget 4,000)', total.dcoMsMax, 'ms'),
    row('DCO calls over budget', total.dcoSlow, ''),
  ]
}
