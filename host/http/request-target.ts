// What a request is for: its path, and whether it names this host.

import type { IncomingMessage } from 'node:http'

/**
 * Path and query of a request target, in origin-form or in absolute-form, as proxies send it (RFC 9112, section 3.2);
 * undefined for other forms. The host of an absolute-form is not looked at, nor is the Host header beside it.
 */
export function pathOf(target: string | undefined): string | undefined {
  if (target?.startsWith('/')) return target
  const absolute = /^https?:\/\/[^/?#\s]+(\/[^#\s]*)?$/i.exec(target ?? '')
  return absolute === null ? undefined : (absolute[1] ?? '/')
}

const loopbackName = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i
const loopbackAddress = /^(?:::1|(?:::ffff:)?127\..*)$/i

/**
 * Whether a call that came over loopback names a loopback host. A page of another site can make a browser call this machine
 * under a name of that site (DNS rebinding); such a call names that site in Host.
 */
export function namesThisHost({ headers, socket }: Pick<IncomingMessage, 'headers' | 'socket'>): boolean {
  return !loopbackAddress.test(socket.localAddress ?? '') || loopbackName.test(headers.host ?? '')
}
