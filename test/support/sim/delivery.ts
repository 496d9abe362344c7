// A delivery over a store in memory, as the bridge makes it.

import { randomBytes } from 'node:crypto'
import { bridgeTables, type Tables } from '../../../host/bridge/tables.ts'
import { createAgeClock } from '../../../host/delivery/age-clock.ts'
import { giveUpAfterMs } from '../../../host/delivery/age-limit.ts'
import { createDelivery, type DeliveryParts } from '../../../host/delivery/delivery.ts'
import { openOutbox } from '../../../host/delivery/outbox.ts'
import type { OutboxLimits } from '../../../host/delivery/outbox-limits.ts'
import { createKeySlots, createMemoryKeyFile } from '../../../host/store/key-slots.ts'
import { createMemoryStore, type Store } from '../../../host/store/store.ts'
import type { Timing } from '../../../host/wan/timing.ts'

export const usualLimits: OutboxLimits = { ageMs: giveUpAfterMs, countMax: 10_000, bytesMax: 1e9 }

/** What outlives a bridge. */
export function createOutboxDisk(store: Store<Tables> = createMemoryStore(bridgeTables)) {
  return { store, keyFile: createMemoryKeyFile() }
}

export async function startDelivery(
  { store, keyFile }: ReturnType<typeof createOutboxDisk>,
  timing: Timing,
  parts: Pick<DeliveryParts, 'post'> & Partial<DeliveryParts>,
  limits = usualLimits,
) {
  const givenUp: string[] = []
  const age = createAgeClock(store, timing.nowMs)
  const outbox = openOutbox({
    store,
    keys: createKeySlots(keyFile, randomBytes),
    requestKeys: { release() {} },
    randomBytes,
    age,
    nowMs: timing.nowMs,
    limits,
    givenUp: ({ id }) => void givenUp.push(id),
  })
  await age.save()
  await outbox.expire()
  const delivery = createDelivery({ outbox, timing, report() {}, failed() {}, ...parts })
  return { ...delivery, outbox, givenUp, age }
}
