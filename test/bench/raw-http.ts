// HTTP/1.1 over plain sockets, for load generators: a generator that costs as much as what it measures would measure itself. It
// reads what the bridge sends and no more: messages with content-length, or without a body.

import { connect, createServer, type Server, type Socket } from 'node:net'

interface Message {
  /** The first line. */
  start: string
  body: Buffer
}

/** Splits what comes on a connection into messages. */
function createReader(received: (message: Message) => void): (bytes: Buffer) => void {
  let waiting: Buffer = Buffer.alloc(0)
  return (bytes) => {
    waiting = waiting.length === 0 ? bytes : Buffer.concat([waiting, bytes])
    for (;;) {
      const headEnd = waiting.indexOf('\r\n\r\n')
      if (headEnd < 0) return
      const head = waiting.toString('latin1', 0, headEnd)
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0)
      const end = headEnd + 4 + length
      if (waiting.length < end) return
      const body = waiting.subarray(headEnd + 4, end)
      waiting = waiting.subarray(end)
      received({ start: head.slice(0, head.indexOf('\r\n') + 1 || undefined), body })
    }
  }
}

/** A User's callback: answers every POST with 204, and hands its body on. */
export function createRawUser(received: (body: Buffer) => void): Server {
  return createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => {})
    socket.on(
      'data',
      createReader(({ body }) => {
        socket.write('HTTP/1.1 204 No Content\r\n\r\n')
        received(body)
      }),
    )
  })
}

export interface RawAnswer {
  status: number
  body: Buffer
  /** From sending, milliseconds: without the wait for a free connection. */
  tookMs: number
}

export interface RawClient {
  /** Sends on a free connection; waits for one when all are busy. Rejects when the connection is lost. */
  post(path: string, body: string): Promise<RawAnswer>
  end(): void
}

interface Waiting {
  request: string
  /** Sent before, on a connection that was closed. */
  isAgain?: boolean
  resolve(answer: RawAnswer): void
  reject(error: Error): void
}

/** Connections from several addresses of this machine: one peer may not have all connections. They are opened when they are needed. */
export function createRawClient(port: number, addresses: readonly string[], connectionsEach: number): RawClient {
  const free: Connection[] = []
  const queue: Waiting[] = []
  const open = new Set<Socket>()
  let opened = 0

  interface Connection {
    socket: Socket
    now: Waiting | undefined
    fromMs: number
  }

  function give(connection: Connection, one: Waiting): void {
    connection.now = one
    connection.fromMs = performance.now()
    connection.socket.write(one.request)
  }

  function openOne(first: Waiting): void {
    const localAddress = addresses[opened % addresses.length] ?? '127.0.0.1'
    opened += 1
    const socket = connect({ port, host: '127.0.0.1', localAddress, noDelay: true })
    open.add(socket)
    let isKept = false
    const connection: Connection = { socket, now: undefined, fromMs: 0 }
    const read = createReader(({ start, body }) => {
      isKept = true
      const { now, fromMs } = connection
      connection.now = undefined
      const next = queue.shift()
      if (next !== undefined) give(connection, next)
      else free.push(connection)
      now?.resolve({ status: Number(start.slice(9, 12)), body, tookMs: performance.now() - fromMs })
    })
    socket.on('data', read)
    socket.on('error', () => {})
    socket.on('close', () => {
      open.delete(socket)
      opened -= 1
      const place = free.indexOf(connection)
      if (place >= 0) free.splice(place, 1)
      const { now } = connection
      // The bridge closes connections that are idle; one may be used at that moment.
      if (now !== undefined && isKept && !now.isAgain) openOne({ ...now, isAgain: true })
      else now?.reject(new Error('the connection was closed'))
    })
    give(connection, first)
  }

  return {
    post: (path, body) =>
      new Promise((resolve, reject) => {
        const head = `POST ${path} HTTP/1.1\r\nhost: bridge\r\ncontent-type: application/xml\r\n`
        const request = `${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
        const one = { request, resolve, reject }
        const connection = free.pop()
        if (connection !== undefined) give(connection, one)
        else if (opened < addresses.length * connectionsEach) openOne(one)
        else queue.push(one)
      }),
    end() {
      for (const socket of open) socket.destroy()
    },
  }
}
