// The Users of the bridge bench, in a process of their own: they send signed requests and take the responses.
// Started by bridge.ts; told what to do, and telling what came of it, by messages between the processes.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Agent, request } from 'undici'

/** A signed request and its RequestID. */
export interface Signed {
  id: string
  xml: string
}

/** Send these to `url`, at most `inFlight` at a time; the answer is a `Taken`. */
export interface Send {
  url: string
  requests: Signed[]
  inFlight: number
}

export interface Taken {
  /** Milliseconds of each request to its acknowledgement and to its response. */
  ackMs: number[]
  finalMs: number[]
  /** Milliseconds from the first request to the last response. */
  tookMs: number
  /** Processor time of this process meanwhile, microseconds. */
  cpuMicros: number
  /** What went wrong, if anything did. */
  problem?: string
}

const headBytes = 1024
/** A bridge that sheds load asks to come again; on a machine with other work it does so early. */
const retryMs = 100

const waiting = new Map<string, () => void>()

const user = createServer((incoming, response) => {
  // What is looked for stands in the header, which comes first.
  let head = ''
  incoming.on('data', (bytes: Buffer) => {
    if (head.length < headBytes) head += bytes.toString('latin1', 0, headBytes)
  })
  incoming.on('end', () => {
    response.writeHead(204).end()
    const id = /RequestID>([^<]+)</.exec(head)?.[1] ?? ''
    if (head.includes('ResponseCode>I0<')) waiting.get(id)?.()
  })
})

async function post(url: string, agent: Agent, xml: string): Promise<void> {
  const headers = { 'content-type': 'application/xml' }
  const options = { method: 'POST', dispatcher: agent, headers, body: xml } as const
  const { statusCode, body } = await request(`${url}/api/v1/serviceS`, options)
  if (statusCode === 503) {
    await body.dump()
    await new Promise((resolve) => setTimeout(resolve, retryMs))
    return post(url, agent, xml)
  }
  const code = /ResponseCode>([^<]+)</.exec(await body.text())?.[1]
  if (code !== 'I99') throw new Error(`a request got ${code ?? `HTTP ${statusCode}`}`)
}

async function send({ url, requests, inFlight }: Send): Promise<Taken> {
  const agent = new Agent({ connections: inFlight })
  const taken: Taken = { ackMs: [], finalMs: [], tookMs: 0, cpuMicros: 0 }
  let next = 0
  async function worker(): Promise<void> {
    while (next < requests.length) {
      const { id, xml } = requests[next++]!
      const startMs = performance.now()
      const final = new Promise<void>((resolve) => waiting.set(id, resolve))
      await post(url, agent, xml)
      taken.ackMs.push(performance.now() - startMs)
      await final
      waiting.delete(id)
      taken.finalMs.push(performance.now() - startMs)
    }
  }
  const startMs = performance.now()
  const cpu = process.cpuUsage()
  await Promise.all(Array.from({ length: inFlight }, worker))
  taken.tookMs = performance.now() - startMs
  const { user, system } = process.cpuUsage(cpu)
  taken.cpuMicros = user + system
  await agent.close()
  return taken
}

user.listen(0, '127.0.0.1', () =>
  process.send!({ callback: `http://127.0.0.1:${(user.address() as AddressInfo).port}/` }),
)
process.on('message', (message: Send) => {
  send(message).then(
    (taken) => process.send!(taken),
    (error: Error) => process.send!({ ackMs: [], finalMs: [], tookMs: 0, cpuMicros: 0, problem: error.message }),
  )
})
process.on('disconnect', () => process.exit(0))
