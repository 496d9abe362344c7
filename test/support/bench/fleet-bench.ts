// A fleet of emulated meters as a process, the bridge in front of it as another, and Users here that read all of them.

import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { newSettings } from '../../../hardware/cli/provision.ts'
import { mpanOf } from '../../../host/access/mpan.ts'
import { euiAfter } from '../../../host/access/new-identities.ts'
import { fillParties } from '../../../host/cli/new-parties.ts'
import { provisionMeters } from '../../../host/cli/provision-meters.ts'
import { registeredFrom } from '../../../host/cli/test-registry.ts'
import { formatRequest } from '../../../host/duis/format.ts'
import { parseResponse, type ServiceResponse } from '../../../host/duis/read-response.ts'
import { requestIdOf } from '../../../host/duis/request.ts'
import { signDocument } from '../../../host/duis/sign.ts'
import { type Identity, loadIdentity } from '../../../host/pki/test-pki.ts'
import { createState, type StatePaths, statePaths } from '../../../host/state/state-directory.ts'
import { dayMs } from '../../../protocol/half-hour.ts'
import { editJson, freshPath, type Run, smets1 } from './cli.ts'

export const firstEui = '02-DB-12-34-00-00-00-00'

export interface FleetBench {
  euis: string[]
  /** Starts the meters; what it says when they are ready, and how much memory it takes then. */
  startFleet(baud: number): Promise<{ startMs: number; meters: number; rssBytes: number; pid: number }>
  stopFleet(): Promise<void>
  /** Reads a day of every meter as the supplier, so many requests at a time; `daysBack` 1 is yesterday. */
  readAll(daysBack: number, inFlight: number): Promise<{ tookMs: number; reads: FleetRead[] }>
  end(): Promise<void>
}

export interface FleetRead {
  eui: string
  /** From the request to the response. */
  waitMs: number
  response: ServiceResponse
}

/** Resident memory of a process, as Linux has it; NaN elsewhere. */
export function rssOf(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024
  } catch {
    return Number.NaN
  }
}

/** Processor time that a process has used, seconds, as Linux has it; NaN elsewhere. */
export function processorSeconds(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
    // In ticks of 10 ms: fields 14 and 15 of the whole line.
    return (Number(fields[11]) + Number(fields[12])) / 100
  } catch {
    return Number.NaN
  }
}

/** The User: receives responses and passes them to those who wait. */
async function startUser() {
  const waiting = new Map<string, (xml: string) => void>()
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part)
    response.writeHead(204).end()
    const xml = Buffer.concat(parts).toString()
    waiting.get(/RequestID>([^<]+)</.exec(xml)?.[1] ?? '')?.(xml)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { server, waiting, callback: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` }
}

/** A state directory with these meters. All Users have the same callback. */
function provisionFleet(paths: StatePaths, euis: string[], callback: string): Promise<void> {
  return createState(paths, async (at) => {
    await fillParties(at)
    editJson(at.registry, (registry) => {
      for (const one of registry.users as { callback: string }[]) one.callback = callback
    })
    mkdirSync(at.meters, { mode: 0o700 })
    const registrations = [{ role: 'IS', mpid: 'SUPA' }]
    const meters = euis.map((eui, i) => ({
      ...{ eui, importMpan: mpanOf(String(990000000000 + i)) },
      ...{ registrations, from: registeredFrom },
    }))
    provisionMeters(at, meters, {
      randomBytes,
      replace: false,
      settingsOf: (eui) => join(at.meters, `${eui}.settings.json`),
      install: newSettings({}),
    })
  })
}

/** Reads a day of a meter as a User, and waits for the response. */
function createReader(user: Identity, waiting: Map<string, (xml: string) => void>) {
  let counter = BigInt(Date.now())
  return async (url: string, eui: string, startMs: number): Promise<FleetRead> => {
    counter += 1n
    const requestId = requestIdOf(user.eui, eui, counter)
    const period = { startMs, endMs: startMs + dayMs }
    const body = signDocument(formatRequest({ requestId, serviceReferenceVariant: '4.8.1', period }), user.signer)
    const atMs = performance.now()
    const answer = new Promise<string>((resolve) => waiting.set(requestId.text, resolve))
    const headers = { 'content-type': 'application/xml' }
    let response = await fetch(`${url}/api/v1/serviceS`, { method: 'POST', headers, body })
    // A bridge under too much load says when to come again.
    while (response.status === 503) {
      await response.body?.cancel()
      await pause(1000 * Number(response.headers.get('retry-after') ?? 1))
      response = await fetch(`${url}/api/v1/serviceS`, { method: 'POST', headers, body })
    }
    const acknowledged = await response.text()
    if (!acknowledged.includes('>I99<')) throw new Error(`not accepted: ${acknowledged}`)
    const xml = await answer
    const waitMs = performance.now() - atMs
    waiting.delete(requestId.text)
    const parsed = parseResponse(Buffer.from(xml))
    if (!parsed.ok) throw new Error(`no response: ${xml}`)
    return { eui, waitMs, response: parsed.response }
  }
}

/** Provisions `count` meters, each with some days of its own household before today, and starts bridge and User. */
export async function createFleetBench(count: number, days: number): Promise<FleetBench> {
  const paths = statePaths(freshPath())
  const euis = Array.from({ length: count }, (_, i) => euiAfter(firstEui, i))
  const user = await startUser()
  await provisionFleet(paths, euis, user.callback)
  let fleet: Run | undefined
  let bridge: { run: Run; url: string } | undefined

  async function stop(run: Run | undefined): Promise<void> {
    run?.child.kill('SIGTERM')
    await run?.ended
  }

  const read = createReader(loadIdentity(paths.pki, 'supplier'), user.waiting)

  return {
    euis,
    async startFleet(baud) {
      const given = ['--days', String(days), '--baud', String(baud), '--json']
      fleet = smets1(['meter', '--fleet', paths.meters, '--port', 'tcp://127.0.0.1:0', ...given])
      await fleet.says('"ready":true')
      const { port, startMs, meters } = JSON.parse(fleet.out())
      const ports = ['--port', port, '--http-port', '0', '--baud', String(baud || 115200)]
      await stop(bridge?.run)
      const run = smets1(['bridge', '--state', paths.root, ...ports, '--json'])
      await run.says('"ready":true')
      bridge = { run, url: JSON.parse(run.out()).url }
      const pid = fleet.child.pid!
      return { startMs, meters, rssBytes: rssOf(pid), pid }
    },
    async stopFleet() {
      await stop(fleet)
    },
    async readAll(daysBack, inFlight) {
      const startMs = Math.floor(Date.now() / dayMs) * dayMs - daysBack * dayMs
      const left = [...euis]
      const reads: FleetRead[] = []
      const beganMs = performance.now()
      const worker = async () => {
        for (let eui = left.shift(); eui !== undefined; eui = left.shift()) {
          reads.push(await read(bridge!.url, eui, startMs))
        }
      }
      await Promise.all(Array.from({ length: inFlight }, worker))
      return { tookMs: performance.now() - beganMs, reads }
    },
    async end() {
      await stop(bridge?.run)
      await stop(fleet)
      user.server.closeAllConnections()
      user.server.close()
    },
  }
}
