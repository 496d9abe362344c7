// Opens a serial port by its URL: native, a socket, or a mock, all through the same stream.

import { readFileSync, statSync } from 'node:fs'
import type { BindingInterface } from '@serialport/bindings-interface'
import { SerialPortStream } from '@serialport/stream'
import { errorTable, ProgramError } from '../state/errors.ts'
import { splitDevicePath } from './port-url.ts'
import { socketBinding } from './socket-binding.ts'

/** An open port. After a close a new one is opened: a closed stream would queue bytes and send them later. */
export interface Port {
  /** Writes bytes; does nothing once the port is closed. */
  write(bytes: Uint8Array): void
  close(): Promise<void>
  /** False when the device that was opened no longer exists. For some devices this is the only sign of an unplugging. */
  present?(): boolean
}

export interface PortEvents {
  data(bytes: Uint8Array): void
  /** Called once, when the port is closed for any reason. */
  closed(): void
}

/** Why a port could not be opened, with the fix. */
export class PortError extends ProgramError {
  constructor(message: string) {
    super(errorTable.portUnavailable.exitCode, message)
  }
}

/** Opens a port. @throws PortError */
export type OpenPort = (url: string, baud: number, events: PortEvents) => Promise<Port>

const isSocket = (url: string) => /^(tcp|unix):\/\//.test(url)

/** The stream of a port, not open yet. Native code is loaded for a serial port only. */
async function createStream(url: string, given: number): Promise<SerialPortStream> {
  const { path, baud: baudRate = given } = isSocket(url) ? { path: url } : splitDevicePath(url.replace(/^mock:/, ''))
  const options = { path, baudRate, autoOpen: false }
  if (isSocket(url)) return new SerialPortStream({ ...options, binding: socketBinding })
  if (url.startsWith('mock:')) {
    const { MockBinding } = await import('@serialport/binding-mock')
    return new SerialPortStream({ ...options, binding: MockBinding as unknown as BindingInterface })
  }
  const { SerialPort } = await import('serialport')
  return new SerialPort(options)
}

/** The name of a group; its number when it has none here. */
function groupName(gid: number): string {
  try {
    const line = readFileSync('/etc/group', 'utf8')
      .split('\n')
      .find((one) => one.split(':')[2] === String(gid))
    return line?.split(':')[0] ?? String(gid)
  } catch {
    return String(gid)
  }
}

/** What to do when the device may not be opened. */
function permissionFix(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false })
  const group = found === undefined ? 'dialout' : groupName(found.gid)
  if (found === undefined || (found.mode & 0o060) === 0o060) {
    return `add yourself to the group that owns it (sudo usermod -aG ${group} $USER), then log in again`
  }
  const mode = (found.mode & 0o777).toString(8)
  return `its mode is ${mode}, so its group ${group} may not use it: a udev rule with MODE="0660", GROUP="dialout" allows it (hardware/pi/99-smets1.rules is one)`
}

function explain(url: string, error: NodeJS.ErrnoException): PortError {
  const text = `${error.code ?? ''} ${error.message}`
  if (/ENOENT|No such file/i.test(text))
    return new PortError(`${url} does not exist: is the meter running, the cable plugged in?`)
  if (/EACCES|Permission denied/i.test(text)) return new PortError(`${url}: permission denied: ${permissionFix(url)}`)
  if (/lock|EBUSY|Resource busy/i.test(text)) {
    return new PortError(
      `${url} is in use by another program (a meter, a terminal, ModemManager?): fuser -v ${url} names it; stop it first`,
    )
  }
  if (/ENOTTY|ioctl|EISDIR|is a directory|not a typewriter/i.test(text)) {
    return new PortError(
      `${url} is not a serial port: name one of ls /dev/serial/by-id, tcp://host:port or unix:///path`,
    )
  }
  if (/ECONNREFUSED/.test(text)) return new PortError(`${url}: nobody listens there: start the meter first`)
  if (/ETIMEDOUT|EHOSTUNREACH/.test(text)) {
    return new PortError(`${url}: nobody answers there: is the machine on, the address right, a firewall in between?`)
  }
  return new PortError(`${url} cannot be opened: ${error.message}`)
}

/**
 * Returns a function that is true while the device node is the one that was opened: not after it was removed or created
 * again. Links, as in /dev/serial/by-id, are followed.
 */
function watchNode(path: string): () => boolean {
  const nodeNow = () => {
    const found = statSync(path, { throwIfNoEntry: false })
    return found && `${found.dev} ${found.ino} ${found.rdev}`
  }
  const opened = nodeNow()
  return () => nodeNow() === opened
}

/** Opens `/dev/…` (native), `tcp://host:port`, `unix:///path` or `mock:PATH` at a baud rate. */
export const openPort: OpenPort = async (url, baud, events) => {
  const stream = await createStream(url, baud)
  // Without these listeners the loss of the port would not be noticed, or would end the program.
  stream.on('data', (bytes: Buffer) => events.data(bytes))
  stream.on('error', () => {
    if (stream.isOpen) stream.close(() => {})
  })
  await new Promise<void>((resolve, reject) => {
    stream.open((error) =>
      error ? reject(explain(isSocket(url) ? url : splitDevicePath(url).path, error)) : resolve(),
    )
  })
  stream.once('close', () => events.closed())
  const isDevice = !/^(tcp|unix|mock):/.test(url)
  return {
    ...(isDevice && { present: watchNode(splitDevicePath(url).path) }),
    write(bytes) {
      if (stream.isOpen) stream.write(Buffer.from(bytes))
    },
    close: () => new Promise((resolve) => (stream.isOpen ? stream.close(() => resolve()) : resolve())),
  }
}
