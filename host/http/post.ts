// POSTs responses to Users, over connections that stay open.

import { Agent, request } from 'undici'
import type { Post } from '../delivery/delivery.ts'

export interface Poster {
  /** Answers the HTTP status. Rejects, in words for the log, when there is no answer in time or no connection. */
  post: Post
  /** Closes connections. */
  end(): Promise<void>
}

export function createPoster(): Poster {
  // To each User at most so many. How long an exchange may take is for whoever posts to say.
  const agent = new Agent({ connections: 64, headersTimeout: 0, bodyTimeout: 0 })
  return {
    async post(url, body, timeoutMs, explanation) {
      const headers: { [name: string]: string } = { 'content-type': 'application/xml' }
      if (explanation !== undefined) headers['smets1-explain'] = explanation
      const late = new AbortController()
      // Of the whole exchange, not of each silence in it.
      const timer = setTimeout(() => late.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
      try {
        const answer = await request(url, { dispatcher: agent, method: 'POST', headers, body, signal: late.signal })
        // What a User says besides its status is of no interest; unread it would hold the connection.
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
