// The Users of a bench: their requests, the responses that they get, and what they answer to callbacks.

import type { Registry, User } from '../host/access/parties.ts'
import type { Poster } from '../host/http/post.ts'
import { reservedNames } from '../host/pki/test-pki.ts'
import { CommandError, ConfigurationError, exitCode } from '../host/state/errors.ts'
import type { createBench } from './bench.ts'
import { benchResponse, parsed } from './bench-answer.ts'
import type { BenchAnswer, BenchResponse, CallbackAnswer, NewUser, ReadOptions } from './bench-api.ts'
import type { Callback, Push } from './bench-callbacks.ts'
import { callbackOf, esme, type exportParties, mpan } from './bench-parties.ts'
import { createRequests } from './bench-requests.ts'
import { durationMs } from './instants.ts'
import { registryOf } from './registry-of.ts'
import type { SimulatedPki } from './simulated-env.ts'

interface UserParts {
  bench: Awaited<ReturnType<typeof createBench>>
  pki: SimulatedPki
  parties: ReturnType<typeof exportParties>
  defaultTimeoutMs: number
}

function registryFrom(parties: unknown): Registry {
  try {
    return registryOf(parties)
  } catch (error) {
    throw new ConfigurationError((error as Error).message)
  }
}

/** Whether a User has accepted a response. */
const isTaken = ({ status }: Callback) => status >= 200 && status < 300

/** Sends responses to Users: to those of the bench, and by HTTP to servers of the caller's. */
function connectCallbacks(bench: UserParts['bench'], users: () => readonly User[]) {
  let poster: Poster | undefined
  const faults = new Map<string, CallbackAnswer>()
  /** Requests that wait for their response, by RequestID in upper case. */
  const waiting = new Map<string, (callback: Callback) => void>()

  async function postOutside({ url, xml, timeoutMs, explanation }: Push): Promise<CallbackAnswer> {
    // Few benches have callbacks of their own.
    const { createPoster } = await import('../host/http/post.ts')
    poster ??= createPoster()
    const answered = poster.post(url, xml, timeoutMs, explanation)
    return answered.then(
      (answer) => (typeof answer === 'number' ? answer : answer.status),
      (error: Error) => error.message,
    )
  }

  bench.usersAnswer((push) => {
    const user = users().find(({ callback }) => callback === push.url)
    const fault = faults.get(user?.name ?? '')
    if (fault !== undefined) return fault
    return push.url === callbackOf(user?.name ?? '')
      ? 204
      : bench.clock.hold(postOutside(push), `the User at ${push.url}, who was sent a response`)
  })
  bench.onCallback((callback) => {
    const id = callback.response.requestId?.text.toUpperCase() ?? ''
    if (isTaken(callback)) waiting.get(id)?.(callback)
  })
  return { waiting, faults, close: async () => poster?.end() }
}

/** A User's row in the registry, and its registrations. */
function rowsOf(user: NewUser, number: number) {
  const { name, roles, mpid, registeredFrom: from } = user
  const eui = user.eui ?? `90-B3-D5-1F-30-01-${hexByte(1 + (number >> 8))}-${hexByte(number)}`
  const row = { name, eui, roles, status: 'active', ...(mpid && { mpid }) }
  const registered = from === undefined ? [] : roles.filter((role) => role !== 'OU' && role !== 'GS' && role !== 'GT')
  return {
    eui,
    row: user.mailbox === true ? row : { ...row, callback: user.callback ?? callbackOf(name) },
    registrations: registered.map((role) => ({ mpan, role, mpid, from })),
  }
}

const hexByte = (value: number) => (value & 0xff).toString(16).padStart(2, '0').toUpperCase()

interface ReaderParts extends Pick<UserParts, 'bench' | 'defaultTimeoutMs'> {
  userOf(name: string): User
  request: ReturnType<typeof createRequests>
  waiting: ReturnType<typeof connectCallbacks>['waiting']
  responseOf(callback: Callback): BenchResponse
}

