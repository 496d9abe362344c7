// Virtual time: a month and a year of daily schedules with real signatures, in the library and with everything on disk.

import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { esme } from '../../emulation/bench-parties.ts'
import { fillBench } from '../../emulation/cli/new-bench.ts'
import { startVirtualMeter } from '../../emulation/cli/virtual-meter.ts'
import { createVirtualBench } from '../../emulation/cli/virtual-time.ts'
import { startBench } from '../../emulation/testing.ts'
import { provisionFlash } from '../../hardware/cli/provision.ts'
import { testDevice } from '../../host/cli/test-registry.ts'
import { readConfig } from '../../host/config/config.ts'
import { formatNonDeviceRequest } from '../../host/duis/format-non-device.ts'
import type { ScheduleDetails } from '../../host/duis/non-device-fields.ts'
import { requestIdOf } from '../../host/duis/request.ts'
import { signDocument } from '../../host/duis/sign.ts'
import { loadIdentity, type TestIdentityName, testIdentities } from '../../host/pki/test-pki.ts'
import { runBridge } from '../../host/runtime/run-bridge.ts'
import { createState, statePaths } from '../../host/state/state-directory.ts'
import { dayMs } from '../../protocol/half-hour.ts'
import { editJson } from '../support/bench/cli.ts'
import type { Bench, Row } from './row.ts'

const startMs = Date.UTC(2026, 6, 2, 12)
/** Who reads yesterday each day. */
const readers: readonly TestIdentityName[] = ['supplier', 'mdr', 'network-operator', 'other-user']

const row = (name: string, value: number, unit: string): Row => ({ bench: 'virtual-time', name, value, unit })

/** A signed request to the DCC for a daily read. */
function scheduleRequest(name: TestIdentityName, deviceEui: string): string {
  const schedule: ScheduleDetails = {
    frequency: 'Daily',
    startDay: Math.floor(startMs / dayMs) + 1,
    serviceReference: '4.8',
    variant: '4.8.1',
    deviceEui,
    readName: 'DSPReadActiveImportProfileData',
    period: { startDays: -1, startTimeMs: 0, endDays: 0, endTimeMs: 0 },
  }
  const requestId = requestIdOf(testIdentities[name].eui, testIdentities.dsp.eui, 1n)
  return formatNonDeviceRequest(requestId, { variant: '5.1', schedule })
}

async function order(url: string, xml: string): Promise<void> {
  const headers = { 'content-type': 'application/xml' }
  const response = await fetch(`${url}/api/v1/serviceD`, { method: 'POST', headers, body: xml })
  const code = /ResponseCode>([^<]+)</.exec(await response.text())?.[1]
  if (code !== 'I0') throw new Error(`a schedule got ${code ?? `HTTP ${response.status}`}`)
}

/** Seconds of real time and of processor time that some work takes. */
async function timed(work: () => Promise<unknown>): Promise<{ s: number; cpuS: number }> {
  const before = process.cpuUsage()
  const began = performance.now()
  await work()
  const s = (performance.now() - began) / 1000
  const { user, system } = process.cpuUsage(before)
  return { s, cpuS: (user + system) / 1e6 }
}

const rowsOf = (what: string, days: number, { s, cpuS }: { s: number; cpuS: number }) => [
  row(`${what}: real time`, s, 's'),
  row('  processor time', cpuS, 's'),
  row('  virtual time to real time', (days * 86_400) / s, ': 1'),
]

/** @throws Error when a day's response is missing */
function checkCount(found: number, days: number): void {
  const wanted = days * readers.length
  if (found !== wanted) throw new Error(`${found} responses instead of ${wanted}`)
}

async function inLibrary(days: number) {
  const bench = await startBench({ at: startMs, days: 2 })
  try {
    for (const name of readers) await order(bench.url, bench.sign(scheduleRequest(name, esme), name))
    const took = await timed(() => bench.clock.advance(`${days}d`))
    checkCount(readers.flatMap((name) => bench.received(name)).filter(({ code }) => code === 'I0').length, days)
    return took
  } finally {
    await bench.close()
  }
}

/** A User that takes everything, and counts successes. */
async function startUser() {
  let taken = 0
  const server = createServer((request, response) => {
    let head = ''
    request.on('data', (bytes: Buffer) => {
      if (head.length < 1024) head += bytes.toString('latin1', 0, 1024)
    })
    request.on('end', () => {
      if (head.includes('ResponseCode>I0<')) taken += 1
      response.writeHead(204).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    taken: () => taken,
    end: () => server.close(),
  }
}

/** HTTP in both directions, LMDB, audit trail and flash on disk, as `smets1 up --virtual-time` has them. */
async function onDisk(days: number) {
  const directory = mkdtempSync(join(tmpdir(), 'smets1-bench-'))
  const paths = statePaths(join(directory, 'state'))
  const user = await startUser()
  await createState(paths, (made) => fillBench(made, provisionFlash, { virtualMs: startMs }))
  editJson(paths.registry, (registry) => {
    for (const one of registry.users as { callback: string }[]) one.callback = user.url
  })
  const virtual = createVirtualBench(paths, startMs, 115_200)
  const quiet = { stdout: () => {}, stderr: () => {}, isTerminal: false, env: {} }
  const meter = await startVirtualMeter(virtual, { flash: paths.flash }, quiet)
  const config = { ...readConfig(paths.config, {}, { httpPort: 0 }), lineUrl: meter.url }
  const running = await runBridge(paths, config, { clock: virtual.machine })
  virtual.started(running, (error) => {
    throw error
  })
  const idle = await timed(() => virtual.moved.advance('25h'))
  for (const name of readers) {
    const { signer } = loadIdentity(paths.pki, name)
    await order(running.url, signDocument(scheduleRequest(name, testDevice.eui), signer))
  }
  const took = await timed(() => virtual.moved.advance(`${days}d`))
  const taken = user.taken()
  await virtual.end(running.stop())
  await meter.stop()
  user.end()
  rmSync(directory, { recursive: true, force: true })
  checkCount(taken, days)
  return { idle, took }
}

export const virtualTime: Bench = async (note) => {
  const month = await inLibrary(30)
  note('a month in the library')
  const year = await inLibrary(365)
  note('a year in the library')
  const { idle, took } = await onDisk(30)
  note('a month on disk')
  return [
    ...rowsOf('a month of four daily schedules, signed, in the library', 30, month),
    ...rowsOf('a year of them', 365, year),
    ...rowsOf('a month of them with HTTP, LMDB and audit trail on disk', 30, took),
    row('an advance of 25 h with nothing scheduled, on disk', idle.s, 's'),
  ]
}
