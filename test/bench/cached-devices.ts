// Devices with yesterday in the cache: as if each had been read just now.

import { randomBytes } from 'node:crypto'
import { bridgeTables } from '../../host/bridge/tables.ts'
import { openHourlyKeys } from '../../host/cache/hourly-keys.ts'
import { createReadingCache } from '../../host/cache/reading-cache.ts'
import { halfHoursInWindow } from '../../host/catalogue/read-window.ts'
import type { StatePaths } from '../../host/state/state-directory.ts'
import { openLmdbStore } from '../../host/store/lmdb.ts'
import { dayMs } from '../../protocol/half-hour.ts'
import { editJson } from '../support/bench/cli.ts'

/** EUI-64 of one device of many. */
export function euiOf(device: number): string {
  return Buffer.from(`00db0000${device.toString(16).padStart(8, '0')}`, 'hex')
    .toString('hex')
    .toUpperCase()
    .match(/../g)!
    .join('-')
}

/** A right import MPAN for each. */
export function mpanOf(device: number): string {
  const digits = `21${device.toString().padStart(10, '0')}`
  const primes = [3, 5, 7, 13, 17, 19, 23, 29, 31, 37, 41, 43]
  const sum = primes.reduce((total, prime, i) => total + prime * Number(digits[i]), 0)
  return `${digits}${(sum % 11) % 10}`
}

/** Adds devices `0` to `count - 1`, with the supplier of the test data registered; all Users get the same callback. */
export function fillRegistry(path: string, count: number, callback: string): void {
  editJson(path, (registry) => {
    for (const one of registry.users as { callback: string }[]) one.callback = callback
    for (let device = 0; device < count; device++) {
      const mpan = mpanOf(device)
      const one = { eui: euiOf(device), importMpan: mpan, status: 'Commissioned', line: 'default' }
      ;(registry.devices as unknown[]).push(one)
      ;(registry.registrations as unknown[]).push({ mpan, role: 'IS', mpid: 'SUPA', from: '2000-01-01' })
    }
  })
}

/**
 * Puts yesterday's 48 half-hours of devices `0` to `count - 1` into the cache of a state directory. `lookAt` is called while
 * it is open.
 */
export async function fillCache(paths: StatePaths, count: number, nowMs: number, lookAt = () => {}): Promise<void> {
  const store = openLmdbStore(paths.store, bridgeTables)
  const report = (line: string) => {
    throw new Error(line)
  }
  const cache = createReadingCache({ store, keys: openHourlyKeys(paths.cacheKeys, randomBytes, report), randomBytes })
  const today = Math.floor(nowMs / dayMs) * dayMs
  const day = halfHoursInWindow({ startMs: today - dayMs, endMs: today }, 'closed')
  for (let device = 0; device < count; ) {
    const batch: Promise<void>[] = []
    for (; device < count && batch.length < 2000; device++) {
      const readings = Array.from({ length: day.count }, (_, i) => {
        return { halfHour: day.first + i, wh: (device * 7 + i * 31) % 1000, marked: false }
      })
      batch.push(cache.keep(euiOf(device), 'active-import', readings, nowMs))
    }
    await Promise.all(batch)
  }
  lookAt()
  await store.close()
  // Alive until here, as in a bridge.
  cache.unreadable()
}
