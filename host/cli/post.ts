// POSTs a response to a User, over connections that stay open.

import { Agent, request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Post } from '../delivery.ts'

const agent = new Agent({ keepAlive: true, maxSockets: 64 })

/** Answers the HTTP status. Rejects, in words for the log, when there is no answer in time or no connection. */
export const post: Post = (url, body, timeoutMs, explanation) =>
  new Promise((resolve, reject) => {
    const secure = url.startsWith('https:')
    const bytes = Buffer.from(body)
    const request = (secure ? httpsRequest : httpRequest)(
      url,
      {
        method: 'POST',
        headers: {
          'content-type': 'application/xml',
          'content-length': bytes.length,
          ...(explanation !== undefined && { 'smets1-explain': explanation }),
        },
        ...(secure ? {} : { agent }),
      },
      (response) => {
        // What a User says besides its status is of no interest; unread it would hold the connection.
        response.resume()
        response.on('end', () => done(() => resolve(response.statusCode ?? 0)))
        response.on('error', (error) => done(() => reject(error)))
      },
    )
    // Of the whole exchange, not of each silence in it.
    const timer = setTimeout(() => request.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
    const done = (settle: () => void) => {
      clearTimeout(timer)
      settle()
    }
    request.on('error', (error) => done(() => reject(error)))
    request.end(bytes)
  })

/** Closes connections that wait for the next response. */
export function endPosts(): void {
  agent.destroy()
}
