// A bridge that can begin a new life while its environment goes on: listeners, store, audit trail and files stay open.

import type { BridgeConfig } from '../config/config.ts'
import type { Mailbox } from '../delivery/mailbox.ts'
import type { DuisEndpoint } from '../requests/duis-endpoint.ts'
import type { BridgeEnv, Served } from './env.ts'
import { createLife, type Life, ResetError } from './life.ts'
import { type Bridge, startBridge } from './start-bridge.ts'

export interface Lives {
  /** The bridge of the present life, whichever that is. */
  bridge: Bridge
  /**
   * Ends this life at once: requests under way are not answered. Then `renew` makes everything as it is to be, and the next
   * life begins. Requests that come meanwhile wait. What `renew` or the start throws is thrown, and no life goes on.
   */
  reset(renew: () => Promise<void>): Promise<void>
}

interface Current {
  life: Life
  bridge: Bridge
}

/** @throws CommandError as `startBridge` does */
export async function startLives(env: BridgeEnv, config: BridgeConfig): Promise<Lives> {
  let current: Promise<Current> | undefined
  let served: Served | undefined
  let now: Current | undefined

  /** The listeners of the first life serve all of them. */
  const serve: BridgeEnv['network']['serve'] =
    env.network.serve &&
    (async (receive, mailbox) => {
      served ??= await env.network.serve?.(toPresent(receive), presentMailbox(mailbox))
      if (served === undefined) throw new Error('this environment serves nothing')
      return served
    })

  /** What is asked of the bridge of the moment; of the first one before it has started. */
  const toPresent =
    (first: DuisEndpoint): DuisEndpoint =>
    async (...request) => {
      const present = now ?? (await current)
      if (present === undefined) return first(...request)
      return Promise.race([present.bridge.receive(...request), present.life.ended])
    }
  const presentMailbox = (first: Pick<Mailbox, 'fetch' | 'take'>): Pick<Mailbox, 'fetch' | 'take'> => ({
    fetch: (location) => (now?.bridge.delivery.mailbox ?? first).fetch(location),
    take: (location) => (now?.bridge.delivery.mailbox ?? first).take(location),
  })

  async function begin(): Promise<Current> {
    const life = createLife(env)
    const bridge = await startBridge({ ...life.env, network: { ...life.env.network, ...(serve && { serve }) } }, config)
    now = { life, bridge }
    return now
  }

  // Before the listeners, which are then closed first.
  env.lifecycle.own(async () => (await current)?.bridge.stop())
  current = begin()
  await current.catch(async (error: unknown) => {
    current = undefined
    await env.lifecycle.close()
    throw error
  })
  const present = (): Bridge => {
    if (now === undefined) throw new ResetError('the bench is being reset: try again')
    return now.bridge
  }
  return {
    bridge: presentBridge(present, env),
    async reset(renew) {
      const last = now
      if (last === undefined) throw new ResetError('the bench is being reset: try again')
      now = undefined
      current = last.life.end().then(renew).then(begin)
      await current
    },
  }
}

/** A bridge that is always the present one. */
function presentBridge(present: () => Bridge, { lifecycle }: BridgeEnv): Bridge {
  return {
    receive: (...request) => present().receive(...request),
    get served() {
      return present().served
    },
    get delivery() {
      return present().delivery
    },
    get schedules() {
      return present().schedules
    },
    evictDevice: (eui, why) => present().evictDevice(eui, why),
    setMeterClock: (device, confirmed) => present().setMeterClock(device, confirmed),
    partiesChanged: (before) => present().partiesChanged(before),
    get total() {
      return present().total
    },
    stop: lifecycle.close,
  }
}
