// A recording played again to the meter in virtual time, as the bridge would ask it.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRandom } from '../../../emulation/random.ts'
import { createWorld } from '../../../emulation/world.ts'
import { createOpener } from '../../../host/dco/opener.ts'
import { createDco } from '../../../host/dco/sealer.ts'
import { recordedSessions } from '../../../host/trace/recorded-asks.ts'
import { type Played, replay } from '../../../host/trace/replay-asks.ts'
import { traceRecording } from '../../../host/trace/sessions.ts'
import { defaultLineLimits } from '../../../host/wan/line-limits.ts'
import { createMeterSessions } from '../../../host/wan/meter-session.ts'
import { createLine } from '../../../host/wan/serial-line.ts'
import { recordedEui, recordedKey, recordedWh, recordLine } from '../../support/sim/recorded-line.ts'

const folder = mkdtempSync(join(tmpdir(), 'smets1-replay-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
const vault = { key: (eui: string) => (eui === recordedEui ? recordedKey : undefined) }

function sessionsIn(path: string) {
  const file = readFileSync(path)
  let at = 0
  const take = (count: number) => {
    const bytes = new Uint8Array(file.subarray(at, at + count))
    at += bytes.length
    return bytes
  }
  return recordedSessions(traceRecording(take, { packets: 0, linkTypes: new Set() }, createOpener(vault)))
}

/** Plays a recording to a meter that lived the same days, then `hours` more. */
async function playTo(
  path: string,
  given: { hours?: number; whOf?: (halfHour: number) => number; withChanges?: boolean },
) {
  const { hours = 0, whOf = recordedWh, withChanges = false } = given
  const endMs = Date.UTC(2026, 10, 22)
  const world = createWorld({ seed: 9, days: 8, eui: recordedEui, key: recordedKey, endMs, whOf })
  const more = Array.from({ length: hours * 2 }, (_, i) => recordedWh(world.end + i))
  if (more.length > 0) world.meter.live(world.end, more)
  const { clock } = world
  const line = createLine('sim:', world.line.openPort, defaultLineLimits, clock)
  const sessions = createMeterSessions({ dco: createDco(vault, createRandom(3).bytes), timing: clock })
  const played: Played[] = []
  const { sessions: recorded } = sessionsIn(path)
  const parts = { sessions, timing: clock, line, withChanges, timeoutMs: 60000 }
  await clock.run(replay(recorded, parts, (one) => played.push(one)))
  return played
}

const path = join(folder, 'clean.pcapng')
await recordLine(path, 1)
const differing = (played: Played[]) => played.filter(({ comparison }) => (comparison?.differences.length ?? 0) > 0)

test('the sessions of a recording, with what was asked and answered', () => {
  const { sessions, sealed, opened } = sessionsIn(path)
  assert.is(sealed, opened)
  assert.equal(
    sessions.map(({ eui, asks }) => [eui, [...asks.values()].map(({ name }) => name)]),
    [
      [recordedEui, ['readProfile']],
      [
        recordedEui,
        [
          ...['readDailyReads', 'readRegisters', 'readEvents', 'readInventory', 'readClock', 'writeSettings'],
          'acknowledgeAlerts',
        ],
      ],
      [recordedEui, ['readProfile']],
    ],
  )
})

test('a meter with the same past answers the same; what changes it is not played', async () => {
  const played = await playTo(path, { hours: 6 })
  // It had no power cut, which the recorded one had as its second event.
  assert.equal(
    differing(played).map(({ name, comparison }) => [name, comparison!.differences[0]!.field]),
    [['readEvents', 'event 2']],
  )
  const left = played.filter(({ why }) => why === 'it changes the meter').map(({ name }) => name)
  assert.equal(left, ['writeSettings', 'acknowledgeAlerts'])
  const profiles = played.filter(({ name }) => name === 'readProfile')
  assert.ok(profiles.every(({ comparison }) => comparison!.sameBytes))
})

test('a meter with another past: the half-hour that differs, and both values', async () => {
  const changed = Math.floor(Date.UTC(2026, 10, 20, 5, 30) / 1800000)
  const whOf = (halfHour: number) => recordedWh(halfHour) + (halfHour === changed ? 1 : 0)
  const played = await playTo(path, { whOf })
  const profile = played.find(({ name }) => name === 'readProfile')!.comparison!
  assert.equal(
    profile.differences.map(({ field, first, second }) => [field, first, second]),
    [['2026-11-20 wh[11]', recordedWh(changed), recordedWh(changed) + 1]],
  )
  const daily = played.find(({ name }) => name === 'readDailyReads')!.comparison!
  assert.is(daily.differences[0]!.field, 'snapshot 20778 registers[0]')
})

test('with changes they are played, once each', async () => {
  const played = await playTo(path, { withChanges: true })
  const settings = played.find(({ name }) => name === 'writeSettings')!
  // The same refusal: the version is another one again.
  assert.equal(settings.comparison!.differences, [])
  assert.ok(played.every(({ why }) => why === undefined))
})

test('a recording of a bad line: answers that it has whole are compared, the others are played', async () => {
  const noisy = join(folder, 'noisy.pcapng')
  await recordLine(noisy, 2, { flip: 0.004, loss: 0.002 })
  const played = await playTo(noisy, { hours: 6 })
  const torn = played.filter(({ why }) => why === 'the recording has no whole answer')
  assert.ok(torn.length > 0)
  const profiles = played.filter(({ name, comparison }) => name === 'readProfile' && comparison !== undefined)
  assert.ok(profiles.length > 1)
  assert.equal(
    profiles.flatMap(({ comparison }) => comparison!.differences),
    [],
  )
})

test.run()
