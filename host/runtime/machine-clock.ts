// The clock that a bridge on this machine runs by: the machine's own, or a virtual one (`smets1 up --virtual-time`). Disk,
// threads and network end in real time, so a virtual clock is told of each such work and lets no time pass meanwhile.

import { fdatasync } from 'node:fs'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { batchMs } from '../audit/service-audit-trail.ts'
import type { HourlyKeys } from '../cache/hourly-keys.ts'
import type { Post } from '../delivery/delivery.ts'
import type { Verify } from '../pki/public-key.ts'
import type { Store } from '../store/store.ts'
import { type OpenPort, openPort } from '../wan/bindings.ts'
import type { Timing } from '../wan/timing.ts'
import { systemTiming } from './system-timing.ts'

export interface MachineClock {
  kind: 'real' | 'virtual'
  timing: Timing
  /** Tells the clock of work that ends in real time; `what` it is, where a user is to know. Answers the same promise. */
  hold<T>(work: Promise<T>, what?: string | (() => string)): Promise<T>
  /** Called with how many requests the bridge is answering, whenever that changes and when an exchange has ended. */
  answering(requests: number): void
  /** Opens a line that runs by this clock. */
  openPort: OpenPort
}

export const systemClock: MachineClock = {
  kind: 'real',
  timing: systemTiming,
  hold: (work) => work,
  answering() {},
  openPort,
}

/** The least real time that a User has for an answer on virtual time, where its own limit would pass only after it. */
const virtualPushMs = 60_000

const sync = promisify(fdatasync)

/** How the audit trail writes: on virtual time without a pause between batches, so that an acknowledgement takes no time. */
export function trailTiming({ kind, timing, hold }: MachineClock) {
  return { timing, batchMs: kind === 'virtual' ? 0 : batchMs, sync: (file: number) => hold(sync(file)) }
}

export function heldStore<Tables>(store: Store<Tables>, { hold }: MachineClock): Store<Tables> {
  return {
    ...store,
    put: (table, key, value) => hold(store.put(table, key, value)),
    remove: (table, key) => hold(store.remove(table, key)),
    write: (fill) => hold(store.write(fill)),
    close: () => hold(store.close()),
  }
}

/** On virtual time a minute is soon over: the greatest time is written to the disk each hour only. */
export function cacheKeysBy({ kind }: MachineClock, keys: HourlyKeys): HourlyKeys {
  return kind === 'virtual' ? { ...keys, sweep: keys.observe } : keys
}

export const heldVerify =
  (verify: Verify, { hold }: MachineClock): Verify =>
  (...parts) =>
    hold(verify(...parts))

export function heldPost(post: Post, { kind, hold }: MachineClock): Post {
  if (kind === 'real') return post
  return (url, body, timeoutMs, explanation) =>
    hold(
      post(url, body, Math.max(timeoutMs, virtualPushMs), explanation),
      `the User at ${url}, who was sent a response`,
    )
}

/** The header of every answer and push on virtual time: whose time their stamps are. */
export function clockHeaders({ kind, timing }: Pick<MachineClock, 'kind' | 'timing'>): { [name: string]: string } {
  return kind === 'real' ? {} : { 'smets1-clock': `virtual ${new Date(timing.nowMs()).toISOString()}` }
}

/**
 * Tells the clock of the exchanges that a server has with Users: from the first line of a request until its answer has left. What
 * the bridge does in between holds the clock itself where it must, and may need time to pass.
 * @returns what the server is to answer with
 */
export function holdExchanges<Args extends unknown[], Answer>(
  receive: (...args: Args) => Promise<Answer>,
  clock: Omit<MachineClock, 'openPort'>,
): { receive: typeof receive; watch(server: Server): void } {
  if (clock.kind === 'real') return { receive, watch() {} }
  const open = new Set<string>()
  let receiving = 0
  let release: (() => void) | undefined

  function update(): void {
    const isHeld = open.size > receiving
    if (isHeld && release === undefined) {
      const ended = new Promise<void>((resolve) => {
        release = resolve
      })
      void clock.hold(ended, () => [...open].join(', and for '))
    } else if (!isHeld) {
      release?.()
      release = undefined
    }
  }

  return {
    async receive(...args) {
      receiving += 1
      update()
      clock.answering(receiving)
      try {
        return await receive(...args)
      } finally {
        receiving -= 1
        update()
        clock.answering(receiving)
      }
    },
    watch(server) {
      const opened = (request: IncomingMessage, response: ServerResponse) => {
        for (const [name, value] of Object.entries(clockHeaders(clock))) response.setHeader(name, value)
        const { remoteAddress = 'a client', remotePort } = request.socket
        const who = `the User at ${remoteAddress}:${remotePort}, whose ${request.method} ${request.url} is open`
        open.add(who)
        update()
        response.once('close', () => {
          open.delete(who)
          update()
          clock.answering(receiving)
        })
      }
      // Before those that answer.
      server.prependListener('request', opened)
      // A request with `expect: 100-continue`. With a listener for it, Node no longer says 100 (Continue) itself.
      if (server.listenerCount('checkContinue') > 0) server.prependListener('checkContinue', opened)
    },
  }
}
