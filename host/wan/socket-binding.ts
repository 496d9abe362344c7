// A serial port that is a socket: tcp://host:port and unix:///path, as a binding for @serialport/stream.

import { connect, type Socket } from 'node:net'
import type { BindingInterface, BindingPortInterface, OpenOptions } from '@serialport/bindings-interface'

/** Time-out of one attempt to connect; the caller retries. The system's own attempt would take minutes. */
const connectMs = 1500

interface Waiting {
  buffer: Buffer
  offset: number
  length: number
  resolve(result: { buffer: Buffer; bytesRead: number }): void
  reject(error: Error): void
}

function socketPort(socket: Socket, options: OpenOptions): BindingPortInterface {
  const received: Buffer[] = []
  let waiting: Waiting | undefined
  let lost: Error | undefined
  const port: BindingPortInterface = {
    openOptions: options as Required<OpenOptions>,
    isOpen: true,
    async close() {
      port.isOpen = false
      fail(Object.assign(new Error('the port was closed'), { canceled: true }))
      socket.destroy()
    },
    read: (buffer, offset, length) =>
      new Promise((resolve, reject) => {
        waiting = { buffer, offset, length, resolve, reject }
        if (lost !== undefined) fail(lost)
        else give()
      }),
    write: (buffer) =>
      new Promise((resolve, reject) => {
        if (lost !== undefined) reject(lost)
        else socket.write(buffer, (error) => (error ? reject(error) : resolve()))
      }),
    // A socket has no baud rate, no control lines and nothing to flush.
    async update() {},
    async set() {},
    get: async () => ({ cts: true, dsr: true, dcd: true }),
    getBaudRate: async () => ({ baudRate: options.baudRate }),
    async flush() {
      received.length = 0
    },
    async drain() {},
  }

  function give(): void {
    const head = received[0]
    if (waiting === undefined || head === undefined) return
    const { buffer, offset, length, resolve } = waiting
    waiting = undefined
    const bytesRead = head.copy(buffer, offset, 0, length)
    if (bytesRead === head.length) received.shift()
    else received[0] = head.subarray(bytesRead)
    // Reading pauses while this much waits, so that memory is bounded.
    if (received.length < 16) socket.resume()
    resolve({ buffer, bytesRead })
  }

  function fail(error: Error): void {
    lost = error
    waiting?.reject(error)
    waiting = undefined
  }

  socket.setNoDelay(true)
  // Keep-alive after ten seconds of silence detects a peer whose machine or network has failed.
  socket.setKeepAlive(true, 10_000)
  socket.on('data', (bytes: Buffer) => {
    received.push(bytes)
    if (received.length >= 16) socket.pause()
    give()
  })
  socket.on('error', () => socket.destroy())
  socket.on('close', () => fail(lost ?? new Error('the other end of the socket went away')))
  return port
}

/** The binding. `path` is the whole URL. */
export const socketBinding: BindingInterface = {
  list: async () => [],
  open: (options) =>
    new Promise((resolve, reject) => {
      const url = new URL(options.path)
      const socket =
        url.protocol === 'unix:'
          ? connect({ path: decodeURIComponent(url.pathname) })
          : connect({ host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port) })
      socket.once('error', reject)
      socket.setTimeout(connectMs, () => {
        socket.destroy(Object.assign(new Error('nobody answers'), { code: 'ETIMEDOUT' }))
      })
      socket.once('connect', () => {
        socket.setTimeout(0)
        socket.removeAllListeners('timeout')
        socket.off('error', reject)
        resolve(socketPort(socket, options))
      })
    }),
}
