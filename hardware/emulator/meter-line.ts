// The meter's end of a line, opened by URL: a serial port, or a socket on which the meter listens.

import { lstatSync, rmSync, statSync } from 'node:fs'
import type { AddressInfo, Server, Socket } from 'node:net'
import { connect, createServer } from 'node:net'

export interface Line {
  /** The URL with the port assigned to `tcp://host:0`, or with the speed of a serial port. */
  url: string
  /** Sends bytes; they are dropped while no client is connected. */
  write(bytes: Uint8Array): void
  /** Called with received bytes, in parts of any length. */
  onData(received: (bytes: Uint8Array) => void): void
  /** Called when the line is lost (adapter removed, socket failed); not called after `close()`. */
  onClose(lost: (why: string) => void): void
  close(): Promise<void>
}

/** Why a line cannot be opened, and the fix. `exitCode` is that of a command: 2 for a wrong URL, 20 for no port. */
export interface LineProblem {
  exitCode: 2 | 20
  message: string
}

export type OpenedLine = { ok: true; line: Line } | { ok: false; problem: LineProblem }

export type LineAddress =
  | { kind: 'serial'; path: string; baud: number }
  | { kind: 'tcp'; host: string; port: number }
  | { kind: 'unix'; path: string }

/** The forms of a line's URL, for help texts and messages. */
export const lineUrls = 'a serial port or pty (/dev/ttyUSB0, /dev/ttyUSB0:9600), tcp://host:port, or unix:///path'

// The shortest of the systems' limits for the name of a unix socket.
const unixPathBytesMax = 103
// Interval at which the device file of an open serial port is checked.
const watchMs = 1000
// Limit of unsent bytes for a client that does not read.
const unreadBytesMax = 1 << 20

function fail(exitCode: 2 | 20, message: string): OpenedLine {
  return { ok: false, problem: { exitCode, message } }
}

/**
 * Reads a line's URL. `tcp://:7000` is loopback; another host must be named.
 * @param baud speed of a serial port whose path names none
 * @returns an error message when the URL is not valid
 */
export function parseLineUrl(url: string, baud: number): LineAddress | string {
  if (url.startsWith('unix://')) {
    const path = url.slice('unix://'.length)
    if (path === '' || path.includes('\0')) return `${url} names no socket; write unix:///path/to/socket`
    if (new TextEncoder().encode(path).length > unixPathBytesMax) {
      return `${url} is too long: a socket's path has at most ${unixPathBytesMax} bytes. Choose a shorter one, as in /tmp.`
    }
    return { kind: 'unix', path }
  }
  if (url.startsWith('tcp://')) {
    const parts = /^tcp:\/\/(?:\[([0-9a-f:.]+)\]|([^:/[\]]*)):(\d{1,5})\/?$/i.exec(url)
    const port = Number(parts?.[3])
    if (parts === null || port > 65535) return `${url} is no address; write tcp://host:port, as in tcp://127.0.0.1:7000`
    return { kind: 'tcp', host: parts[1] ?? (parts[2] || '127.0.0.1'), port }
  }
  // A path has a slash; COM3 is one of Windows. Other schemes do not exist.
  const isPath = /^COM\d+(:\d+)?$/i.test(url) || (url.includes('/') && !/^[a-z]{2,}:/i.test(url))
  if (!isPath) return `${url || 'an empty URL'} is no line. Name ${lineUrls}.`
  // Paths by id hold colons too, but no number of that size after the last.
  const parts = /^(.+?):(\d{3,7})$/.exec(url)
  const speed = parts === null ? baud : Number(parts[2])
  if (!(speed > 0)) return `a serial port needs a speed, as in ${url}:115200`
  return { kind: 'serial', path: parts?.[1] ?? url, baud: speed }
}

function serialProblem(path: string, message: string): string {
  if (/no such file|file not found/i.test(message)) {
    return `there is no port ${path}. Is the adapter plugged in (ls /dev/serial/by-id)? A pty must be made first, with socat.`
  }
  if (/permission|access denied/i.test(message)) {
    return `${path} may not be opened. Join its group (sudo usermod -aG dialout $USER) and log in again.`
  }
  if (/lock|busy|temporarily unavailable/i.test(message)) {
    return `${path} is in use by another program: a meter, a terminal, ModemManager? fuser ${path} names it. Stop it first.`
  }
  if (/ioctl|is a directory|not a (?:tty|typewriter)/i.test(message)) {
    return `${path} is not a serial port. Name ${lineUrls}.`
  }
  return `${path} cannot be opened: ${message}`
}

/** Identifies the device at a path; links, as in /dev/serial/by-id, are followed. */
function nodeAt(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false })
  return found && `${found.dev} ${found.ino} ${found.rdev}`
}

