// The audit trail: bytes a request, how fast it is verified, and how long a question takes in ten million records.
//
// AUDIT_RECORDS sets another number of records. Ten million take 0.5 GB in the temporary directory, removed at the end.

import { generateKeyPairSync, hash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRandom } from '../../emulation/random.ts'
import type { AuditEvent } from '../../host/audit/audit-record.ts'
import { recordsOf } from '../../host/audit/read-trail.ts'
import { type LineContext, writeLine } from '../../host/audit/record-line.ts'
import { createSelector, type Selection, wantedFor } from '../../host/audit/select.ts'
import { openServiceAuditTrail } from '../../host/audit/service-audit-trail.ts'
import { openTrailFiles } from '../../host/audit/trail-files.ts'
import { createTrailNotes, fingerprintOf, readTrailRow, type TrailStore } from '../../host/audit/trail-notes.ts'
import { startTrail } from '../../host/audit/trail-start.ts'
import { verifyTrail } from '../../host/audit/verify-trail.ts'
import { createMemoryStore } from '../../host/store/store.ts'
import { dayMs } from '../../protocol/half-hour.ts'
import { type Bench, quantile, type Row } from './row.ts'

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const random = createRandom(1)
const users = Array.from({ length: 10 }, (_, n) => euiOf(0x90b3d51f, n))
const devices = Array.from({ length: 100_000 }, (_, n) => euiOf(0x00db1234, n))
const startMs = Date.UTC(2026, 0, 1)
/** Over which the records are spread. */
const days = 100
const recordsPerRequest = 3
const batchRecords = 300

function euiOf(high: number, low: number): string {
  const hex = high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0')
  return hex.toUpperCase().replace(/..(?!$)/g, '$&-')
}

/** The records of one request that is answered from the cache. */
function request(n: number, timeMs: number): AuditEvent[] {
  const user = users[n % users.length] ?? ''
  const device = devices[random.below(devices.length)] ?? ''
  const requestId = `${user}:${device}:${startMs + n}`
  const of = { requestId, user, device, srv: '4.8.1' }
  const from = new Date(Math.floor(timeMs / dayMs - 1) * dayMs)
  const to = new Date(from.getTime() + dayMs)
  const day = from.toISOString().slice(0, 10)
  return [
    {
      event: 'accepted',
      ...of,
      code: 'I99',
      role: 'MDR',
      mpan: `1${String(n).padStart(12, '0')}`,
      registrations: [{ role: 'MDR', mpid: 'MDRA', from: '2026-01-01' }],
      days: { first: day, last: day },
      window: { from: from.toISOString(), to: to.toISOString() },
      forSettlement: true,
      due: new Date(timeMs + dayMs).toISOString(),
    },
    {
      event: 'answered',
      ...of,
      code: 'I0',
      tookMs: 20 + (n % 50),
      late: false,
      served: [{ channel: 'active-import', from: from.toISOString(), what: '49c' }],
      bytes: 9000 + (n % 1000),
      sha256: hash('sha256', requestId),
    },
    { event: 'delivered', requestId, tries: 1 },
  ]
}

const newStore = (): TrailStore => createMemoryStore({ trail: readTrailRow })

/** Bytes of lines of a request each of whose records is a batch of its own. */
async function bytesAlone(directory: string): Promise<number> {
  let nowMs = startMs
  const timing = {
    nowMs: () => nowMs,
    steadyMs: () => nowMs,
    after(ms: number, call: () => void) {
      nowMs += ms
      setImmediate(call)
      return { cancel() {} }
    },
  }
  const trail = await openServiceAuditTrail({ directory, timing, store: newStore(), key: privateKey, report() {} })
  const sizeNow = () => statSync(join(directory, 'audit-000001.log')).size
  const before = sizeNow()
  const requests = 50
  for (let n = 0; n < requests; n++) {
    for (const event of request(n, nowMs)) {
      trail.record(event)
      await trail.committed()
    }
  }
  const bytes = sizeNow() - before
  await trail.close()
  return bytes / requests
}

