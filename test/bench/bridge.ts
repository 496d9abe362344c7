// Time and rate: the bridge as a whole, over HTTP, with its store on disk. Its Users are another process on the same machine.

import { fork } from 'node:child_process'
import { createPublicKey, sign, verify } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { provisionFlash } from '../../hardware/cli/provision.ts'
import { startMeter } from '../../host/cli/meter-process.ts'
import { fillBench } from '../../host/cli/new-bench.ts'
import { runBridge } from '../../host/cli/open-bridge.ts'
import { type Identity, loadIdentity } from '../../host/cli/test-pki.ts'
import { testDevice } from '../../host/cli/test-registry.ts'
import { readConfig } from '../../host/config.ts'
import { formatRequest } from '../../host/duis/format.ts'
import { requestIdOf } from '../../host/duis/request.ts'
import { signDocument } from '../../host/duis/sign.ts'
import { createState, statePaths } from '../../host/state.ts'
import { editJson } from '../support/cli.ts'
import type { Send, Signed, Taken } from './load.ts'
import { type Bench, quantile } from './row.ts'

const dayMs = 86400000
const requests = 2000
const inFlight = 64

/** The process that plays the Users. */
async function startUsers() {
  const child = fork(fileURLToPath(new URL('load.ts', import.meta.url)))
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

/** What one request needs at least: one verification, and signatures of acknowledgement, S1SP and DSP. Requests a second. */
function floorPerSecond({ signer: { key } }: Identity): number {
  const message = Buffer.alloc(400)
  const publicKey = createPublicKey(key)
  const signature = sign('sha256', message, { key, dsaEncoding: 'ieee-p1363' })
  const rounds = 1500
  const startMs = performance.now()
  for (let i = 0; i < rounds; i++) {
    verify('sha256', message, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature)
    for (let signatures = 0; signatures < 3; signatures++) sign('sha256', message, { key, dsaEncoding: 'ieee-p1363' })
  }
  return rounds / ((performance.now() - startMs) / 1000)
}

export const bridge: Bench = async (note) => {
  const directory = mkdtempSync(join(tmpdir(), 'smets1-bench-'))
  const paths = statePaths(join(directory, 'state'))
  await createState(paths, (made) => fillBench(made, provisionFlash))
  const users = await startUsers()
  editJson(paths.registry, (registry) => {
    for (const one of registry.users as { callback: string }[]) one.callback = users.callback
  })
  const quiet = { stdout: () => {}, stderr: () => {}, isTerminal: false, env: {} }
  const meter = await startMeter(paths.root, paths.flash, [], quiet)
  const running = await runBridge(paths, readConfig(paths.config, {}, { httpPort: 0, lineUrl: meter.url }))
  const supplier = loadIdentity(paths.pki, 'supplier')
  const today = Math.floor(Date.now() / dayMs) * dayMs
  let counter = BigInt(Date.now())

  function signed(daysBack: number): Signed {
    counter += 1n
    const requestId = requestIdOf(supplier.eui, testDevice.eui, counter)
    const period = { startMs: today - daysBack * dayMs, endMs: today - (daysBack - 1) * dayMs }
    const xml = signDocument(formatRequest({ requestId, serviceReferenceVariant: '4.8.1', period }), supplier.signer)
    return { id: requestId.text, xml }
  }
  const send = (list: Signed[], at: number) => users.send({ url: running.url, requests: list, inFlight: at })

  const uncached = await send(
    Array.from({ length: 25 }, (_, i) => signed(2 + i)),
    1,
  )
  await send([signed(1)], 1)
  const cached = await send(
    Array.from({ length: 60 }, () => signed(1)),
    1,
  )
  note('single reads done')
  const prepared = Array.from({ length: requests }, () => signed(1))
  const cpu = process.cpuUsage()
  const load = await send(prepared, inFlight)
  const used = process.cpuUsage(cpu)
  const perSecond = requests / (load.tookMs / 1000)
  const perCpuSecond = requests / ((used.user + used.system) / 1000000)
  note('load done')
  const floor = floorPerSecond(supplier)
  const { total } = running.bridge
  await running.stop()
  await meter.stop()
  users.end()
  rmSync(directory, { recursive: true, force: true })
  const row = (name: string, value: number, unit: string) => ({ bench: 'bridge', name, value, unit })
  return [
    row('uncached read, request to response, median', quantile(uncached.finalMs, 0.5), 'ms'),
    row('cached read, request to response, median', quantile(cached.finalMs, 0.5), 'ms'),
    row('cached reads, whole path, one process', perSecond, 'requests/s'),
    row('  the same, per second of its processor time', perCpuSecond, 'requests/s'),
    row('acknowledgement under that load, 99 % within', quantile(load.ackMs, 0.99), 'ms'),
    row('response under that load, 99 % within', quantile(load.finalMs, 0.99), 'ms'),
    row('floor: 1 verification and 3 signatures, alone', floor, 'requests/s'),
    row('ratio to the floor', perSecond / floor, ''),
    row('longest DCO call (budget 4,000)', total.dcoMsMax, 'ms'),
    row('DCO calls over budget', total.dcoSlow, ''),
  ]
}
