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
  const agents = new Map<string, Agent>()

  /** Connections that trust an authority; '' for none besides those that Node knows. */
  function agentFor(authority: string): Agent {
    // Connections to each User at most. The time-out comes with each call.
    const connect = authority === '' ? {} : { connect: { ca: [...rootCertificates, authority] } }
    const agent = agents.get(authority) ?? new Agent({ connections: 64, headersTimeout: 0, bodyTimeout: 0, ...connect })
    agents.set(authority, agent)
    return agent
  }

  return {
    async post(url, body, timeoutMs, explanation) {
      const headers: { [name: string]: string } = { 'content-type': 'application/xml', ...moreHeaders() }
      if (explanation !== undefined) headers['smets1-explain'] = explanation
      const late = new AbortController()
      // For the whole exchange, not for each pause in it.
      const timer = setTimeout(() => late.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
      try {
        const agent = agentFor(url.startsWith('https:') ? (authorityOf(url) ?? '') : '')
        const answer = await request(url, { dispatcher: agent, method: 'POST', headers, body, signal: late.signal })
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
      await Promise.all([...agents.values()].map((agent) => agent.destroy()))
    },
  }
}
