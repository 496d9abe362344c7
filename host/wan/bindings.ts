// Opens a serial port by its URL. Which binding stands behind it is the only thing that differs.

import type { BindingInterface } from '@serialport/bindings-interface'
import { SerialPortStream } from '@serialport/stream'
import { socketBinding } from './socket-binding.ts'

/** An open port. It is used once: after a close, a new one is opened (a closed one would queue and send stale bytes). */
export interface Port {
  /** Writes bytes; does nothing once the port is closed. */
  write(bytes: Uint8Array): void
  close(): Promise<void>
  /** False when what was opened is there no more. A device that is pulled without a word says so only here. */
  present?(): boolean
}

export interface PortEvents {
  data(bytes: Uint8Array): void
  /** Called once, when the port is gone for whatever reason. */
  closed(): void
}

/** Why a port could not be opened, with the fix. */
export class PortError extends Error {}

/** Opens a port. @throws PortError */
export type OpenPort = (url: string, baud: number, events: PortEvents) => Promise<Port>

async function bindingOf(url: string): Promise<BindingInterface> {
  if (/^(tcp|unix):\/\//.test(url)) return socketBinding
  // Only for tests of the serial path: the package is not installed with the product.
  if (url.startsWith('mock:'))
    return (await import('@serialport/binding-mock')).MockBinding as unknown as BindingInterface
  const { autoDetect } = await import('@serialport/bindings-cpp')
  return autoDetect() as unknown as BindingInterface
}

function explain(url: string, error: NodeJS.ErrnoException): PortError {
  const text = `${error.code ?? ''} ${error.message}`
  if (/ENOENT|No such file/i.test(text))
    return new PortError(`${url} does not exist: is the meter running, the cable plugged in?`)
  if (/EACCES|Permission denied/i.test(text)) {
    return new PortError(
      `${url}: permission denied: add yourself to the group that owns it (often: sudo usermod -aG dialout $USER, then log in again)`,
    )
  }
  if (/lock|EBUSY|Resource busy/i.test(text))
    return new PortError(`${url} is in use by another program: close it first`)
  if (/ECONNREFUSED/.test(text)) return new PortError(`${url}: nobody listens there: start the meter first`)
  return new PortError(`${url} cannot be opened: ${error.message}`)
}

/** Opens `/dev/…` (native), `tcp://host:port`, `unix:///path` or `mock:PATH` at a baud rate. */
export const openPort: OpenPort = async (url, baud, events) => {
  const binding = await bindingOf(url)
  const path = url.replace(/^mock:/, '')
  const stream = new SerialPortStream({ binding, path, baudRate: baud, autoOpen: false })
  // Without these listeners a lost port goes unnoticed, or ends the program.
  stream.on('data', (bytes: Buffer) => events.data(bytes))
  stream.on('error', () => {
    if (stream.isOpen) stream.close(() => {})
  })
  await new Promise<void>((resolve, reject) => {
    stream.open((error) => (error ? reject(explain(url, error)) : resolve()))
  })
  stream.once('close', () => events.closed())
  return {
    write(bytes) {
      if (stream.isOpen) stream.write(Buffer.from(bytes))
    },
    close: () => new Promise((resolve) => (stream.isOpen ? stream.close(() => resolve()) : resolve())),
  }
}