/** Sends requests and waits for their responses. */
function createReader({ bench, defaultTimeoutMs, userOf, request, waiting, responseOf }: ReaderParts) {
  const { clock } = bench
  /** @throws CommandError */
  return async (srv: string, options: ReadOptions = {}): Promise<BenchAnswer> => {
    if (userOf(options.as ?? 'supplier').callback === undefined) {
      throw new CommandError(exitCode.usage, `${options.as} has a mailbox: send its requests with a client of your own`)
    }
    const timeoutMs = durationMs(options.timeout ?? defaultTimeoutMs, 'timeout')
    const { xml, id } = request(srv, options)
    const askedMs = clock.nowMs()
    const delivered = new Promise<Callback>((resolve) => {
      waiting.set(id, resolve)
    })
    let timer: { cancel(): void } | undefined
    try {
      const answer = await clock.run(bench.bridge().receive('serviceS', Buffer.from(xml), true, undefined))
      const acknowledgement = parsed(answer.xml)
      const about = { xml: answer.xml, explanation: answer.headers?.['smets1-explain'], atMs: clock.nowMs() }
      const tookMs = () => clock.nowMs() - askedMs
      const { code } = acknowledgement
      if (code !== 'I99') {
        return { acknowledgement: code, ...benchResponse(acknowledgement, about, 'end'), tookMs: tookMs() }
      }
      const late = new Promise<never>((_, reject) => {
        const why = `no response to ${id} was delivered within ${timeoutMs} ms of the acknowledgement`
        timer = clock.after(timeoutMs, () => reject(new CommandError(exitCode.timedOut, why)))
      })
      const callback = await clock.run(Promise.race([delivered, late]))
      return { acknowledgement: code, ...responseOf(callback), tookMs: tookMs() }
    } finally {
      timer?.cancel()
      waiting.delete(id)
    }
  }
}

export function createBenchUsers({ bench, pki, parties, defaultTimeoutMs }: UserParts) {
  const { clock } = bench
  let registry = registryFrom(parties)
  const { waiting, faults, close } = connectCallbacks(bench, () => registry.users)

  /** @throws CommandError */
  function userOf(name: string): User {
    const user = registry.users.find((one) => one.name === name || one.eui === name.toUpperCase())
    if (user !== undefined) return user
    const names = registry.users.map((one) => one.name).join(', ')
    throw new CommandError(exitCode.usage, `no User of the bench is called ${name}; there are ${names}`)
  }

  const request = createRequests(clock, pki, userOf)

  function responseOf(callback: Callback): BenchResponse {
    return benchResponse(callback.response, callback, registry.device(esme)?.stamps ?? 'end')
  }

  const read = createReader({ bench, defaultTimeoutMs, userOf, request, waiting, responseOf })

  return {
    read,
    request,
    /** @throws CommandError */
    received(name: string): BenchResponse[] {
      const { callback } = userOf(name)
      return bench.callbacks.filter((one) => one.url === callback && isTaken(one)).map(responseOf)
    },
    answerCallbacks(name: string, answer: CallbackAnswer | undefined): void {
      const user = userOf(name)
      if (answer === undefined) faults.delete(user.name)
      else faults.set(user.name, answer)
    },
    /** @throws ConfigurationError */
    add(user: NewUser): { name: string; eui: string } {
      const { name } = user
      if (!/^[\w.-]{1,100}$/.test(name) || reservedNames.includes(name)) {
        const why = `a User's name has letters, digits, ".", "-" and "_", and is none of ${reservedNames.join(', ')}`
        throw new ConfigurationError(`${why}; not ${JSON.stringify(name)}`)
      }
      if (registry.users.some((one) => one.name === name))
        throw new ConfigurationError(`there is a User ${name} already`)
      const { eui, row, registrations } = rowsOf(user, registry.users.length)
      const next = {
        ...parties,
        users: [...parties.users, row],
        registrations: [...parties.registrations, ...registrations],
      }
      registry = registryFrom(next)
      pki.add({ name, eui })
      Object.assign(parties, next)
      bench.bridge().partiesChanged(bench.setParties(next))
      return { name, eui }
    },
    close,
  }
}
