// Sends lines to a syslog server by RFC 5424: UDP with one message a datagram (RFC 5426), or TCP with octet counting (RFC 6587,
// section 3.4.1).

import { createSocket } from 'node:dgram'
import { connect, isIPv6, type Socket } from 'node:net'
import { hostname } from 'node:os'
import type { SyslogAddress } from '../config/syslog-address.ts'
import type { SecurityRecord } from '../metrics/security-monitor.ts'

/** Facility 10: security and authorisation. */
const facility = 10
const severities = { alert: 1, notice: 5 } as const
/** The private enterprise number of examples (RFC 5612): this project has none. */
const dataId = 'smets1@32473'

/** A value of structured data, without control characters (RFC 5424, section 6.3.3). */
function escaped(value: string | number): string {
  return String(value)
    .replace(/\p{Cc}/gu, ' ')
    .replace(/["\\\]]/g, '\\$&')
}

/** The name as a header field: printable ASCII without spaces, up to so many characters. */
function fieldOf(text: string, lengthMax: number): string {
  return text.replace(/[^\x21-\x7e]/g, '-').slice(0, lengthMax) || '-'
}

/** One message of RFC 5424. The message id is the event, with hyphens for its spaces. */
export function syslogMessage(
  { event, who, what, severity, count, fromMs, toMs }: SecurityRecord,
  host: string,
): string {
  const time = (ms: number) => new Date(ms).toISOString()
  const fields = { who, ...(what !== undefined && { what }), count, from: time(fromMs), to: time(toMs) }
  const data = Object.entries(fields).map(([name, value]) => `${name}="${escaped(value)}"`)
  const head = `<${facility * 8 + severities[severity]}>1 ${time(toMs)} ${fieldOf(host, 255)} smets1 ${process.pid}`
  const text = `${event}${what === undefined ? '' : ` (${what})`} by ${who}, ${count} times`
  return `${head} ${fieldOf(event, 32)} [${dataId} ${data.join(' ')}] ${text.replace(/\p{Cc}/gu, ' ')}`
}

export interface Syslog {
  send(record: SecurityRecord): void
  close(): Promise<void>
}

/** Messages that wait for a TCP connection at most. Later ones are not sent: they are in the file. */
const waitingMax = 1000
const retryMs = 5000
const closeMs = 500

/** `failed` is called when the server cannot be reached, once until it can be again. */
export function openSyslog(address: SyslogAddress, failed: (problem: string) => void): Syslog {
  return address.protocol === 'udp' ? openUdp(address, failed) : openTcp(address, failed)
}

function openUdp({ host, port }: SyslogAddress, failed: (problem: string) => void): Syslog {
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4')
  let hasFailed = false
  const report = (error: Error | null) => {
    if (error === null) hasFailed = false
    else if (!hasFailed) {
      hasFailed = true
      failed(`udp://${host}:${port}: ${error.message}`)
    }
  }
  socket.on('error', report)
  socket.unref()
  return {
    send: (record) => socket.send(syslogMessage(record, hostname()), port, host, (error) => report(error ?? null)),
    close: () => new Promise((resolve) => socket.close(resolve)),
  }
}

function openTcp({ host, port }: SyslogAddress, failed: (problem: string) => void): Syslog {
  const waiting: Buffer[] = []
  let socket: Socket | undefined
  let isOpen = false
  let hasFailed = false
  let retry: NodeJS.Timeout | undefined

  function flush(): void {
    while (isOpen && socket?.writableNeedDrain === false) {
      const next = waiting.shift()
      if (next === undefined) return
      socket.write(next)
    }
  }

  function open(): void {
    if (socket !== undefined || retry !== undefined) return
    socket = connect({ host, port })
    socket.unref()
    socket.setKeepAlive(true, 30_000)
    socket.on('connect', () => {
      isOpen = true
      hasFailed = false
      flush()
    })
    socket.on('drain', flush)
    // A syslog server sends nothing; without reading, its closing would not be noticed.
    socket.resume()
    socket.on('error', (error) => {
      if (!hasFailed) failed(`tcp://${host}:${port}: ${error.message}`)
      hasFailed = true
    })
    socket.on('close', () => {
      socket = undefined
      isOpen = false
      retry = setTimeout(() => {
        retry = undefined
        if (waiting.length > 0) open()
      }, retryMs).unref()
    })
  }

  return {
    send(record) {
      if (waiting.length >= waitingMax) return
      const message = Buffer.from(syslogMessage(record, hostname()))
      waiting.push(Buffer.concat([Buffer.from(`${message.length} `), message]))
      open()
      flush()
    },
    async close() {
      clearTimeout(retry)
      // What is written goes out; a server that does not take it is not waited for.
      const last = socket
      if (last !== undefined && isOpen) {
        flush()
        await new Promise<void>((resolve) => {
          const late = setTimeout(resolve, closeMs)
          last.end(() => {
            clearTimeout(late)
            resolve()
          })
        })
      }
      clearTimeout(retry)
      last?.removeAllListeners('close')
      last?.destroy()
    },
  }
}
