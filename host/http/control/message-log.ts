// The last messages between Users and the bridge. In memory only: responses hold readings, which are nowhere at rest in clear.

import type { BridgeNetwork } from '../../bridge/env.ts'
import type { Mailbox } from '../../delivery/mailbox.ts'
import type { DuisEndpoint } from '../../requests/duis-endpoint.ts'

/** A message as it was received or sent. */
export interface Message {
  /** Counts up from 1. */
  number: number
  /** Milliseconds of UTC. */
  atMs: number
  kind: 'request' | 'acknowledgement' | 'response'
  /** Path of the request, or address to which the response was sent. */
  address: string
  /** How long it took until the bridge, or the User, had answered. */
  tookMs: number
  /** HTTP status, or what went wrong. */
  outcome: number | string
  xml: Buffer
}

export const messageLimits = { messages: 2_000, bytes: 64 * 1024 * 1024 }

export interface MessageLog {
  add(message: Omit<Message, 'number'>): void
  get(number: number): Message | undefined
  /** The newest first. */
  all(): Iterable<Message>
  count(): number
  clear(): void
}

export function createMessageLog({ messages, bytes } = messageLimits): MessageLog {
  const kept = new Map<number, Message>()
  let keptBytes = 0
  let last = 0

  function dropOldest(): void {
    for (const [number, { xml }] of kept) {
      if (kept.size <= messages && keptBytes <= bytes) return
      kept.delete(number)
      keptBytes -= xml.length
    }
  }

  return {
    add(message) {
      last += 1
      kept.set(last, { number: last, ...message })
      keptBytes += message.xml.length
      dropOldest()
    },
    get: (number) => kept.get(number),
    *all() {
      // Newer messages may come while a reader pauses.
      for (const number of [...kept.keys()].reverse()) {
        const message = kept.get(number)
        if (message !== undefined) yield message
      }
    },
    count: () => kept.size,
    clear() {
      kept.clear()
      keptBytes = 0
    },
  }
}

/** Wraps what messages pass through, so that they are recorded. */
export function createMessageRecorder(log: MessageLog, nowMs: () => number) {
  const add = (
    kind: Message['kind'],
    address: string,
    xml: Uint8Array | string,
    sinceMs: number,
    outcome: Message['outcome'],
  ) => {
    const atMs = nowMs()
    log.add({ kind, address, xml: Buffer.from(xml), atMs, tookMs: atMs - sinceMs, outcome })
  }

  const receive =
    (take: DuisEndpoint): DuisEndpoint =>
    async (endpoint, body, wantsExplanation, peer) => {
      const sinceMs = nowMs()
      const address = `/api/v1/${endpoint}`
      try {
        const answer = await take(endpoint, body, wantsExplanation, peer)
        add('request', address, body, sinceMs, 200)
        add('acknowledgement', address, answer.xml, sinceMs, 200)
        return answer
      } catch (error) {
        add('request', address, body, sinceMs, 500)
        throw error
      }
    }

  const mailbox = ({ fetch, take }: Pick<Mailbox, 'fetch' | 'take'>): Pick<Mailbox, 'fetch' | 'take'> => ({
    take,
    fetch(location) {
      const found = fetch(location)
      // The location is a secret: whoever has it can fetch the response.
      if (found.state === 'ready') add('response', 'mailbox', found.xml, nowMs(), 200)
      return found
    },
  })

  const network = ({ post, serve }: BridgeNetwork): BridgeNetwork => ({
    async post(url, body, timeoutMs, explanation) {
      const sinceMs = nowMs()
      try {
        const answer = await post(url, body, timeoutMs, explanation)
        add('response', url, body, sinceMs, typeof answer === 'number' ? answer : answer.status)
        return answer
      } catch (error) {
        add('response', url, body, sinceMs, (error as Error).message)
        throw error
      }
    },
    ...(serve && { serve: (take, box) => serve(receive(take), mailbox(box)) }),
  })

  return { receive, network }
}