/** Writes a trail of this many records, in batches, without waiting for the disk. */
async function fill(
  directory: string,
  store: TrailStore,
  records: number,
  note: (text: string) => void,
): Promise<void> {
  const notes = createTrailNotes(store)
  const timing = { nowMs: () => startMs, steadyMs: () => startMs, after: () => ({ cancel() {} }) }
  const report = (problem: string) => note(problem)
  const parts = { directory, timing, store, key: privateKey, report, sync: async () => {} }
  const files = openTrailFiles(parts, notes, await startTrail(directory, notes))
  const requests = Math.floor(records / recordsPerRequest)
  const requestsPerBatch = batchRecords / recordsPerRequest
  for (let n = 0; n < requests; n += requestsPerBatch) {
    const context: LineContext = {}
    const lines: string[] = []
    for (let i = n; i < Math.min(requests, n + requestsPerBatch); i++) {
      const timeMs = startMs + Math.floor((i / requests) * days * dayMs)
      for (const event of request(i, timeMs)) lines.push(writeLine(event, timeMs, context))
    }
    // Closed segments are compressed meanwhile.
    await new Promise((resolve) => setImmediate(resolve))
    await files.append(Buffer.from(`${lines.join('\n')}\n`), lines.length, false)
    if (n % 300_000 < requestsPerBatch) note(`${n * recordsPerRequest} records`)
  }
  await files.close()
}

const sizeOf = (directory: string) =>
  readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0)

/** Milliseconds of a question, and how many records answer it. */
async function ask(directory: string, selection: Selection): Promise<{ ms: number; found: number }> {
  const from = performance.now()
  const select = createSelector(selection)
  let found = 0
  for await (const record of recordsOf(directory, wantedFor(selection))) if (select(record) !== undefined) found += 1
  return { ms: performance.now() - from, found }
}

export const audit: Bench = async (note) => {
  const records = Number(process.env.AUDIT_RECORDS ?? 10_000_000)
  const root = mkdtempSync(join(tmpdir(), 'smets1-bench-audit-'))
  try {
    const rows: Row[] = []
    const row = (name: string, value: number, unit: string) => void rows.push({ bench: 'audit', name, value, unit })
    row('request alone, lines', await bytesAlone(join(root, 'alone')), 'bytes')
    const directory = join(root, 'trail')
    const store = newStore()
    mkdirSync(directory)
    await fill(directory, store, records, note)
    const requests = records / recordsPerRequest
    row('records', records, 'records')
    row('request on disk, compressed, with index', sizeOf(directory) / requests, 'bytes')
    const fromMs = performance.now()
    const keys: [string, typeof publicKey][] = [[fingerprintOf(publicKey), publicKey]]
    const verdict = await verifyTrail(directory, { notes: createTrailNotes(store), keys })
    const seconds = (performance.now() - fromMs) / 1000
    if (!verdict.ok) throw new Error(`the trail is not intact: ${verdict.problem}`)
    row('request under load, lines', verdict.bytes / requests, 'bytes')
    row('verify', verdict.bytes / 1e9 / (seconds / 60), 'GB of lines a minute')
    row('verify all', seconds, 's')
    const day = { fromMs: startMs + 50 * dayMs, toMs: startMs + 51 * dayMs }
    const questions: [string, () => Selection][] = [
      ['one day of a device', () => ({ device: devices[random.below(devices.length)] ?? '', ...day })],
      ['one day of a User', () => ({ user: users[random.below(users.length)] ?? '', ...day })],
      ['one day', () => day],
    ]
    for (const [name, selection] of questions) {
      const times: number[] = []
      for (let n = 0; n < 5; n++) {
        const { ms, found } = await ask(directory, selection())
        times.push(ms)
        if (n === 0) note(`${name}: ${found} records`)
      }
      row(name, quantile(times, 0.5), 'ms')
    }
    return rows
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}
