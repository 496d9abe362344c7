// Bounds on the connections of a listener: in all, for each peer, and of those that wait for a request.
//
// Where there are too many, the connection that has waited longest for a request is closed: a silent one costs nobody else
// anything. A peer whose connections are all busy gets no more of them.

import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { isIPv6, type Socket } from 'node:net'
import type { ReportSecurity } from '../state/security-event.ts'

export interface ConnectionLimits {
  /** All connections of the listener. */
  connectionsMax: number
  /** Those of one peer: one IPv4 address, or one /64 of IPv6. */
  perPeer: number
  /** Those that wait for a request, of all peers. */
  waitingMax: number
}

/** The 64 bits of an IPv6 address that one subscriber has. */
function networkOf(address: string): string {
  const [head = '', tail] = address.split('::')
  const groups = (text: string) => (text === '' ? [] : text.split(':'))
  const after = tail === undefined ? [] : groups(tail)
  const before = groups(head)
  const zeros = new Array<string>(Math.max(0, 8 - before.length - after.length)).fill('0')
  return `${[...before, ...zeros, ...after].slice(0, 4).join(':')}::/64`
}

/** Whose connection it is: an IPv4 address, or a /64 of IPv6. */
export function peerOf(address: string | undefined): string {
  const plain = (address ?? 'unknown').replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '')
  return isIPv6(plain) && plain !== '::1' ? networkOf(plain) : plain
}

interface Connection {
  socket: Socket
  peer: string
}

/** The same connection has one key below and above TLS. */
function keyOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}

/** Connections in the order in which their wait for a request began, and how many each peer has. */
function createConnections() {
  const all = new Map<string, Connection>()
  const waiting = new Set<Connection>()
  const byPeer = new Map<string, { open: number; waiting: Set<Connection> }>()

  const peerEntry = (peer: string) => {
    const entry = byPeer.get(peer) ?? { open: 0, waiting: new Set<Connection>() }
    byPeer.set(peer, entry)
    return entry
  }

  return {
    get: (socket: Socket) => all.get(keyOf(socket)),
    add(key: string, connection: Connection): void {
      all.set(key, connection)
      peerEntry(connection.peer).open += 1
    },
    remove(key: string, connection: Connection): void {
      if (all.get(key) !== connection) return
      all.delete(key)
      waiting.delete(connection)
      const entry = peerEntry(connection.peer)
      entry.waiting.delete(connection)
      entry.open -= 1
      if (entry.open === 0) byPeer.delete(connection.peer)
    },
    setWaiting(connection: Connection, waits: boolean): void {
      for (const set of [waiting, peerEntry(connection.peer).waiting]) {
        set.delete(connection)
        if (waits) set.add(connection)
      }
    },
    open: () => all.size,
    waiting,
    peer: peerEntry,
  }
}

/**
 * Keeps a listener within `limits`. Call it before it listens.
 * @returns the number of open connections, and of those the ones that wait for a request
 */
export function limitConnections(
  server: Server,
  { connectionsMax, perPeer, waitingMax }: ConnectionLimits,
  report: ReportSecurity,
): () => { open: number; waiting: number } {
  const connections = createConnections()

  /** Closes the connection that has waited longest; false when there is none. */
  function closeLongest(waiting: ReadonlySet<Connection>): boolean {
    const [longest] = waiting
    longest?.socket.destroy()
    if (longest !== undefined) connections.remove(keyOf(longest.socket), longest)
    return longest !== undefined
  }

  server.on('connection', (socket: Socket) => {
    const key = keyOf(socket)
    const peer = peerOf(socket.remoteAddress)
    const own = connections.peer(peer)
    const isTooMany = own.open >= perPeer
    if (isTooMany) report({ event: 'too many connections', who: peer, what: 'of one peer' })
    const isFull = connections.open() >= connectionsMax
    if (isFull) report({ event: 'too many connections', who: peer, what: 'in all' })
    const isHad = isTooMany ? closeLongest(own.waiting) : !isFull || closeLongest(connections.waiting)
    if (!isHad) return socket.destroy()
    const connection = { socket, peer }
    connections.add(key, connection)
    connections.setWaiting(connection, true)
    socket.once('close', () => connections.remove(key, connection))
    if (connections.waiting.size > waitingMax) closeLongest(connections.waiting)
  })

  const busy = ({ socket }: IncomingMessage, response: ServerResponse) => {
    const connection = connections.get(socket)
    if (connection === undefined) return
    connections.setWaiting(connection, false)
    response.once('close', () => {
      if (connections.get(socket) === connection) connections.setWaiting(connection, true)
    })
  }
  server.prependListener('request', busy)
  // With a listener for it, Node no longer says 100 (Continue) itself.
  if (server.listenerCount('checkContinue') > 0) server.prependListener('checkContinue', busy)
  return () => ({ open: connections.open(), waiting: connections.waiting.size })
}
