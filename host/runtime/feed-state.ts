// Registration messages on a state directory: a bridge may run meanwhile, and follows what they change within a second.

import { registryTables } from '../access/registry-store.ts'
import type { BridgeConfig } from '../config/config.ts'
import { createFeed, type Feed } from '../feed/feed.ts'
import { type FeedStore, feedTables } from '../feed/feed-store.ts'
import { defaultFeedPolicy, type FeedPolicy } from '../feed/judge.ts'
import type { FeedAnswer, RegistrationMessage } from '../feed/message.ts'
import type { StatePaths } from '../state/state-directory.ts'
import { openLmdbStore } from '../store/lmdb.ts'
import { tryChange } from './hold-state.ts'
import { openRegistryStore, takeRegistryFile } from './state-registry.ts'

export function feedPolicyOf({ feedMpansMax: mpansMax, exportRights }: BridgeConfig): FeedPolicy {
  return { ...defaultFeedPolicy, mpansMax, exportFollowsImport: exportRights === 'import' }
}

export const openFeedStore = ({ store }: StatePaths): FeedStore =>
  openLmdbStore(store, { ...registryTables, ...feedTables })

/** Calls `act` with the feed of a state directory, while nobody else changes its registry. */
export async function withFeed<Result>(
  paths: StatePaths,
  policy: FeedPolicy,
  nowMs: (message?: RegistrationMessage) => number,
  act: (feed: Feed) => Promise<Result>,
): Promise<Result> {
  // Refuses a state of version 0.1, which has no such tables.
  const registry = openRegistryStore(paths)
  const store = openFeedStore(paths)
  try {
    return await tryChange(paths, async () => {
      await takeRegistryFile(paths, registry, nowMs())
      return act(createFeed({ store, policy, nowMs }))
    })
  } finally {
    await store.close()
  }
}

/** The feed of a running bridge: messages that come while others are being written go together. */
export function createFeedQueue(
  paths: StatePaths,
  feed: Feed,
): { apply(values: readonly unknown[]): Promise<FeedAnswer[]> } {
  type Waiting = { values: readonly unknown[]; resolve(answers: FeedAnswer[]): void; reject(error: unknown): void }
  let waiting: Waiting[] = []
  let isBusy = false

  async function drain(): Promise<void> {
    isBusy = true
    while (waiting.length > 0) {
      const taken = waiting
      waiting = []
      try {
        const answers = await tryChange(paths, () => feed.apply(taken.flatMap(({ values }) => values)))
        let from = 0
        for (const { values, resolve } of taken) {
          resolve(answers.slice(from, from + values.length))
          from += values.length
        }
      } catch (error) {
        for (const { reject } of taken) reject(error)
      }
    }
    isBusy = false
  }

  return {
    apply: (values) =>
      new Promise((resolve, reject) => {
        waiting.push({ values, resolve, reject })
        if (!isBusy) void drain()
      }),
  }
}
