// smets1 feed and smets1 who, on a state directory that a bridge may use.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { exportMpan, mpan, testParties } from '../../../emulation/bench-parties.ts'
import { createVirtualClock } from '../../../emulation/virtual-clock.ts'
import { settlementDayOf } from '../../../host/access/settlement-day.ts'
import type { AuditEvent } from '../../../host/audit/audit-record.ts'
import { bridgeTables } from '../../../host/bridge/tables.ts'
import type { Command, Io, Options } from '../../../host/cli/command.ts'
import { feedCommand } from '../../../host/cli/feed.ts'
import { whoCommand } from '../../../host/cli/who.ts'
import { createFeed } from '../../../host/feed/feed.ts'
import { defaultFeedPolicy } from '../../../host/feed/judge.ts'
import { createTestPki } from '../../../host/pki/test-pki.ts'
import { createFeedQueue } from '../../../host/runtime/feed-state.ts'
import { openParties } from '../../../host/runtime/known-parties.ts'
import { loadRegistry } from '../../../host/runtime/state-registry.ts'
import { statePaths, writeFileWhole } from '../../../host/state/state-directory.ts'
import { openLmdbStore } from '../../../host/store/lmdb.ts'
import { dayMs } from '../../../protocol/half-hour.ts'
import { freshPath } from '../../support/bench/cli.ts'

function state() {
  const paths = statePaths(freshPath())
  mkdirSync(paths.vault, { recursive: true })
  createTestPki(paths.pki, { nowMs: Date.UTC(2026, 0, 1) })
  writeFileWhole(paths.registry, JSON.stringify(testParties()))
  writeFileWhole(paths.version, '{"version":2}')
  return paths
}

const paths = state()

async function run(command: Command, argument: string[], options: Options = {}, at = paths) {
  let out = ''
  const io: Io = { stdout: (text) => (out += text), stderr: () => {}, isTerminal: false, env: {} }
  const code = await command.run({ state: at.root, argument, ...options }, io)
  return { code, out }
}

const dayAt = (days: number) => settlementDayOf(Date.now() + days * dayMs)

const message = (eventId: string, mpid: string, effectiveFromDate: string, version = 1) => ({
  eventId,
  eventType: 'SecuredActive',
  eventStatus: 'New',
  eventDate: new Date().toISOString(),
  version,
  data: { registrationId: `of-${eventId}`, appointments: [{ mpxn: mpan, marketRole: 'MDR', mpid, effectiveFromDate }] },
})

function file(name: string, value: unknown): string {
  const path = join(paths.root, name)
  writeFileSync(path, JSON.stringify(value))
  return path
}

test('sent from a file; who says who holds the role, by which record, on a day and over time', async () => {
  const sent = await run(feedCommand, ['send', file('one.json', message('e-1', 'MDRB', dayAt(10)))])
  assert.is(sent.code, 0, sent.out)
  assert.match(sent.out, `e-1 (of-e-1 version 1): Accepted\n`)
  assert.match(sent.out, `MDR of ${mpan}: MDRB from ${dayAt(10)}`)
  const before = await run(whoCommand, [], { mpan })
  assert.match(before.out, /MDR MDRA {2}2020-01-01 to .* mdr; by registry\.json/)
  const after = await run(whoCommand, [], { mpan, day: dayAt(10) })
  assert.match(after.out, /MDR MDRB .* no User acts for it; by message e-1, version 1 of registration of-e-1/)
  const over = JSON.parse((await run(whoCommand, [], { mpan, from: dayAt(0), to: dayAt(20), json: true })).out)
  assert.equal(
    over.holders.filter(({ role }: { role: string }) => role === 'MDR').map(({ mpid }: { mpid: string }) => mpid),
    ['MDRA', 'MDRB'],
  )
  const again = await run(feedCommand, ['send', file('one.json', message('e-1', 'MDRC', dayAt(10)))], { json: true })
  assert.equal([again.code, JSON.parse(again.out).code], [1, 'EventIdReused'])
})

test('rights on export that follow the import appointment are said', async () => {
  const at = state()
  const parties = testParties()
  Object.assign(parties.devices[0] ?? {}, { exportMpan })
  writeFileWhole(at.registry, JSON.stringify(parties))
  writeFileWhole(at.config, JSON.stringify({ exportRights: 'import' }))
  const { out } = await run(whoCommand, [], { mpan: exportMpan }, at)
  assert.match(out, `MDRs may read it by their appointment to import MPAN ${mpan}`)
})

test('a simulated stream: the same seed, the same files; each message is answered by its own date', async () => {
  const dirs = ['a', 'b'].map((name) => join(paths.root, name))
  for (const out of dirs) {
    const made = await run(feedCommand, ['simulate'], { seed: 7, months: 2, rate: 5, out })
    assert.is(made.code, 0)
  }
  const names = readdirSync(String(dirs[0]))
  assert.is(names.length, 60)
  const shape = (dir: unknown) =>
    names.map((name) => readFileSync(join(String(dir), name), 'utf8').replace(/"eventDate":"[^"]*"/g, ''))
  assert.equal(shape(dirs[0]), shape(dirs[1]))
  const sent = await run(feedCommand, ['send', String(dirs[0])], { asDated: true })
  assert.is(sent.code, 1, 'some are refused')
  const [, total, accepted, ignored, rejected] =
    /(\d+) messages: (\d+) accepted, (\d+) ignored, (\d+) rejected, 0 waiting/.exec(sent.out) ?? []
  assert.ok(Number(total) > 300 && Number(accepted) > 100 && Number(ignored) > 0 && Number(rejected) > 0, sent.out)
  const twice = await run(feedCommand, ['send', String(dirs[0])], { asDated: true, json: true })
  const answers = twice.out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.ok(answers.every(({ repeated }) => repeated === true))
})

test('messages to a running bridge are followed; those that come together are written together', async () => {
  const clock = createVirtualClock(Date.now())
  const store = openLmdbStore(paths.store, bridgeTables)
  const log: { event: string; [name: string]: unknown }[] = []
  const audit: AuditEvent[] = []
  const parties = await openParties(paths, undefined, {
    timing: clock,
    store,
    audit: { record: (event) => void audit.push(event), committed: async () => {} },
    log: (event, fields) => void log.push({ event, ...fields }),
  })
  const feed = createFeedQueue(paths, createFeed({ store, policy: defaultFeedPolicy, nowMs: clock.nowMs }))
  const answers = await Promise.all(
    [11, 12, 13].map((days) => feed.apply([message(`b-${days}`, `MD${days}`, dayAt(days))])),
  )
  assert.equal(
    answers.map(([answer]) => answer?.outcome),
    ['Accepted', 'Accepted', 'Accepted'],
  )
  await clock.pass(1000)
  assert.ok(log.some(({ event, from }) => event === 'registry changed' && String(from).startsWith('feed: ')))
  assert.equal(
    audit.filter(({ event }) => event === 'registration message').slice(-3),
    [11, 12, 13].map((days) => ({
      event: 'registration message',
      eventId: `b-${days}`,
      registrationId: `of-b-${days}`,
      version: 1,
      outcome: 'Accepted',
    })),
  )
  const holders = parties.registry().registrations(mpan, 'MDR')
  assert.equal(
    holders.filter(({ mpid }) => mpid.startsWith('MD1')).map(({ from }) => from),
    [dayAt(11), dayAt(12), dayAt(13)],
  )
  assert.equal(loadRegistry(paths).registrations(mpan, 'MDR').length, holders.length)
  parties.stop()
  await store.close()
})

test.run()
