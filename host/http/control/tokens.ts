// The tokens of the control API: new ones with each start, one a scope, in files that only this user can read.

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { chmodSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { writeFileWhole } from '../../state/state-directory.ts'
import { grants, type Scope, scopes } from './call.ts'

/** Files in the directory of the control API. */
export const controlFiles = {
  /** Where it is served. */
  url: (directory: string) => join(directory, 'url'),
  token: (directory: string, scope: Scope) => join(directory, `${scope}.token`),
}

export interface Tokens {
  /** The scope of the token in an `authorization` header. */
  scopeOf(authorization: string | undefined): Scope | undefined
  /** Writes address and tokens, mode 0600, into a directory of mode 0700. */
  publish(directory: string, url: string): void
  /** Removes them: they are of no use after this start. */
  withdraw(directory: string): void
}

const tokenBytes = 32

const sha256 = (text: string) => createHash('sha256').update(text).digest()

export function createTokens(): Tokens {
  const tokens = scopes.map((scope) => {
    const token = randomBytes(tokenBytes).toString('base64url')
    return { scope, token, hash: sha256(token) }
  })
  return {
    scopeOf(authorization) {
      const given = sha256(/^Bearer ([\w-]{1,200})$/i.exec(authorization ?? '')?.[1] ?? '')
      let found: Scope | undefined
      // All are compared, and each in constant time: the time taken says nothing.
      for (const { scope, hash } of tokens) if (timingSafeEqual(given, hash)) found = scope
      return found
    },
    publish(directory, url) {
      mkdirSync(directory, { recursive: true, mode: 0o700 })
      // One that was there keeps its mode otherwise.
      chmodSync(directory, 0o700)
      for (const { scope, token } of tokens) writeFileWhole(controlFiles.token(directory, scope), `${token}\n`)
      // Last: who finds it finds the tokens, too.
      writeFileWhole(controlFiles.url(directory), `${url}\n`)
    },
    withdraw(directory) {
      rmSync(controlFiles.url(directory), { force: true })
      for (const scope of scopes) rmSync(controlFiles.token(directory, scope), { force: true })
    },
  }
}

/** Whether a token of `held` may make a call of `wanted`. */
export function allows(held: Scope, wanted: Scope): boolean {
  return grants[held].includes(wanted)
}
