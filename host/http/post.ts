// POSTs responses to Users, over persistent connections.

import { rootCertificates } from 'node:tls'
import { Agent, request } from 'undici'
import type { Registry } from '../access/parties.ts'
import type { Post } from '../delivery/delivery.ts'

export interface Poster {
  /**
   * Returns the HTTP status, with the Location of a redirection. Rejects, with a message for the log, when there is no
   * answer in time or no connection.
   */
  post: Post
  /** Closes connections. */
  end(): Promise<void>
}

/** A connection that was closed under a request: usually one that a User has closed because it was idle. */
const closedCodes = ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']

/** Connections that are kept, and such as serve one request. */
interface Connections {
  kept: Agent
  fresh: Agent
}

/** Sends, and once more on a new connection when a kept one was closed. The User may get the same bytes twice. */
async function onOpenConnection<Answer>(
  { kept, fresh }: Connections,
  send: (dispatcher: Agent) => Promise<Answer>,
): Promise<Answer> {
  try {
    return await send(kept)
  } catch (error) {
    if (!closedCodes.includes((error as { code?: string }).code ?? '')) throw error
    return send(fresh)
  }
}

type AuthorityOf = (url: string) => string | undefined

/** The certificate authorities of callback addresses in the registry of the moment. */
export function callbackAuthorities(registry: () => Registry): AuthorityOf {
  return (url) => registry().users.find(({ callback, callbackCa }) => callback === url && callbackCa)?.callbackCa
}

/** `authorityOf`: the certificate authority (PEM) of a callback address, besides those that Node knows. `moreHeaders`: of each POST. */
export function createPoster(
  authorityOf: AuthorityOf = () => undefined,
  moreHeaders: () => { [name: string]: string } = () => ({}),
): Poster {
  const agents = new Map<string, Connections>()

  /** Connections that trust an authority; '' for none besides those that Node knows. */
  function agentsFor(authority: string): Connections {
    // Connections to each User at most. The time-out comes with each call.
    const connect = authority === '' ? {} : { connect: { ca: [...rootCertificates, authority] } }
    const options = { connections: 64, headersTimeout: 0, bodyTimeout: 0, ...connect }
    const made = agents.get(authority) ?? { kept: new Agent(options), fresh: new Agent({ ...options, pipelining: 0 }) }
    agents.set(authority, made)
    return made
  }

  return {
    async post(url, body, timeoutMs, explanation) {
      const headers: { [name: string]: string } = { 'content-type': 'application/xml', ...moreHeaders() }
      if (explanation !== undefined) headers['smets1-explain'] = explanation
      const late = new AbortController()
      // For the whole exchange, not for each pause in it.
      const timer = setTimeout(() => late.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
      try {
        const connections = agentsFor(url.startsWith('https:') ? (authorityOf(url) ?? '') : '')
        const options = { method: 'POST', headers, body, signal: late.signal } as const
        const answer = await onOpenConnection(connections, (dispatcher) => request(url, { ...options, dispatcher }))
        // The body is not used; unread it would block the connection.
        await answer.body.dump()
        const { statusCode: status, headers: answered } = answer
        if (status < 300 || status >= 400) return status
        const { location } = answered
        return { status, location: typeof location === 'string' ? location.slice(0, 500) : undefined }
      } catch (error) {
        // Of several addresses that were tried, each has its own error, and all together no message.
        const { message, code } = error as Error & { code?: string }
        throw new Error(message || code || 'no connection')
      } finally {
        clearTimeout(timer)
      }
    },
    async end() {
      await Promise.all([...agents.values()].flatMap(({ kept, fresh }) => [kept.destroy(), fresh.destroy()]))
    },
  }
}
