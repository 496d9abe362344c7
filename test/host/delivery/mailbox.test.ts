// Mailboxes on a virtual clock: what is fetched, what survives a restart, and when a response is gone.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRandom } from '../../../emulation/random.ts'
import { createVirtualClock } from '../../../emulation/virtual-clock.ts'
import { bridgeTables, type Tables } from '../../../host/bridge/tables.ts'
import { giveUpAfterMs } from '../../../host/delivery/age-limit.ts'
import type { DeliveryEvent } from '../../../host/delivery/delivery.ts'
import { createMailbox } from '../../../host/delivery/mailbox.ts'
import { mailboxMax } from '../../../host/delivery/unfetched.ts'
import { createMemoryStore, type Store } from '../../../host/store/store.ts'
import { createOutboxDisk, startDelivery } from '../../support/sim/delivery.ts'

const idOf = (counter: number) => `00-DB-12-34-56-78-00-05:00-DB-12-34-56-78-90-A0:${counter}`

/** As a store on disk: what is written can be read a moment later. */
function writtenLater(store: Store<Tables>): Store<Tables> {
  return {
    ...store,
    put: async (...row) => await Promise.resolve().then(() => store.put(...row)),
    write: async (fill) => await Promise.resolve().then(() => store.write(fill)),
  }
}

function bench() {
  const clock = createVirtualClock(1000)
  const store = createMemoryStore(bridgeTables)
  const disk = createOutboxDisk(writtenLater(store))
  const events: DeliveryEvent[] = []
  const awaiting = new Map<string, string>()
  const post = async () => {
    throw new Error('nothing is posted')
  }
  const start = async () => {
    const failed = (error: Error) => {
      throw error
    }
    const delivery = await startDelivery(disk, clock, { post, report: (event) => void events.push(event), failed })
    const { outbox } = delivery
    const awaited = (id: string) => awaiting.get(id)
    return { delivery, mailbox: createMailbox({ outbox, delivery, randomBytes: createRandom(7).bytes, awaited }) }
  }
  return { clock, store, events, awaiting, start }
}

async function answered(
  { awaiting, ...bridge }: ReturnType<typeof bench>,
  running: Awaited<ReturnType<typeof bridge.start>>,
  n: number,
) {
  const id = idOf(n)
  const { location, sha256 } = running.mailbox.open(id)
  awaiting.set(id, sha256)
  const before = running.mailbox.fetch(location).state
  const kept = running.delivery.keep(id, 'mailbox:', '<a/>', { mailbox: sha256 })
  const meanwhile = running.mailbox.fetch(location).state
  assert.is(meanwhile, 'waiting', 'while it is written')
  await kept
  awaiting.delete(id)
  running.delivery.start(id)
  return { location, before, id }
}

test('waiting, ready, taken; other locations are unknown at every stage', async () => {
  const made = bench()
  const running = await made.start()
  const { location, before, id } = await answered(made, running, 1)
  assert.is(before, 'waiting')
  assert.equal(running.mailbox.fetch(location), { state: 'ready', xml: '<a/>', explanation: undefined })
  const wrong = [
    location.slice(0, -1),
    `${location}A`,
    location.replace(/.{22}$/, 'A'.repeat(22)),
    location.replace(':1/', ':2/'),
    location.replace(/\/[^/]+$/, '/'),
    '/api/v1/responses/',
    `${location}?x`,
  ]
  for (const one of wrong) {
    assert.is(running.mailbox.fetch(one).state, 'unknown', one)
    assert.is(await running.mailbox.take(one), 'unknown', one)
  }
  assert.is(await running.mailbox.take(location), 'ready')
  assert.is(running.mailbox.fetch(location).state, 'unknown')
  assert.equal(made.events, [{ event: 'delivered', requestId: id, tries: 0 }])
  assert.is(made.store.count('outbox'), 0)
})

test('a response to a User with a callback cannot be fetched', async () => {
  const made = bench()
  const { delivery, mailbox } = await made.start()
  const { location, sha256 } = mailbox.open(idOf(1))
  await delivery.keep(idOf(1), 'http://127.0.0.1:1/', '<a/>', { mailbox: sha256 })
  assert.is(mailbox.fetch(location).state, 'unknown')
})

test('after a restart it is still there, and at its age limit it is gone', async () => {
  const made = bench()
  const first = await made.start()
  const { location } = await answered(made, first, 1)
  await made.clock.pass(giveUpAfterMs / 2)
  await first.delivery.stop()
  const second = await made.start()
  second.delivery.resume()
  await made.clock.pass(giveUpAfterMs / 2 - 10)
  assert.is(second.mailbox.fetch(location).state, 'ready')
  await made.clock.pass(60_020)
  assert.is(second.mailbox.fetch(location).state, 'unknown')
  assert.equal(second.delivery.givenUp, [idOf(1)])
  assert.is(second.delivery.pending()[0]?.bytes, 0)
})

test('the oldest response goes when a User leaves too many', async () => {
  const made = bench()
  const running = await made.start()
  const first = await answered(made, running, 1)
  for (let n = 2; n <= mailboxMax; n++) await answered(made, running, n)
  assert.is(running.mailbox.fetch(first.location).state, 'ready')
  await answered(made, running, mailboxMax + 1)
  await made.clock.pass(1)
  assert.is(running.mailbox.fetch(first.location).state, 'unknown')
  assert.is(made.store.count('outbox'), mailboxMax)
})

test.run()
