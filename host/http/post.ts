// POSTs responses to Users, over persistent connections.

import { Agent, request } from 'undici'
import type { Post } from '../delivery/delivery.ts'

export interface Poster {
  /** Returns the HTTP status. Rejects, with a message for the log, when there is no answer in time or no connection. */
  post: Post
  /** Closes connections. */
  end(): Promise<void>
}

export function createPoster(): Poster {
  // Connections to each User at most. The time-out comes with each call.
  const agent = new Agent({ connections: 64, headersTimeout: 0, bodyTimeout: 0 })
  return {
    async post(url, body, timeoutMs, explanation) {
      const headers: { [name: string]: string } = { 'content-type': 'application/xml' }
      if (explanation !== undefined) headers['smets1-explain'] = explanation
      const late = new AbortController()
      // For the whole exchange, not for each pause in it.
      const timer = setTimeout(() => late.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
      try {
        const answer = await request(url, { dispatcher: agent, method: 'POST', headers, body, signal: late.signal })
        // The body is not used; unread it would block the connection.
        await answer.body.dump()
        return answer.statusCode
      } catch (error) {
        // Of several addresses that were tried, each has its own error, and all together no message.
        const { message, code } = error as Error & { code?: string }
        throw new Error(message || code || 'no connection')
      } finally {
        clearTimeout(timer)
      }
    },
    end: () => agent.destroy(),
  }
}