async function openSerial(path: string, baud: number): Promise<OpenedLine> {
  // Loaded here: sockets need no native code.
  const { SerialPort } = await import('serialport')
  let take: (bytes: Uint8Array) => void = () => {}
  let gone: (why: string) => void = () => {}
  // A new object every time: a closed one keeps unsent bytes and sends them when it is opened again.
  const port = new SerialPort({ path, baudRate: baud, autoOpen: false })
  let why = ''
  let closing = false
  let watch: NodeJS.Timeout | undefined
  // Without a data listener a port that disappears is not noticed; without an error listener an error ends the process.
  port.on('data', (bytes: Uint8Array) => take(bytes))
  port.on('error', (error: Error) => {
    why = error.message
  })
  port.on('close', (error?: Error | null) => {
    clearInterval(watch)
    if (!closing) gone(`${path} is gone (${error?.message ?? (why || 'closed')})`)
  })
  const error = await new Promise<Error | null>((opened) => port.open(opened))
  if (error) return fail(20, serialProblem(path, error.message))
  // Not every driver reports that a device is removed; its file disappears.
  const node = nodeAt(path)
  watch = setInterval(() => {
    if (port.isOpen && nodeAt(path) !== node) port.close(() => {})
  }, watchMs)
  watch.unref()
  const line: Line = {
    url: `${path}:${baud}`,
    write: (bytes) => {
      if (port.isOpen) port.write(bytes)
    },
    onData: (taker) => {
      take = taker
    },
    onClose: (closed) => {
      gone = closed
    },
    close: () =>
      new Promise((closed) => {
        closing = true
        if (port.isOpen) port.close(() => closed())
        else closed()
      }),
  }
  return { ok: true, line }
}

/** Listens; resolves to the error if it cannot. A unix socket is created with mode 0600. */
function listen(
  server: Server,
  address: Exclude<LineAddress, { kind: 'serial' }>,
): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((done) => {
    server.once('error', done)
    server.once('listening', () => {
      server.off('error', done)
      done(undefined)
    })
    if (address.kind === 'tcp') {
      server.listen(address.port, address.host)
      return
    }
    // listen() creates the socket file before it returns, so it never has wider permissions.
    const before = process.umask(0o177)
    try {
      server.listen(address.path)
    } finally {
      process.umask(before)
    }
  })
}

/** True for a socket file on which no process listens: its process was killed. */
function isStaleSocket(path: string): Promise<boolean> {
  if (!lstatSync(path, { throwIfNoEntry: false })?.isSocket()) return Promise.resolve(false)
  return new Promise((done) => {
    const probe = connect(path)
    probe.on('connect', () => {
      probe.destroy()
      done(false)
    })
    probe.on('error', (error: NodeJS.ErrnoException) => done(error.code === 'ECONNREFUSED'))
  })
}

function socketProblem(url: string, error: NodeJS.ErrnoException): OpenedLine {
  if (error.code === 'EADDRINUSE') {
    return fail(
      20,
      `${url} is in use: another meter listens there, or a file is in the way. Stop it, or choose another.`,
    )
  }
  if (error.code === 'EACCES' || error.code === 'EPERM') {
    return fail(20, `${url} may not be opened. Choose a port from 1024 up, or a folder you may write to.`)
  }
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND') {
    return fail(20, `${url} is no address of this machine. Use 127.0.0.1, or 0.0.0.0 for every network it is in.`)
  }
  if (error.code === 'ENOENT') return fail(20, `${url}: the folder is not there. Make it first.`)
  return fail(20, `${url} cannot be opened: ${error.message}`)
}

async function openSocket(address: Exclude<LineAddress, { kind: 'serial' }>, url: string): Promise<OpenedLine> {
  let take: (bytes: Uint8Array) => void = () => {}
  let gone: (why: string) => void = () => {}
  let client: Socket | undefined
  const server = createServer({ noDelay: true }, (socket) => {
    // One client at a time. A bridge may reconnect before the loss of its old connection is noticed here.
    client?.destroy()
    client = socket
    socket.on('data', (bytes: Uint8Array) => take(bytes))
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      if (client === socket) client = undefined
    })
  })
  let error = await listen(server, address)
  if (error?.code === 'EADDRINUSE' && address.kind === 'unix' && (await isStaleSocket(address.path))) {
    rmSync(address.path, { force: true })
    error = await listen(server, address)
  }
  if (error !== undefined) return socketProblem(url, error)
  let closing = false
  server.on('error', (failure) => {
    if (!closing) gone(`${url} failed (${failure.message})`)
  })
  const host =
    address.kind === 'tcp' && address.host.includes(':') ? `[${address.host}]` : address.kind === 'tcp' && address.host
  const line: Line = {
    url: address.kind === 'unix' ? url : `tcp://${host}:${(server.address() as AddressInfo).port}`,
    write: (bytes) => {
      if (client === undefined || client.destroyed) return
      if (client.writableLength > unreadBytesMax) client.destroy()
      else client.write(bytes)
    },
    onData: (taker) => {
      take = taker
    },
    onClose: (closed) => {
      gone = closed
    },
    close: () =>
      new Promise((closed) => {
        closing = true
        server.close(() => closed())
        client?.destroy()
      }),
  }
  return { ok: true, line }
}

/**
 * Opens the meter's end of a line.
 *
 * - a path, with `:baud` or not: that serial port, or pty, 8N1; locked against other programs
 * - `tcp://host:port`: listens there; `tcp://:port` on loopback, other networks only by naming the host
 * - `unix:///path`: listens on a socket of mode 0600; one that a killed process left is removed
 *
 * Sockets accept one client at a time; a new one replaces the old one. Packets are sealed, but the line has no access
 * control: any process that can connect can keep the meter busy.
 * @param baud speed of a serial port whose path names none
 */
export function openLine(url: string, baud: number): Promise<OpenedLine> {
  const address = parseLineUrl(url, baud)
  if (typeof address === 'string') return Promise.resolve(fail(2, address))
  return address.kind === 'serial' ? openSerial(address.path, address.baud) : openSocket(address, url)
}
