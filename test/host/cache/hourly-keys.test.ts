import { linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { bridgeTables } from '../../../host/bridge/tables.ts'
import { hourOf } from '../../../host/cache/hourly-keys.ts'
import { createMemoryStore } from '../../../host/store/store.ts'
import { dayMs } from '../../../protocol/half-hour.ts'
import {
  bench,
  cacheSuite,
  channel,
  entries,
  eui,
  hourMs,
  keyFiles,
  knownCount,
  morningMs,
  readings,
  yesterday,
} from '../../support/bench/cache-bench.ts'

const test = cacheSuite('hourly keys')

for (const late of [0, 1, 1800000, 3599999]) {
  test(`retrieved ${late} ms into the hour: read until 25 h after the hour began, to the millisecond`, async ({
    root,
  }) => {
    const one = bench(root)
    const retrievedMs = morningMs + late
    await one.cache.keep(eui, channel, readings(yesterday, 48), retrievedMs)
    const endMs = morningMs + 25 * hourMs
    assert.ok(endMs - retrievedMs <= 25 * hourMs && endMs - retrievedMs > 24 * hourMs)
    assert.is(knownCount(one, endMs - 1), 48)
    assert.is(keyFiles(one.directory).length, 1)
    assert.is(knownCount(one, endMs), 0)
    assert.is(keyFiles(one.directory).length, 0, 'the read that came too late destroyed the key')
    assert.is(knownCount(one, endMs - 1), 0)
  })
}

test('a restart after the end destroys the key before anything is read', async ({ root }) => {
  const one = bench(root)
  await one.cache.keep(eui, channel, readings(yesterday, 48), morningMs)
  assert.is(knownCount(bench(root, one.store), morningMs + 25 * hourMs - 1), 48)
  assert.is(knownCount(bench(root, one.store), morningMs + 25 * hourMs), 0)
  assert.is(keyFiles(one.directory).length, 0)
})

test('key files are secret, one per hour of retrieval, and overwritten when they are destroyed', async ({ root }) => {
  const one = bench(root)
  for (const hours of [0, 0.5, 1, 3]) {
    await one.cache.keep(eui, channel, readings(yesterday, 1), morningMs + hours * hourMs)
  }
  const names = keyFiles(one.directory)
  assert.equal(
    names,
    [0, 1, 3].map((hours) => `0${hourOf(morningMs) + hours}.key`),
  )
  assert.is(statSync(one.directory).mode & 0o777, 0o700)
  const path = join(one.directory, names[0]!)
  assert.is(statSync(path).mode & 0o777, 0o600)
  const key = readFileSync(path)
  assert.is(key.length, 32)
  linkSync(path, join(root, 'held'))
  await one.cache.sweep(morningMs + 25 * hourMs)
  assert.is(readFileSync(join(root, 'held')).includes(key), false)
  assert.is(keyFiles(one.directory).length, 2)
})

test('a copy of the store made before is unreadable once the key is gone', async ({ root }) => {
  const one = bench(root)
  await one.cache.keep(eui, channel, readings(yesterday, 48), morningMs)
  const copy = createMemoryStore(bridgeTables)
  for (const { key, value } of entries(one.store)) await copy.put('readings', key, value)
  assert.is(knownCount(bench(root, copy), morningMs + hourMs), 48, 'with its key the copy is readable')
  await one.cache.sweep(morningMs + 25 * hourMs)
  // Even a clock set back, and a new key for that very hour, open nothing.
  rmSync(join(one.directory, 'greatest-time'))
  const thief = bench(root, copy)
  thief.keys.observe(morningMs)
  thief.keys.keyToSeal(hourOf(morningMs))
  assert.is(knownCount(thief, morningMs), 0)
  assert.is(thief.cache.unreadable(), 1)
})

test('a clock that goes back empties the cache; calls that overtake each other do not', async ({ root }) => {
  const one = bench(root)
  await one.cache.keep(eui, channel, readings(yesterday, 48), morningMs)
  assert.is(knownCount(one, morningMs + 10 * hourMs), 48)
  assert.is(knownCount(one, morningMs + 10 * hourMs - 60_000), 48)
  assert.is(knownCount(one, morningMs + 10 * hourMs - 60_001), 0)
  assert.is(keyFiles(one.directory).length, 0)
  await one.cache.keep(eui, channel, readings(yesterday, 48), morningMs + 10 * hourMs)
  assert.is(knownCount(one, morningMs + 10 * hourMs), 48, 'it begins anew')
})

test('while the clock stands a little back, time stands still and does not lengthen a life', async ({ root }) => {
  const one = bench(root)
  await one.cache.keep(eui, channel, readings(yesterday, 48), morningMs)
  one.keys.observe(morningMs + 25 * hourMs - 1)
  assert.is(knownCount(one, morningMs + 25 * hourMs - 50_000), 48)
  one.keys.observe(morningMs + 25 * hourMs)
  assert.is(knownCount(one, morningMs + 25 * hourMs - 50_000), 0)
})

test('a clock set back while the bridge was off empties the cache', async ({ root }) => {
  const one = bench(root)
  await one.cache.keep(eui, channel, readings(yesterday, 48), morningMs)
  await one.cache.sweep(morningMs + 10 * hourMs)
  await one.cache.sweep(morningMs + 10.5 * hourMs)
  assert.is(knownCount(bench(root, one.store), morningMs + 10.5 * hourMs - 60_000), 48)
  assert.is(knownCount(bench(root, one.store), morningMs + 10.5 * hourMs - 60_001), 0)
  assert.is(keyFiles(one.directory).length, 0)
})

test('a clock that was wrong for a moment costs the cache and nothing else', async ({ root }) => {
  const one = bench(root)
  await one.cache.keep(eui, channel, readings(yesterday, 48), morningMs)
  assert.is(knownCount(one, morningMs + 400 * dayMs), 0)
  assert.is(knownCount(one, morningMs + 1000), 0)
  await one.cache.keep(eui, channel, readings(yesterday, 48), morningMs + 2000)
  assert.is(knownCount(one, morningMs + 3000), 48)
  assert.throws(() => one.keys.observe(Number.NaN), /no time/)
})

test('key files cut short, and a time that cannot be read', async ({ root }) => {
  const one = bench(root)
  await one.cache.keep(eui, channel, readings(yesterday, 48), morningMs)
  writeFileSync(join(one.directory, keyFiles(one.directory)[0]!), 'short')
  const cut = bench(root, one.store)
  assert.is(knownCount(cut, morningMs), 0)
  await cut.cache.keep(eui, channel, readings(yesterday, 48), morningMs)
  assert.is(knownCount(cut, morningMs), 48, 'a new key takes its place')
  writeFileSync(join(one.directory, 'greatest-time'), 'malformed')
  assert.is(knownCount(bench(root, one.store), morningMs), 0, 'nobody knows how old the keys are')
})

test('a key file that cannot be removed is reported, and its key is not used', async ({ root }) => {
  const one = bench(root)
  await one.cache.keep(eui, channel, readings(yesterday, 48), morningMs)
  const path = join(one.directory, keyFiles(one.directory)[0]!)
  rmSync(path)
  mkdirSync(path)
  assert.is(knownCount(one, morningMs + 25 * hourMs), 0)
  assert.is(one.lines.length, 1)
  assert.match(one.lines[0]!, /has ended and cannot be removed, remove it/)
  rmSync(path, { recursive: true })
  await one.cache.sweep(morningMs + 25 * hourMs + 1000)
  assert.is(one.lines.length, 1)
})

test('a key that cannot be written is an error, and is not used', async ({ root }) => {
  const one = bench(root)
  one.keys.observe(morningMs)
  mkdirSync(join(one.directory, `0${hourOf(morningMs)}.key`))
  const failed = await one.cache.keep(eui, channel, readings(yesterday, 48), morningMs).catch(String)
  assert.match(String(failed), 'EEXIST')
  assert.is(knownCount(one, morningMs), 0)
  rmSync(join(one.directory, `0${hourOf(morningMs)}.key`), { recursive: true })
  await one.cache.keep(eui, channel, readings(yesterday, 48), morningMs)
  assert.is(knownCount(one, morningMs), 48)
})

test.run()
