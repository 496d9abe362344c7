// What can be had from a copy of the whole directory, keys included: nothing that was taken or has reached its age limit.

import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createVirtualClock } from '../../../emulation/virtual-clock.ts'
import { bridgeTables } from '../../../host/bridge/tables.ts'
import { createAgeClock } from '../../../host/delivery/age-clock.ts'
import { createDelivery } from '../../../host/delivery/delivery.ts'
import { openOutbox } from '../../../host/delivery/outbox.ts'
import { openAcceptedStore } from '../../../host/requests/accepted-store.ts'
import { createKeySlots, openKeyFile } from '../../../host/store/key-slots.ts'
import { openLmdbStore } from '../../../host/store/lmdb.ts'
import { openEntry } from '../../../host/store/sealed.ts'
import { usualLimits } from '../../support/sim/delivery.ts'

const hourMs = 3_600_000
const user = '90-B3-D5-1F-30-01-00-00'
const esme = '00-DB-12-34-56-78-90-A0'

/** The files of a directory, as a copy would have them. */
function copyOf(directory: string): Map<string, Buffer> {
  return new Map(
    readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => [join(entry.parentPath, entry.name), readFileSync(join(entry.parentPath, entry.name))]),
  )
}

/** A value in every form in which it could lie in a file. */
function formsOf(wh: number): Buffer[] {
  const big = Buffer.alloc(4)
  big.writeUInt32BE(wh)
  const little = Buffer.alloc(4)
  little.writeUInt32LE(wh)
  const text = Buffer.from(String(wh))
  const base64 = [0, 1, 2].map((lead) => {
    const encoded = Buffer.concat([Buffer.alloc(lead), text]).toString('base64')
    // Without what depends on the neighbours.
    return Buffer.from(encoded.slice(lead === 0 ? 0 : lead + 1, -4))
  })
  // CBOR writes an unsigned integer of four bytes as these, after one byte.
  return [big, little, text, ...base64]
}

interface Sealed {
  wh: number
  id: string
  bytes: Uint8Array
}

/** The values that a copy gives away: as they are, or sealed under any 32 bytes of any file of keys. */
function recovered(copy: Map<string, Buffer>, sealed: Sealed[]): number[] {
  const keys = [...copy].filter(([path]) => path.endsWith('.keys')).map(([, bytes]) => bytes)
  const isOpen = ({ wh, id, bytes }: Sealed) =>
    keys.some((file) => {
      for (let at = 0; at + 32 <= file.length; at += 32) {
        if (openEntry(file.subarray(at, at + 32), bytes, id) !== undefined) return true
      }
      return false
    }) || formsOf(wh).some((form) => [...copy.values()].some((bytes2) => bytes2.includes(form)))
  return sealed.filter(isOpen).map(({ wh }) => wh)
}

async function bench() {
  const directory = mkdtempSync(join(tmpdir(), 'smets1-kept-'))
  const clock = createVirtualClock(Date.UTC(2026, 10, 22))
  const store = openLmdbStore(join(directory, 'store'), bridgeTables)
  const outboxKeys = createKeySlots(openKeyFile(join(directory, 'outbox.keys')), randomBytes)
  const requestKeys = createKeySlots(openKeyFile(join(directory, 'requests.keys')), randomBytes)
  const { nowMs } = clock
  const age = createAgeClock(store, nowMs)
  const outbox = openOutbox({
    store,
    keys: outboxKeys,
    requestKeys,
    randomBytes,
    age,
    nowMs,
    limits: usualLimits,
    givenUp() {},
  })
  const accepted = openAcceptedStore(store, requestKeys, randomBytes, [])
  let status = 503
  const delivery = createDelivery({ outbox, post: async () => status, timing: clock, report() {}, failed() {} })
  const sealed: Sealed[] = []
  let wh = 1_234_567_001
  let counter = 0

  /** A request is accepted, answered with a reading, and its response is to be delivered. */
  async function answer(): Promise<number> {
    wh += 1_001
    counter += 1
    const id = `${user}:${esme}:${counter}`
    const stored = await accepted.keep(id, { body: Buffer.from(`<Request>${wh}</Request>`), receivedMs: nowMs() })
    sealed.push({ wh, id, bytes: stored.body })
    const request = accepted.answered(stored)
    await delivery.keep(id, 'http://127.0.0.1:1/', `<Reading>${wh}</Reading>`, { request })
    await accepted.handOver(id)
    sealed.push({ wh, id, bytes: store.get('bodies', id)!.sealed })
    delivery.start(id)
    await clock.pass(50)
    return wh
  }

  return {
    clock,
    delivery,
    answer,
    usersAnswer(code: number) {
      status = code
    },
    /** What a copy made now gives away. */
    recovered: () => [...new Set(recovered(copyOf(directory), sealed))],
    /** Lets everything that was begun come to the disk: the store writes in the order of the calls. */
    async settle() {
      for (let round = 0; round < 10; round++) {
        await store.put('orders', 'settle', `${round}`)
        await clock.pass(1)
      }
    },
    async end() {
      await delivery.stop()
      await store.close()
      rmSync(directory, { recursive: true })
    },
  }
}

test('a response that is taken cannot be recovered, nor its request; one that waits can until its age limit', async () => {
  const b = await bench()
  b.usersAnswer(204)
  for (let i = 0; i < 5; i++) await b.answer()
  await b.settle()
  assert.equal(b.recovered(), [])
  b.usersAnswer(503)
  const waiting = [await b.answer(), await b.answer()]
  b.usersAnswer(404)
  const refused = await b.answer()
  await b.settle()
  assert.equal(b.recovered(), [...waiting, refused])
  b.usersAnswer(503)
  for (let hour = 1; hour <= 23; hour++) {
    await b.clock.pass(hourMs)
    await b.settle()
    if (hour % 6 === 0) assert.equal(b.recovered(), [...waiting, refused], `after ${hour} hours`)
  }
  await b.clock.pass(hourMs + 60_000)
  await b.settle()
  assert.equal(b.recovered(), [])
  await b.end()
})

test('keys that nothing uses are destroyed at the start', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'smets1-kept-'))
  const path = join(directory, 'outbox.keys')
  const first = createKeySlots(openKeyFile(path), randomBytes)
  const before = [first.take(), first.take()].map((slot) => ({ slot, key: Buffer.from(first.key(slot)) }))
  first.close()
  const second = createKeySlots(openKeyFile(path), randomBytes)
  assert.is(second.identity, first.identity)
  second.keepOnly([before[0]!.slot])
  const file = readFileSync(path)
  assert.ok(file.includes(before[0]!.key))
  assert.not(file.includes(before[1]!.key))
  assert.not(Array.from({ length: 2000 }, () => second.take()).includes(before[0]!.slot))
  second.close()
  rmSync(directory, { recursive: true })
})

test.run()
