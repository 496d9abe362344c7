// The reference settlement collector: makes its schedules, takes what they bring, and asks on demand for what they did not.
//
// It decides by its store and the time alone: `tick` does what is due now, whenever it is called. After a kill it goes on from
// the store.

import { createAsks } from './asks.ts'
import type { CollectorEnv, CollectorSettings } from './env.ts'
import { openDays } from './kept.ts'
import { createLook } from './look.ts'
import { type Agreement, agreementKey, boundsOf } from './portfolio.ts'
import { createReceiver } from './receive.ts'
import { createWork, setDay, type Work } from './work.ts'

export interface Collector {
  /** Does what is due. Resolves when all that it has sent is acknowledged, or could not be. */
  tick(): Promise<void>
  /** Takes a message of the DCC: true when it is kept (204), false when it is refused. */
  receive(bytes: Uint8Array): Promise<boolean>
  /** Adds agreements, or gives those that are there another end or consent. Resolves when they are on disk. */
  take(agreements: readonly Agreement[]): Promise<void>
  works(): Iterable<Work>
}

/** An agreement is looked at so often at least. */
const lookEveryMs = 30 * 60_000

const keysEnd = '\uffff'

/** Opens what is kept: the states of half-hours in memory, the values stay sealed. */
function openWorks({ store, sealing }: CollectorEnv): Map<string, Work> {
  const works = new Map<string, Work>()
  for (const { key, value } of store.range('agreements', '', keysEnd)) works.set(key, createWork(value))
  for (const work of works.values()) {
    for (const { day, kept } of openDays(store, sealing, work.row.agreement.mpan)) setDay(work, day, kept)
  }
  return works
}

/** At most so many tasks at once. */
async function inParallel<Item>(items: readonly Item[], most: number, task: (item: Item) => Promise<void>) {
  const waiting = items.values()
  const workers = Array.from({ length: Math.min(most, items.length) }, async () => {
    for (const item of waiting) await task(item)
  })
  await Promise.all(workers)
}

/** @throws Error when the store cannot be opened with this key */
export function openCollector(env: CollectorEnv, settings: CollectorSettings): Collector {
  const works = openWorks(env)
  const asked = new Map<string, Work>()
  for (const work of works.values()) if (work.row.asking) asked.set(work.row.asking.requestId.toUpperCase(), work)
  const schedules = new Map<bigint, Work>()
  const noteSchedules = (work: Work) => {
    for (const { id } of work.row.plans) if (id !== undefined) schedules.set(BigInt(id), work)
  }
  for (const work of works.values()) noteSchedules(work)
  const asks = createAsks(env, settings, asked)
  const receiver = createReceiver({
    ...{ env, settings, asks, asked },
    works: () => works.values(),
    bySchedule: (id) => schedules.get(id),
  })

  const look = createLook({ env, settings, asks, failed: receiver.failed, asked, noteSchedules })

  async function lookAt(work: Work): Promise<void> {
    work.busy = true
    work.lookMs = env.nowMs() + lookEveryMs
    try {
      await look(work)
    } catch (error) {
      env.log({ event: 'fault', problem: (error as Error).message })
    } finally {
      work.busy = false
    }
  }

  return {
    async tick() {
      const nowMs = env.nowMs()
      const due = [...works.values()].filter(({ lookMs, busy }) => lookMs <= nowMs && !busy)
      await inParallel(due, settings.parallel, lookAt)
    },
    receive: receiver.receive,
    async take(agreements) {
      for (const agreement of agreements) {
        const key = agreementKey(agreement)
        const before = works.get(key)
        const fresh = { plans: [], failed: [], tries: 0, nextMs: 0, place: works.size + 1 }
        const work = before ?? createWork({ ...fresh, agreement })
        // A portfolio that names no end does not take back one that a stop message has set.
        const to = agreement.to ?? before?.row.agreement.to
        work.row.agreement = { ...agreement, ...(to !== undefined && { to }) }
        Object.assign(work, boundsOf(work.row.agreement), { lookMs: 0 })
        works.set(key, work)
        await asks.keep(work)
      }
    },
    works: () => works.values(),
  }
}
