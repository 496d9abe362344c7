// The Users of a bench: their requests, the responses that they get, and what they answer to callbacks.

import type { Registry, User } from '../host/access/parties.ts'
import { srvRow, srvTable } from '../host/catalogue/srv-table.ts'
import { bodyRow } from '../host/duis/bodies.ts'
import { formatRequest, type ReadFields } from '../host/duis/format.ts'
import { requestIdOf } from '../host/duis/request.ts'
import { signDocument } from '../host/duis/sign.ts'
import type { Poster } from '../host/http/post.ts'
import { CommandError, ConfigurationError, exitCode } from '../host/state/errors.ts'
import { dayMs } from '../protocol/half-hour.ts'
import type { createBench } from './bench.ts'
import { benchResponse, parsed } from './bench-answer.ts'
import type { BenchAnswer, BenchResponse, CallbackAnswer, ReadOptions } from './bench-api.ts'
import type { Callback, Push } from './bench-callbacks.ts'
import { callbackOf, esme, type exportParties } from './bench-parties.ts'
import { durationMs, instantMs } from './instants.ts'
import { registryOf } from './registry-of.ts'
import type { SimulatedPki } from './simulated-env.ts'
import type { VirtualClock } from './virtual-clock.ts'

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

interface SignedRequest {
  xml: string
  /** RequestID in upper case. */
  id: string
}

/** What a request's body says. @throws CommandError */
function fieldsOf(srv: string, options: ReadOptions, nowMs: number): ReadFields {
  const fields: ReadFields = options.forSettlement === true ? { forSettlement: true } : {}
  if (options.executionAt !== undefined) fields.executionMs = instantMs(options.executionAt, 'executionAt')
  const today = Math.floor(nowMs / dayMs) * dayMs
  if (bodyRow(srvRow(srv)?.bodyName ?? '')?.kind === 'log') {
    const startMs = instantMs(options.from ?? today - dayMs, 'from')
    fields.period = { startMs, endMs: instantMs(options.to ?? today, 'to') }
  } else if (options.from !== undefined || options.to !== undefined) {
    throw new CommandError(exitCode.usage, `${srv} reads registers as they are: it takes no from and to`)
  }
  return fields
}

/** Makes signed requests, with counters that increase. */
function createRequests(clock: VirtualClock, pki: SimulatedPki, userOf: (name: string) => User) {
  let counter = 0n
  /** @throws CommandError */
  return (srv: string, options: ReadOptions): SignedRequest => {
    const row = srvRow(srv)
    if (row === undefined || row.endpoint !== 'serviceS' || !row.handled) {
      const reads = srvTable.filter(({ endpoint, handled }) => endpoint === 'serviceS' && handled)
      const known = reads.map(({ variant }) => variant).join(', ')
      throw new CommandError(exitCode.usage, `${srv} is no read of a device; there are ${known}`)
    }
    const user = userOf(options.as ?? 'supplier')
    const now = BigInt(Math.floor(clock.nowMs()))
    counter = counter < now ? now : counter + 1n
    const requestId = requestIdOf(user.eui, esme, counter)
    const body = { ...fieldsOf(srv, options, clock.nowMs()), requestId, serviceReferenceVariant: srv }
    return { xml: signDocument(formatRequest(body), pki.identity(user.name).signer), id: requestId.text.toUpperCase() }
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
    return poster.post(url, xml, timeoutMs, explanation).catch((error: Error) => error.message)
  }

  bench.usersAnswer((push) => {
    const user = users().find(({ callback }) => callback === push.url)
    const fault = faults.get(user?.name ?? '')
    if (fault !== undefined) return fault
    return push.url === callbackOf(user?.name ?? '') ? 204 : bench.clock.hold(postOutside(push))
  })
  bench.onCallback((callback) => {
    const id = callback.response.requestId?.text.toUpperCase() ?? ''
    if (isTaken(callback)) waiting.get(id)?.(callback)
  })
  return { waiting, faults, close: async () => poster?.end() }
}

export function createBenchUsers({ bench, pki, parties, defaultTimeoutMs }: UserParts) {
  const { clock } = bench
  const registry = registryFrom(parties)
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

  async function read(srv: string, options: ReadOptions = {}): Promise<BenchAnswer> {
    const timeoutMs = durationMs(options.timeout ?? defaultTimeoutMs, 'timeout')
    const { xml, id } = request(srv, options)
    const askedMs = clock.nowMs()
    const delivered = new Promise<Callback>((resolve) => {
      waiting.set(id, resolve)
    })
    let timer: { cancel(): void } | undefined
    try {
      const answer = await clock.run(bench.bridge().receive('serviceS', Buffer.from(xml), true))
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
    close,
  }
}
