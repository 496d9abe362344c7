// Reads the body of a request, up to a limit.

import type { IncomingMessage } from 'node:http'

/** A sender that goes on after its answer is heard out for so many times the limit; then its connection is closed. */
const discardedTimes = 16

/** Discards the body of a request that is answered already, so that its sender comes to read the answer. */
export function discardBody(request: IncomingMessage, bytesMax: number): void {
  let bytes = 0
  request.on('data', (part: Buffer) => {
    bytes += part.length
    if (bytes > discardedTimes * bytesMax) request.destroy()
  })
}

/** The body; `too large` as soon as it is; `undefined` when the client went away. Never keeps more than the limit. */
export function bodyOf(request: IncomingMessage, bytesMax: number): Promise<Uint8Array | 'too large' | undefined> {
  return new Promise((resolve) => {
    const parts: Buffer[] = []
    let bytes = 0
    request.on('data', (part: Buffer) => {
      bytes += part.length
      if (bytes <= bytesMax) parts.push(part)
      else {
        parts.length = 0
        resolve('too large')
      }
      if (bytes > discardedTimes * bytesMax) request.destroy()
    })
    request.on('end', () => resolve(Buffer.concat(parts)))
    request.on('error', () => resolve(undefined))
    request.on('close', () => resolve(undefined))
  })
}
