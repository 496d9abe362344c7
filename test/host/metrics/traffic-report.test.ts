// smets1 report: traffic by hour, cohort, party and role, from the audit trail.

import { mkdirSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { midnight } from '../../../emulation/bench.ts'
import { exportParties } from '../../../emulation/bench-parties.ts'
import { checkRegistry } from '../../../host/access/check-registry.ts'
import type { AuditEvent, AuditRecord } from '../../../host/audit/audit-record.ts'
import { openServiceAuditTrail } from '../../../host/audit/service-audit-trail.ts'
import { readTrailRow } from '../../../host/audit/trail-notes.ts'
import type { Io, Options } from '../../../host/cli/command.ts'
import { reportCommand } from '../../../host/cli/report.ts'
import { type Dimension, trafficReport } from '../../../host/metrics/traffic-report.ts'
import { CommandError } from '../../../host/state/errors.ts'
import { statePaths, writeFileWhole } from '../../../host/state/state-directory.ts'
import { createMemoryStore } from '../../../host/store/store.ts'
import { halfHourMs } from '../../../protocol/half-hour.ts'
import { dspKey, readBack } from '../../support/bench/audit-bench.ts'
import { createBench } from '../../support/bench/checked-bench.ts'
import { freshPath } from '../../support/bench/cli.ts'

const hourMs = 2 * halfHourMs
const all = { fromMs: 0, toMs: Number.POSITIVE_INFINITY }

function parties() {
  const made = exportParties()
  Object.assign(made.devices[0]!, { s1sp: 'MOC', cohort: 'Itron', csp: 'Telefonica' })
  return made
}

const registry = (() => {
  const checked = checkRegistry(parties())
  if (!checked.ok) throw new Error(checked.problems.join())
  return checked.registry
})()

/** Two hours of traffic: events with the time at which each was recorded. */
async function traffic(): Promise<{ event: AuditEvent; atMs: number }[]> {
  const b = await createBench({ days: 3, parties: parties() })
  const events: { event: AuditEvent; atMs: number }[] = []
  const take = () => {
    for (const event of b.trail.slice(events.length)) events.push({ event, atMs: b.clock.nowMs() })
  }
  await b.ask('supplier')
  await b.ask('mdr')
  take()
  await b.clock.pass(hourMs)
  await b.ask('mdr', { serviceReferenceVariant: '4.6.1' })
  await b.ask('network-operator', { serviceReferenceVariant: '4.6.1' })
  take()
  return events
}

const asRecords = (events: readonly { event: AuditEvent; atMs: number }[]): AuditRecord[] =>
  readBack(events.map(({ event, atMs }) => ({ event, timeMs: atMs })))

test('by hour, cohort, party and role; the cache’s part of the half-hours; refusals', async () => {
  const records = asRecords(await traffic())
  const rows = await trafficReport(records, registry, ['hour', 'cohort', 'party', 'role'], all)
  const shown = rows.map(
    ({ hour, cohort, party, role, accepted, refused, answered, withinTarget, halfHours, fromCache, wakeUps }) => [
      ...[hour, cohort, party, role].slice(0, 4),
      ...[accepted, refused, answered, withinTarget, halfHours, fromCache, wakeUps],
    ],
  )
  assert.equal(shown, [
    ['2026-11-22T00:00Z', 'Itron', 'MDRA', 'MDR', 1, 0, 1, 1, 49, 49, 0],
    ['2026-11-22T00:00Z', 'Itron', 'SUPA', 'IS', 1, 0, 1, 1, 49, 0, 1],
    ['2026-11-22T01:00Z', 'Itron', 'MDRA', 'MDR', 1, 0, 1, 1, 0, 0, 1],
    ['2026-11-22T01:00Z', 'Itron', 'NETA', 'ED', 0, 1, 0, 0, 0, 0, 0],
  ])
  const total = (name: 'bytes' | 'sessions' | 'dcoCalls') => rows.reduce((sum, row) => sum + row[name], 0)
  const reads = records.filter((record) => record.event === 'device read')
  assert.is(total('sessions'), 2)
  assert.is(
    total('bytes'),
    reads.reduce((sum, record) => sum + (record.event === 'device read' ? record.bytesIn + record.bytesOut : 0), 0),
  )
})

test('other rows, a part of the time, and whatever order of dimensions: the sums are the same', async () => {
  const records = asRecords(await traffic())
  const sum = async (by: Dimension[]) => {
    const rows = await trafficReport(records, registry, by, all)
    return rows.reduce(
      (total, { accepted, answered, bytes, halfHours }) => total + accepted + answered + bytes + halfHours,
      0,
    )
  }
  const whole = await sum([])
  for (const by of [['day'], ['csp', 's1sp'], ['srv', 'service', 'settlement'], ['party', 'hour']] as Dimension[][])
    assert.is(await sum(by), whole, by.join())
  const [settlement] = await trafficReport(records, registry, ['settlement', 'csp'], all)
  assert.equal([settlement!.settlement, settlement!.csp, settlement!.accepted], ['no', 'Telefonica', 1])
  const part = await trafficReport(records, registry, ['hour'], {
    fromMs: midnight + hourMs,
    toMs: midnight + 2 * hourMs,
  })
  assert.equal(
    part.map(({ hour }) => hour),
    ['2026-11-22T01:00Z'],
  )
})

test('the command: table, CSV and JSON from a state directory, and mistakes', async () => {
  const paths = statePaths(freshPath())
  for (const directory of [paths.vault, paths.pki]) mkdirSync(directory, { recursive: true })
  writeFileWhole(paths.registry, JSON.stringify(parties()))
  writeFileWhole(paths.version, '{"version":1}')
  let nowMs = 0
  const timing = {
    nowMs: () => nowMs,
    steadyMs: () => nowMs,
    after(_ms: number, call: () => void) {
      setImmediate(call)
      return { cancel() {} }
    },
  }
  const trail = await openServiceAuditTrail({
    directory: paths.audit,
    timing,
    store: createMemoryStore({ trail: readTrailRow }),
    key: dspKey,
    report() {},
  })
  for (const { event, atMs } of await traffic()) {
    nowMs = atMs
    trail.record(event)
    await trail.committed()
  }
  await trail.close()
  const run = async (options: Options) => {
    let out = ''
    const io: Io = { stdout: (text) => (out += text), stderr() {}, isTerminal: false, env: {} }
    assert.is(await reportCommand.run({ state: paths.root, from: '2026-11-22', to: '2026-11-23', ...options }, io), 0)
    return out
  }
  assert.match(await run({}), /hour .*cohort .*party .*role .*accepted/)
  const csv = (await run({ format: 'csv' })).trim().split('\n')
  assert.is(csv.length, 5)
  assert.match(
    csv[0]!,
    /^hour,cohort,party,role,accepted,refused,answered,failed,withinTarget,halfHours,fromCache,wakeUps,/,
  )
  const { by, rows } = JSON.parse(await run({ json: true, by: 'role' }))
  assert.equal(by, ['role'])
  assert.equal(
    rows.map(({ role, accepted }: { role: string; accepted: number }) => [role, accepted]),
    [
      ['ED', 0],
      ['IS', 1],
      ['MDR', 2],
    ],
  )
  assert.match(await run({ from: '2020-01-01', to: '2020-01-02' }), /no traffic/)
  for (const options of [{ by: 'week' }, { by: 'hour,hour' }, { format: 'xml' }, { to: '2026-11-21' }]) {
    const error = await run(options).catch((thrown: unknown) => thrown)
    assert.ok(error instanceof CommandError, JSON.stringify(options))
  }
})

test.run()
