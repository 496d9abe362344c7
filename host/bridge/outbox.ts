// Responses on their way to Users, and requests that are not answered yet: opened, and cleared of what is too old.

import type { BridgeConfig } from '../config/config.ts'
import { type AgeClock, createAgeClock } from '../delivery/age-clock.ts'
import { createDelivery, type Delivery, type DeliveryEvent } from '../delivery/delivery.ts'
import { createMailbox, type Mailbox } from '../delivery/mailbox.ts'
import { type Outbox, openOutbox } from '../delivery/outbox.ts'
import { pushTermsByUrl } from '../delivery/push-terms.ts'
import { type AcceptedStore, openAcceptedStore } from '../requests/accepted-store.ts'
import type { Recorder } from '../requests/recorder.ts'
import type { BridgeEnv } from './env.ts'
import { diskTrouble, watchDisk } from './watch-disk.ts'

/** Delivery, and what it shares a disk with. */
export type OpenDelivery = Delivery & {
  mailbox: Mailbox
  accepted: AcceptedStore
  /** Why nothing can be kept on disk now; undefined when it can. */
  trouble(): string | undefined
  /** This machine's clock is right, although it went forward by more than a day at once. */
  confirmAge(): Promise<void>
}

/** How often the clock is looked at, so that a step is noticed and counted. */
const lookEveryMs = 60_000
/** Looks from one save to the next: after a crash up to a day since the last one counts. */
const looksPerSave = 60

/** Saves the age once an hour. A step of the clock by more than a day is logged. */
async function openAgeClock({ disk, timing, log, lifecycle }: BridgeEnv): Promise<AgeClock> {
  const age = createAgeClock(disk.store, timing.nowMs)
  await age.save()
  const note = 'smets1 pending --confirm-clock says that it is right; until then no response is given up by age'
  let reportedMs = 0
  let looks = 0
  let timer = timing.after(lookEveryMs, look)
  lifecycle.own(() => {
    timer.cancel()
    return age.save()
  })

  function look(): void {
    timer = timing.after(lookEveryMs, look)
    const jumpMs = age.jumpMs()
    if (jumpMs > reportedMs) log('clock jumped', { hours: jumpMs / 3_600_000, note })
    looks += 1
    if (jumpMs === reportedMs && looks % looksPerSave !== 0) return
    reportedMs = jumpMs
    age.save().catch((error: Error) => log('delivery failed', { problem: error.message }))
  }

  return age
}

function* requestSlots({ entries }: Outbox): Iterable<number> {
  for (const { requestSlot } of entries.values()) if (requestSlot !== undefined) yield requestSlot
}

/** Opens the outbox. What has reached its age limit while the bridge did not run is destroyed before this resolves. */
export async function openDelivery(env: BridgeEnv, config: BridgeConfig, recorder: Recorder): Promise<OpenDelivery> {
  const { disk, network, timing, parties, log, randomBytes } = env
  const { store, outboxKeys: keys, requestKeys } = disk
  const { nowMs } = timing
  const age = await openAgeClock(env)
  watchDisk(env)
  const report = (event: DeliveryEvent) => {
    const { event: name, ...fields } = event
    log(name, fields)
    recorder.delivery(event)
  }
  const givenUp = ({ id: requestId, tries }: { id: string; tries: number }, problem: string) =>
    report({ event: 'not delivered', requestId, url: '', tries, problem, state: 'given up' })
  const { outbox: limits } = config
  const outbox = openOutbox({ store, keys, requestKeys, randomBytes, age, nowMs, limits, givenUp })
  const accepted = openAcceptedStore(store, requestKeys, randomBytes, requestSlots(outbox))
  await outbox.expire()
  const delivery = createDelivery({
    outbox,
    post: network.post,
    timing,
    report,
    failed: (error) => log('delivery failed', { problem: error.message }),
    termsOf: pushTermsByUrl(parties.registry),
    addressOf: (user) => parties.registry().user(user)?.callback,
  })
  env.lifecycle.own(delivery.stop)
  const awaited = (id: string) => accepted.get(id)?.mailbox
  const mailbox = createMailbox({ outbox, delivery, randomBytes, awaited })
  const confirmAge = () => {
    age.confirm()
    return age.save()
  }
  return { ...delivery, mailbox, accepted, confirmAge, trouble: () => diskTrouble(disk) }
}
