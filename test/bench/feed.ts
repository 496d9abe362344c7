// Registration messages: how many a second are applied, each durable when it is answered.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Device } from '../../host/access/parties.ts'
import type { RowPlan } from '../../host/access/registry-plan.ts'
import { writePlan } from '../../host/access/registry-store.ts'
import { settlementDayOf } from '../../host/access/settlement-day.ts'
import { bridgeTables } from '../../host/bridge/tables.ts'
import { createFeed } from '../../host/feed/feed.ts'
import { defaultFeedPolicy } from '../../host/feed/judge.ts'
import type { FeedAnswer } from '../../host/feed/message.ts'
import { createFeedQueue } from '../../host/runtime/feed-state.ts'
import { statePaths } from '../../host/state/state-directory.ts'
import { openLmdbStore } from '../../host/store/lmdb.ts'
import { dayMs } from '../../protocol/half-hour.ts'
import { euiOf, mpanOf } from './cached-devices.ts'
import type { Bench } from './row.ts'

const devices = 50_000
const messages = 20_000
const perCall = 1_000
/** Calls of one message each that are under way at the same time. */
const atOnce = 200

const row = (name: string, value: number, unit: string) => ({ bench: 'feed', name, value, unit })

const message = (n: number, version: number) => ({
  eventId: `bench-${n}-${version}`,
  eventType: 'SecuredActive',
  eventStatus: version === 1 ? 'New' : 'Corrected',
  eventDate: new Date().toISOString(),
  version,
  data: {
    registrationId: `bench-${n}`,
    appointments: [
      {
        mpxn: mpanOf(n),
        marketRole: 'MDR',
        mpid: version === 1 ? 'MDRB' : 'MDRC',
        effectiveFromDate: settlementDayOf(Date.now() + 10 * dayMs),
      },
    ],
  },
})

export const feedBench: Bench = async (note) => {
  const root = mkdtempSync(join(tmpdir(), 'smets1-bench-'))
  const paths = statePaths(root)
  const store = openLmdbStore(paths.store, bridgeTables)
  try {
    const plan: RowPlan = { devices: new Map(), mpans: new Map() }
    for (let n = 0; n < devices; n++) {
      const device: Device = { eui: euiOf(n), importMpan: mpanOf(n), status: 'Commissioned', line: 'default' }
      const registrations = [{ role: 'MDR' as const, mpid: 'MDRA', from: '2020-01-01' }]
      plan.devices.set(device.eui, { before: undefined, after: device })
      plan.mpans.set(mpanOf(n), { before: undefined, after: { eui: device.eui, kind: 'import', registrations } })
    }
    await writePlan(store, plan, { from: 'bench', day: '2026-01-01' })
    note('registry filled')
    const feed = createFeed({ store, policy: defaultFeedPolicy, nowMs: () => Date.now() })
    const queue = createFeedQueue(paths, feed)
    const all = Array.from({ length: messages }, (_, n) => message(n, 1))
    const answers: FeedAnswer[] = []
    const cpu = process.cpuUsage()
    const startMs = performance.now()
    for (let from = 0; from < messages; from += perCall)
      answers.push(...(await queue.apply(all.slice(from, from + perCall))))
    const tookMs = performance.now() - startMs
    const used = process.cpuUsage(cpu)
    const again = performance.now()
    for (let from = 0; from < messages; from += atOnce) {
      const group = Array.from({ length: atOnce }, (_, n) => queue.apply([message(from + n, 2)]))
      answers.push(...(await Promise.all(group)).flat())
    }
    const singleMs = performance.now() - again
    const wrong = answers.filter(({ outcome }) => outcome !== 'Accepted')
    if (answers.length !== 2 * messages || wrong.length > 0)
      throw new Error(`not accepted: ${JSON.stringify(wrong[0])}`)
    return [
      row(`messages applied, durable, ${perCall} a call (wanted: ≥ 1000)`, messages / (tookMs / 1000), 'messages/s'),
      row('  processor time, all threads', (used.user + used.system) / messages, 'µs/message'),
      row(`corrections, one a call, ${atOnce} calls at a time`, messages / (singleMs / 1000), 'messages/s'),
    ]
  } finally {
    await store.close()
    rmSync(root, { recursive: true, force: true })
  }
}
