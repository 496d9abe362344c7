// The Users of the overload bench, in a process of their own: they send signed requests at a fixed rate, whatever comes back,
// and take the responses. Started by overload.ts with a state directory.

import type { AddressInfo } from 'node:net'
import { formatRequest } from '../../host/duis/format.ts'
import { requestIdOf } from '../../host/duis/request.ts'
import { signDocument } from '../../host/duis/sign.ts'
import { loadIdentity } from '../../host/pki/test-pki.ts'
import { statePaths } from '../../host/state/state-directory.ts'
import { dayMs } from '../../protocol/half-hour.ts'
import { euiOf } from './cached-devices.ts'
import { createRawClient, createRawUser } from './raw-http.ts'
import { quantile } from './row.ts'

/** Sends `count` requests: `perSecond` of them, or as fast as `inFlight` of them are answered by their responses. */
export interface Task {
  url: string
  count: number
  devices: number
  perSecond?: number
  inFlight?: number
}

export interface Outcome {
  tookMs: number
  /** Requests a second that were sent, as the generator came to it. */
  sentPerSecond: number
  accepted: number
  shed: number
  /** Any other answer, or none. */
  failed: number
  /** Accepted, and no response until the end; and responses beyond the first. */
  lost: number
  twice: number
  /** Milliseconds within which half and 99 % were acknowledged (I99), turned away (503), and had their response. */
  ackMs: [number, number]
  shedMs: [number, number]
  finalMs: [number, number]
  /** Milliseconds from the last request to the last response. */
  drainMs: number
  problem?: string
}

/** Users come from several addresses of this machine: one peer may not have all connections. */
const addresses = ['127.0.0.2', '127.0.0.3', '127.0.0.4', '127.0.0.5']
const connectionsEach = 150
/** How long responses are waited for at the end. */
const lastMs = 120_000

const identity = loadIdentity(statePaths(process.argv[2] ?? '').pki, 'supplier')
let counter = BigInt(Date.now())

function signedRequest(device: string): { id: string; xml: string } {
  counter += 1n
  const requestId = requestIdOf(identity.eui, device, counter)
  const today = Math.floor(Date.now() / dayMs) * dayMs
  const period = { startMs: today - dayMs, endMs: today }
  const xml = signDocument(formatRequest({ requestId, serviceReferenceVariant: '4.8.1', period }), identity.signer)
  return { id: requestId.text, xml }
}

/** Responses so far, by RequestID. */
const responses = new Map<string, number>()
let answered: (id: string) => void = () => {}

const headBytes = 1024
const user = createRawUser((body) => {
  // What is looked for stands in the header, which comes first.
  const id = /RequestID>([^<]+)</.exec(body.toString('latin1', 0, headBytes))?.[1]
  if (id === undefined) return
  responses.set(id, (responses.get(id) ?? 0) + 1)
  answered(id)
})

type Signed = ReturnType<typeof signedRequest>
/** Sends one request; true when it was accepted. */
type Send = (one: Signed) => Promise<boolean>

/** Sends so many requests a second, whatever comes back. Resolves when the last was sent. */
async function sendAtRate(requests: readonly Signed[], send: Send, perSecond: number): Promise<Promise<unknown>[]> {
  const startMs = performance.now()
  const work: Promise<unknown>[] = []
  let next = 0
  while (next < requests.length) {
    const due = Math.floor(((performance.now() - startMs) / 1000) * perSecond) + 1
    for (const one of requests.slice(next, due)) work.push(send(one))
    next = Math.max(next, due)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  return work
}

interface ClosedParts {
  requests: readonly Signed[]
  send: Send
  /** Called when the response of a request has come. */
  waiting: Map<string, () => void>
  inFlight: number
}

/** Sends the next request when the response of one has come. */
function sendClosed({ requests, send, waiting, inFlight }: ClosedParts): Promise<unknown>[] {
  let next = 0
  const worker = async () => {
    for (let one = requests[next++]; one !== undefined; one = requests[next++]) {
      const { id } = one
      const final = new Promise<void>((resolve) => waiting.set(id, resolve))
      if (await send(one)) await final
      else waiting.delete(id)
    }
  }
  return Array.from({ length: inFlight }, worker)
}

/** Runs one task. Responses are counted for every request that was accepted. */
async function run({ url, count, devices, perSecond, inFlight }: Task): Promise<Outcome> {
  const requests = Array.from({ length: count }, (_, i) => signedRequest(euiOf(i % devices)))
  const client = createRawClient(Number(new URL(url).port), addresses, connectionsEach)
  const times = { ack: [] as number[], shed: [] as number[], final: [] as number[] }
  const sentMs = new Map<string, number>()
  const waiting = new Map<string, () => void>()
  let failed = 0
  let accepted = 0
  responses.clear()
  answered = (id) => {
    const fromMs = sentMs.get(id)
    if (fromMs !== undefined && responses.get(id) === 1) times.final.push(performance.now() - fromMs)
    waiting.get(id)?.()
    waiting.delete(id)
  }

  async function send({ id, xml }: { id: string; xml: string }): Promise<boolean> {
    sentMs.set(id, performance.now())
    try {
      const { status, body, tookMs } = await client.post('/api/v1/serviceS', xml)
      const isAccepted = status === 200 && body.includes('ResponseCode>I99<')
      if (isAccepted) times.ack.push(tookMs)
      else if (status === 503) times.shed.push(tookMs)
      else failed += 1
      if (isAccepted) accepted += 1
      else sentMs.delete(id)
      return isAccepted
    } catch {
      failed += 1
      sentMs.delete(id)
      return false
    }
  }

  const startMs = performance.now()
  const closed = { requests, send, waiting, inFlight: inFlight ?? 1 }
  const work = perSecond === undefined ? sendClosed(closed) : await sendAtRate(requests, send, perSecond)
  const sendingMs = perSecond === undefined ? 0 : performance.now() - startMs
  await Promise.all(work)
  const acknowledgedMs = performance.now()
  const missing = () => [...sentMs.keys()].filter((id) => !responses.has(id)).length
  while (missing() > 0 && performance.now() - acknowledgedMs < lastMs) await new Promise((r) => setTimeout(r, 20))
  const drainMs = performance.now() - acknowledgedMs
  // Whatever is sent twice comes soon.
  await new Promise((resolve) => setTimeout(resolve, 500))
  client.end()
  const tookMs = acknowledgedMs - startMs
  const both = (list: number[]): [number, number] => [quantile(list, 0.5), quantile(list, 0.99)]
  return {
    tookMs,
    sentPerSecond: count / ((sendingMs || tookMs) / 1000),
    accepted,
    shed: times.shed.length,
    failed,
    lost: missing(),
    twice: [...sentMs.keys()].filter((id) => (responses.get(id) ?? 0) > 1).length,
    ackMs: both(times.ack),
    shedMs: both(times.shed),
    finalMs: both(times.final),
    drainMs,
  }
}

user.listen(0, '127.0.0.1', () =>
  process.send?.({ callback: `http://127.0.0.1:${(user.address() as AddressInfo).port}/` }),
)
process.on('message', (task: Task) => {
  run(task).then(
    (outcome) => process.send?.(outcome),
    (error: Error) => process.send?.({ problem: error.stack }),
  )
})
process.on('disconnect', () => process.exit(0))
