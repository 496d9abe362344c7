// Callbacks of a bench's Users: what they were sent, and what they answer.

import type { Post } from '../host/delivery/delivery.ts'
import { parseResponse, type ServiceResponse } from '../host/duis/read-response.ts'
import type { VirtualClock } from './virtual-clock.ts'

/**
 * HTTP status with which a User answers a push, or what goes wrong with it; at once, or later. `timeoutMs`: how long the
 * bridge waits for it.
 */
export type UserAnswer = (push: Push) => number | string | Promise<number | string>

/** A response on its way to a User. */
export interface Push {
  url: string
  xml: string
  explanation: string | undefined
  timeoutMs: number
  /** Which push it is of all to this bench's Users, from 1. */
  number: number
}

export interface Callback {
  url: string
  xml: string
  atMs: number
  /** HTTP status that the User answered. */
  status: number
  response: ServiceResponse
  explanation: string | undefined
}

/** The Users at the other end of the network: what they were sent, and what they answer. */
export function createUsers(check: (xml: string) => void, clock: VirtualClock) {
  const callbacks: Callback[] = []
  let answerOf: UserAnswer = () => 204
  let delivered: (callback: Callback) => void = () => {}
  return {
    callbacks,
    answer(how: UserAnswer) {
      answerOf = how
    },
    /** Calls back with each response after a User has answered it. */
    onCallback(call: (callback: Callback) => void) {
      delivered = call
    },
    postOf(isAlive: () => boolean): Post {
      return async (url, xml, timeoutMs, explanation) => {
        if (!isAlive()) return new Promise<never>(() => {})
        check(xml)
        const answer = answerOf({ url, xml, explanation, timeoutMs, number: callbacks.length + 1 })
        const outcome = typeof answer === 'object' ? await inTime(answer, timeoutMs, clock) : answer
        if (typeof outcome === 'string') throw new Error(outcome)
        const parsed = parseResponse(Buffer.from(xml))
        if (!parsed.ok) throw new Error(parsed.detail)
        const callback = { url, xml, atMs: clock.nowMs(), status: outcome, response: parsed.response, explanation }
        callbacks.push(callback)
        delivered(callback)
        return outcome
      }
    },
  }
}

/** The User's answer, or that there was none. */
async function inTime(answer: Promise<number | string>, timeoutMs: number, clock: VirtualClock) {
  let timer: { cancel(): void } | undefined
  const late = new Promise<string>((resolve) => {
    timer = clock.after(timeoutMs, () => resolve('no answer in time'))
  })
  return Promise.race([answer, late]).finally(() => timer?.cancel())
}
