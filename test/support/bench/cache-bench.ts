// A cache over a temporary directory of keys and a memory store, for its tests.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import { createRandom } from '../../../emulation/random.ts'
import { bridgeTables, type Tables } from '../../../host/bridge/tables.ts'
import { type HourlyKeys, openHourlyKeys } from '../../../host/cache/hourly-keys.ts'
import type { CachePolicy } from '../../../host/cache/policy.ts'
import { createReadingCache, type ReadingCache } from '../../../host/cache/reading-cache.ts'
import { createMemoryStore, type Store } from '../../../host/store/store.ts'
import type { Reading } from '../../../host/wan/reading.ts'
import { dayMs, firstHalfHourOfDay } from '../../../protocol/half-hour.ts'

export const hourMs = 3600000
export const eui = '00-DB-12-34-56-78-90-A0'
export const otherEui = '00-DB-12-34-56-78-90-A1'
export const channel = 'active-import'
/** The day that is read, its first half-hour, and the morning after. */
export const yesterday = firstHalfHourOfDay(Date.parse('2026-11-21T00:00Z') / dayMs)
export const morningMs = Date.parse('2026-11-22T05:00Z')

/** A suite whose tests each get a directory of their own, removed afterwards. */
export function cacheSuite(name: string) {
  const test = suite<{ root: string }>(name)
  test.before.each((context) => {
    context.root = mkdtempSync(join(tmpdir(), 'smets1-cache-'))
  })
  test.after.each((context) => rmSync(context.root, { recursive: true, force: true }))
  return test
}

export function value(halfHour: number): Reading {
  return { halfHour, wh: (halfHour * 7) % 1000, marked: halfHour % 5 === 0 }
}

export function readings(first: number, count: number): Reading[] {
  return Array.from({ length: count }, (_, index) => value(first + index))
}

export type Bench = { keys: HourlyKeys; cache: ReadingCache; store: Store<Tables>; directory: string; lines: string[] }

let benches = 0

/** A cache over a directory of keys and a store; made again over the same ones it is a restart. */
export function bench(
  root: string,
  store = createMemoryStore(bridgeTables),
  policy?: CachePolicy,
  openDaysMax?: number,
): Bench {
  benches += 1
  const random = createRandom(benches)
  const lines: string[] = []
  const directory = join(root, 'keys')
  const keys = openHourlyKeys(directory, random.bytes, (line) => lines.push(line))
  const parts = { store, keys, randomBytes: random.bytes }
  const cache = createReadingCache({ ...parts, ...(policy && { policy }), ...(openDaysMax && { openDaysMax }) })
  return { keys, cache, store, directory, lines }
}

export function knownCount({ cache }: Bench, nowMs: number, first = yesterday, count = 48): number {
  return cache.lookup(eui, channel, first, count, nowMs).known.size
}

export function entries(store: Store<Tables>): { key: string; value: Uint8Array }[] {
  return [...store.range('readings', '0', ':')]
}

export function keyFiles(directory: string): string[] {
  return readdirSync(directory).filter((name) => name.endsWith('.key'))
}
