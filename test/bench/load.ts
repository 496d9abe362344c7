// The Users of the bridge bench, in a process of their own: they send signed requests and take the responses.
// Started by bridge.ts; told what to do, and telling what came of it, by messages between the processes.

import { Agent, createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'

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
  /** What went wrong, if anything did. */
  problem?: string
}

const waiting = new Map<string, () => void>()

const user = createServer((incoming, response) => {
  let xml = ''
  incoming.on('data', (bytes) => {
    xml += bytes
  })
  incoming.on('end', () => {
    response.writeHead(204).end()
    const id = /RequestID>([^<]+)</.exec(xml)?.[1] ?? ''
    if (xml.includes('<sr:ResponseCode>I0<')) waiting.get(id)?.()
  })
})

function post(url: string, agent: Agent, xml: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/xml', 'content-length': Buffer.byteLength(xml) }
    const outgoing = request(`${url}/api/v1/serviceS`, { method: 'POST', agent, headers }, (response) => {
      let answer = ''
      response.on('data', (bytes) => {
        answer += bytes
      })
      response.on('end', () => {
        const code = /ResponseCode>([^<]+)</.exec(answer)?.[1]
        if (code === 'I99') resolve()
        else reject(new Error(`a request got ${code ?? `HTTP ${response.statusCode}`}`))
      })
    })
    outgoing.on('error', reject)
    outgoing.end(xml)
  })
}

async function send({ url, requests, inFlight }: Send): Promise<Taken> {
  const agent = new Agent({ keepAlive: true, maxSockets: inFlight })
  const taken: Taken = { ackMs: [], finalMs: [], tookMs: 0 }
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
  await Promise.all(Array.from({ length: inFlight }, worker))
  taken.tookMs = performance.now() - startMs
  agent.destroy()
  return taken
}

user.listen(0, '127.0.0.1', () =>
  process.send!({ callback: `http://127.0.0.1:${(user.address() as AddressInfo).port}/` }),
)
process.on('message', (message: Send) => {
  send(message).then(
    (taken) => process.send!(taken),
    (error: Error) => process.send!({ ackMs: [], finalMs: [], tookMs: 0, problem: error.message }),
  )
})
process.on('disconnect', () => process.exit(0))
