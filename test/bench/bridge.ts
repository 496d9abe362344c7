// Time and rate: the bridge as a whole, over HTTP, with its store on disk; the clients run in this process too.

import { createPublicKey, sign, verify } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { provisionFlash } from '../../hardware/cli/provision.ts'
import { startMeter } from '../../host/cli/meter-process.ts'
import { fillBench } from '../../host/cli/new-bench.ts'
import { runBridge } from '../../host/cli/open-bridge.ts'
import { loadIdentity } from '../../host/cli/test-pki.ts'
import { testDevice } from '../../host/cli/test-registry.ts'
import { readConfig } from '../../host/config.ts'
import { formatRequest } from '../../host/duis/format.ts'
import { requestIdOf } from '../../host/duis/request.ts'
import { signDocument } from '../../host/duis/sign.ts'
import { createState, statePaths } from '../../host/state.ts'
import { editJson } from '../support/cli.ts'
import { type Bench, quantile } from './row.ts'

const dayMs = 86400000
const requests = 3000
const inFlight = 64

export const bridge: Bench = async (note) => {
  const directory = mkdtempSync(join(tmpdir(), 'smets1-bench-'))
  const paths = statePaths(join(directory, 'state'))
  await createState(paths, (made) => fillBench(made, provisionFlash))
  // One address that takes every response.
  const taken = new Map<string, (atMs: number) => void>()
  const user = createServer((incoming, response) => {
    let xml = ''
    incoming.on('data', (bytes) => {
      xml += bytes
    })
    incoming.on('end', () => {
      response.writeHead(204).end()
      const id = /RequestID>([^<]+)</.exec(xml)?.[1] ?? ''
      if (xml.includes('<sr:ResponseCode>I0<')) taken.get(id)?.(performance.now())
    })
  })
  await new Promise<void>((resolve) => user.listen(0, '127.0.0.1', resolve))
  const callback = `http://127.0.0.1:${(user.address() as AddressInfo).port}/`
  editJson(paths.registry, (registry) => {
    for (const one of registry.users as { callback: string }[]) one.callback = callback
  })
  const quiet = { stdout: () => {}, stderr: () => {}, isTerminal: false, env: {} }
  const meter = await startMeter(paths.root, paths.flash, [], quiet)
  const running = await runBridge(paths, readConfig(paths.config, {}, { httpPort: 0, lineUrl: meter.url }))
  const supplier = loadIdentity(paths.pki, 'supplier')
  const today = Math.floor(Date.now() / dayMs) * dayMs
  let counter = BigInt(Date.now())

  function signed(daysBack: number): { id: string; xml: string } {
    counter += 1n
    const requestId = requestIdOf(supplier.eui, testDevice.eui, counter)
    const period = { startMs: today - daysBack * dayMs, endMs: today - (daysBack - 1) * dayMs }
    const xml = signDocument(formatRequest({ requestId, serviceReferenceVariant: '4.8.1', period }), supplier.signer)
    return { id: requestId.text, xml }
  }

  const agent = new Agent({ keepAlive: true, maxSockets: inFlight })
  /** Milliseconds to the acknowledgement and to the response. */
  function exchange({ id, xml }: { id: string; xml: string }): Promise<{ ackMs: number; finalMs: number }> {
    const startMs = performance.now()
    const final = new Promise<number>((resolve) => taken.set(id, (atMs) => resolve(atMs - startMs)))
    const ack = new Promise<number>((resolve, reject) => {
      const headers = { 'content-type': 'application/xml', 'content-length': Buffer.byteLength(xml) }
      const outgoing = request(`${running.url}/api/v1/serviceS`, { method: 'POST', agent, headers }, (response) => {
        response.resume()
        response.on('end', () => resolve(performance.now() - startMs))
      })
      outgoing.on('error', reject)
      outgoing.end(xml)
    })
    return Promise.all([ack, final]).then(([ackMs, finalMs]) => {
      taken.delete(id)
      return { ackMs, finalMs }
    })
  }

  const uncached: number[] = []
  for (let i = 0; i < 25; i++) uncached.push((await exchange(signed(2 + i))).finalMs)
  await exchange(signed(1))
  const cached: number[] = []
  for (let i = 0; i < 60; i++) cached.push((await exchange(signed(1))).finalMs)
  note('single reads done')

  const prepared = Array.from({ length: requests }, () => signed(1))
  const acks: number[] = []
  const loadMs = performance.now()
  let next = 0
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (next < prepared.length) acks.push((await exchange(prepared[next++]!)).ackMs)
    }),
  )
  const perSecond = requests / ((performance.now() - loadMs) / 1000)
  note('load done')

  // The floor: one verification, and signatures of acknowledgement, S1SP and DSP.
  const message = Buffer.alloc(400)
  const { key } = supplier.signer
  const publicKey = createPublicKey(key)
  const signature = sign('sha256', message, { key, dsaEncoding: 'ieee-p1363' })
  const floorMs = performance.now()
  const rounds = 1500
  for (let i = 0; i < rounds; i++) {
    verify('sha256', message, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature)
    for (let signatures = 0; signatures < 3; signatures++) sign('sha256', message, { key, dsaEncoding: 'ieee-p1363' })
  }
  const floorPerSecond = rounds / ((performance.now() - floorMs) / 1000)

  const dco = running.bridge.total
  await running.stop()
  await meter.stop()
  agent.destroy()
  user.close()
  rmSync(directory, { recursive: true, force: true })
  const row = (name: string, value: number, unit: string) => ({ bench: 'bridge', name, value, unit })
  return [
    row('uncached read, request to response, median', quantile(uncached, 0.5), 'ms'),
    row('cached read, request to response, median', quantile(cached, 0.5), 'ms'),
    row('cached reads, whole path, one process, clients in it', perSecond, 'requests/s'),
    row('acknowledgement under that load, 99 % within', quantile(acks, 0.99), 'ms'),
    row('its floor: 1 verification and 3 signatures, alone', floorPerSecond, 'requests/s'),
    row('ratio to the floor', perSecond / floorPerSecond, ''),
    row('longest DCO call (budget 4,000)', dco.dcoMsMax, 'ms'),
    row('DCO calls over budget', dco.dcoSlow, ''),
  ]
}
