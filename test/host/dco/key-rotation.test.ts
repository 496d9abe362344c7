// A meter's key is rotated: the old one holds until the meter is heard with the new one, and never again after that.

import fs, { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createRandom } from '../../../emulation/random.ts'
import { createWorld } from '../../../emulation/world.ts'
import { takeSettings } from '../../../hardware/settings/settings-file.ts'
import { agreeKey } from '../../../host/dco/key-agreement.ts'
import { createDco } from '../../../host/dco/sealer.ts'
import { addKey, addNextKey, openVault, vaultProblems } from '../../../host/dco/vault.ts'
import { ask } from '../../../host/wan/ask.ts'
import { readHalfHours } from '../../../host/wan/layouts.ts'
import { defaultLineLimits } from '../../../host/wan/line-limits.ts'
import { createMeterSessions } from '../../../host/wan/meter-session.ts'
import { ReadError } from '../../../host/wan/read-error.ts'
import { createLine } from '../../../host/wan/serial-line.ts'
import { noUsage } from '../../../host/wan/usage.ts'
import { euiToBytes, toHex } from '../../../protocol/bytes.ts'

const test = suite('key rotation')
const eui = '00-DB-12-34-56-78-90-A0'
const random = createRandom(5)
const [first, second, third] = [1, 2, 3].map(() => agreeKey(random.bytes)) as [Uint8Array, Uint8Array, Uint8Array]
const endMs = Date.UTC(2026, 10, 22)
let folder = ''
let path = ''
test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'smets1-rotation-'))
  path = join(folder, 'vault')
})
test.after.each(() => rmSync(folder, { recursive: true, force: true }))

/** A meter with the first key on a line, and a bridge's sessions with the vault's. */
function bench(seed = 1) {
  addKey(path, eui, first)
  const world = createWorld({ seed, days: 2, eui, key: first, endMs, whOf: (halfHour) => halfHour % 400 })
  world.clock.set(endMs + 60000)
  const line = createLine('sim:', world.line.openPort, defaultLineLimits, world.clock)
  const rotated: string[] = []
  const dco = createDco(openVault(path), createRandom(seed + 1).bytes, (one) => rotated.push(one))
  const sessions = createMeterSessions({ dco, timing: world.clock })

  async function read(): Promise<string> {
    const usage = noUsage()
    const task = { deadlineMs: world.clock.nowMs() + 16000, usage }
    const day = sessions.withSession(line, eui, task, (conversation) =>
      readHalfHours(conversation, 0, world.end - 48, 48),
    )
    return world.clock.run(
      day.then(
        (readings) => `${readings.length} half-hours`,
        (error) => (error instanceof ReadError ? error.fault : String(error)),
      ),
    )
  }
  /** The meter stops, takes a settings file with a key, and starts again. */
  function give(key: Uint8Array): void {
    world.meter.off()
    takeSettings(world.meter.flash, { eui: euiToBytes(eui), key })
    world.meter.on()
  }
  return { ...world, sessions, line, read, give, rotated }
}

test('both sides agree a key that no one else has', () => {
  const keys = Array.from({ length: 50 }, () => toHex(agreeKey(random.bytes)))
  assert.is(new Set(keys).size, 50)
  assert.ok(keys.every((one) => one.length === 64))
})

test('the old key holds until the meter has the next; then the next alone, also for other processes', async () => {
  const b = bench()
  assert.is(await b.read(), '48 half-hours')
  addNextKey(path, eui, second)
  for (let i = 0; i < 3; i++) assert.is(await b.read(), '48 half-hours', 'still on the old key')
  assert.equal(openVault(path).key(eui), first)
  assert.equal(b.rotated, [])

  b.give(second)
  const boots = b.meter.meter().boot()
  assert.is(await b.read(), '48 half-hours')
  assert.equal(b.rotated, [eui])
  assert.equal([openVault(path).key(eui), openVault(path).nextKey(eui)], [second, undefined])
  assert.equal(readdirSync(path), [`${eui}.json`])
  const before = b.meter.meter().state.line.notOpened
  assert.is(await b.read(), '48 half-hours')
  assert.is(b.meter.meter().state.line.notOpened, before, 'asked with the new key alone')
  assert.is(b.meter.meter().boot(), boots)

  b.give(first)
  assert.is(await b.read(), 'wrong key', 'the old key never again')
  assert.equal(openVault(path).key(eui), second)
})

test('no ask is lost that must be sent once: which key it is, is found out first', async () => {
  const b = bench()
  addNextKey(path, eui, second)
  b.give(second)
  const task = { deadlineMs: b.clock.nowMs() + 16000, usage: noUsage() }
  const taken = b.sessions.withSession(b.line, eui, task, (conversation) =>
    ask(conversation, 'takeBilling', { cause: 4 }),
  )
  assert.is((await b.clock.run(taken)).number >= 0, true)
  assert.equal(b.rotated, [eui])
})

