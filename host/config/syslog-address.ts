// The address of a syslog server: `udp://host` or `tcp://host`, with a port or without (514 and 601).

export interface SyslogAddress {
  protocol: 'udp' | 'tcp'
  host: string
  port: number
}

export const syslogUrl = /^(udp|tcp):\/\/(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?\/?$/

/** undefined for anything else. */
export function syslogAddress(url: string): SyslogAddress | undefined {
  const match = syslogUrl.exec(url)
  if (match === null) return undefined
  const protocol = match[1] === 'tcp' ? 'tcp' : 'udp'
  const port = match[3] === undefined ? (protocol === 'udp' ? 514 : 601) : Number(match[3])
  return port < 1 || port > 65535 ? undefined : { protocol, host: (match[2] ?? '').replace(/^\[|\]$/g, ''), port }
}
