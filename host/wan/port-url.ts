// The one grammar of ports: a path, with its baud rate if it has one of its own, tcp://host:port, or unix:///path.

/** The forms, for messages and help. */
export const portForms = '/dev/ttyUSB0, /dev/ttyUSB0:9600, tcp://host:port or unix:///path'

/** The shortest limit that a system has for the path of a Unix socket, bytes. */
const socketPathMax = 103
const baudMin = 50
const baudMax = 4_000_000

/** A device path and its own baud rate. The path of a link in /dev/serial/by-id has colons, but no number of 2 to 7 digits last. */
export function splitDevicePath(url: string): { path: string; baud?: number } {
  const parts = /^(.+):(\d{2,7})$/.exec(url)
  return parts === null ? { path: url } : { path: parts[1] ?? url, baud: Number(parts[2]) }
}

/** What is wrong with the URL of a port, in a sentence; undefined when it is one. Nothing is opened. */
export function portProblem(url: string): string | undefined {
  if (url.startsWith('unix://')) {
    const path = url.slice('unix://'.length)
    if (!path.startsWith('/') || path.includes('\0'))
      return `${JSON.stringify(url)} names no socket: write unix:///path/to/socket`
    return Buffer.byteLength(path) > socketPathMax
      ? `${url} is too long: the path of a socket has at most ${socketPathMax} bytes`
      : undefined
  }
  if (url.startsWith('tcp://')) {
    const parts = /^tcp:\/\/(?:\[[\da-f:.]+\]|[^:/[\]\s]+):(\d{1,5})\/?$/i.exec(url)
    const isAddress = parts !== null && Number(parts[1]) >= 1 && Number(parts[1]) <= 65535
    return isAddress
      ? undefined
      : `${JSON.stringify(url)} is no address: write tcp://host:port, as in tcp://127.0.0.1:7000`
  }
  const { path, baud } = splitDevicePath(url)
  // Other schemes, mock: among them, are for tests.
  const isPath = /^COM\d+$/i.test(path) || (path.includes('/') && !/^[a-z]{2,}:/i.test(path) && !/[\0\n]/.test(path))
  if (!isPath) return `${JSON.stringify(url)} is no port: name ${portForms}`
  return baud === undefined || (baud >= baudMin && baud <= baudMax)
    ? undefined
    : `${url}: a baud rate is from ${baudMin} to ${baudMax}`
}