test('an alert of the meter under its next key shows it as well, before anything is asked', async () => {
  const b = bench()
  addNextKey(path, eui, second)
  b.clock.set(endMs + 3600000)
  // Power was off for long enough to be an alert.
  b.give(second)
  const usage = noUsage()
  const task = { deadlineMs: b.clock.nowMs() + 16000, usage }
  await b.clock.run(b.sessions.withSession(b.line, eui, task, (conversation) => ask(conversation, 'readClock', {})))
  assert.equal(b.rotated, [eui])
  assert.is(b.meter.meter().state.line.notOpened, 0)
})

test('a next key that is replaced before the meter had it is never accepted', async () => {
  const b = bench()
  addNextKey(path, eui, second)
  addNextKey(path, eui, third)
  b.give(second)
  assert.is(await b.read(), 'wrong key')
  b.give(third)
  assert.is(await b.read(), '48 half-hours')
  assert.equal(openVault(path).key(eui), third)
})

test('a session in progress promotes only the key that the meter used', () => {
  addKey(path, eui, first)
  addNextKey(path, eui, second)
  const vault = openVault(path)
  addNextKey(path, eui, third)
  vault.promote(eui, second)
  assert.equal([vault.key(eui), vault.nextKey(eui)], [first, third])
  vault.promote(eui, third)
  vault.promote(eui, third)
  assert.equal([vault.key(eui), vault.nextKey(eui)], [third, undefined])
})

test('a vault that cannot be written loses no answer: the next session rotates the key', async () => {
  const b = bench()
  b.give(second)
  const told: (string | undefined)[] = []
  let isFull = true
  let key = first
  const vault = {
    key: () => key,
    nextKey: () => (key === first ? second : undefined),
    promote() {
      if (isFull) throw new Error('the disk is full')
      key = second
      return true
    },
  }
  const dco = createDco(vault, createRandom(3).bytes, (_, problem) => told.push(problem))
  const sessions = createMeterSessions({ dco, timing: b.clock })
  const read = () =>
    b.clock.run(
      sessions.withSession(b.line, eui, { deadlineMs: b.clock.nowMs() + 16000, usage: noUsage() }, (conversation) =>
        readHalfHours(conversation, 0, b.end - 48, 48),
      ),
    )
  assert.is((await read()).length, 48)
  isFull = false
  assert.is((await read()).length, 48)
  assert.is((await read()).length, 48)
  assert.equal(told, ['the disk is full', undefined])
})

class Killed extends Error {}

/** Runs something with the process "killed" inside its nth operation on the disk: from there on nothing is done. */
function killedAt(operation: number, act: () => void): boolean {
  const names = [
    'openSync',
    'writeSync',
    'fchmodSync',
    'fsyncSync',
    'closeSync',
    'renameSync',
    'rmSync',
    'mkdirSync',
  ] as const
  const real = Object.fromEntries(names.map((name) => [name, fs[name]]))
  let count = 0
  for (const name of names) {
    Object.assign(fs, {
      [name]: (...args: unknown[]) => {
        const isRead = name === 'openSync' && args[1] === 'r'
        count += isRead ? 0 : 1
        if (count > operation) throw new Killed()
        if (count === operation && name === 'writeSync') {
          // Torn: half of it got there.
          ;(real.writeSync as (file: unknown, text: string) => void)(args[0], String(args[1]).slice(0, 40))
          throw new Killed()
        }
        return (real[name] as (...all: unknown[]) => unknown)(...args)
      },
    })
  }
  syncBuiltinESMExports()
  try {
    act()
    return false
  } catch (error) {
    if (!(error instanceof Killed)) throw error
    return true
  } finally {
    Object.assign(fs, real)
    syncBuiltinESMExports()
  }
}

test('killed inside any operation on the disk, the vault has the keys of before or those of after', () => {
  const steps: [string, () => void, string[]][] = [
    ['rotate', () => addNextKey(path, eui, second), ['first none', 'first second']],
    ['rotate again', () => addNextKey(path, eui, third), ['first second', 'first third']],
    ['promote', () => openVault(path).promote(eui, third), ['first third', 'third none']],
  ]
  const names = new Map([first, second, third].map((one, i) => [toHex(one), ['first', 'second', 'third'][i]]))
  const state = () => {
    const vault = openVault(path)
    const next = vault.nextKey(eui)
    return `${names.get(toHex(vault.key(eui)!))} ${next === undefined ? 'none' : names.get(toHex(next))}`
  }
  let kills = 0
  for (let step = 0; step < steps.length; step++) {
    for (let operation = 1; ; operation++) {
      rmSync(path, { recursive: true, force: true })
      addKey(path, eui, first)
      for (const [, act] of steps.slice(0, step)) act()
      const [name, act, allowed] = steps[step]!
      const wasKilled = killedAt(operation, () => act())
      assert.ok(allowed.includes(state()), `${name} killed at ${operation}: ${state()}`)
      assert.equal(vaultProblems(path), [])
      if (!wasKilled) break
      kills += 1
      // What was left lying about is in nobody's way.
      act()
      assert.is(state(), allowed[1])
    }
  }
  assert.ok(kills >= 12, String(kills))
  assert.ok(existsSync(path))
})

test.run()
