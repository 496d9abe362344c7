// The Dual Control Organisation: seals what goes to a meter and opens what comes back. The S1SP can do neither.
// It draws the nonces itself, so that no caller can make it use one twice.

import { asksPerSessionMax } from '../../protocol/limits.ts'
import { hostNonceBytes, kind, type LinkSession, nonceOf, type SealedAnswer } from '../../protocol/link.ts'
import { open, seal } from '../../protocol/seal.ts'
import type { Vault } from './vault.ts'

/** Target response time of every DCO call (SECMP0162 preliminary impact assessment, issue MP162-I2). */
export const dcoBudgetMs = 4000

/** One session with a meter, as the DCO sees it. */
export interface DcoSession {
  /** For the wake: 8 random bytes, fresh. */
  hostNonce: Uint8Array
  /** Binds the session to what the meter answered to the wake. Once. */
  bind(boot: number, session: number): void
  /** Seals the open message of an ask. */
  sealAsk(message: Uint8Array): Promise<{ counter: number; sealed: Uint8Array }>
  /** Opens an answer; `undefined` when it was not sealed by this meter, in this session, for that ask and block. */
  openAnswer(answer: SealedAnswer): Promise<Uint8Array | undefined>
  /**
   * Opens the one frame that a meter may send unasked: alerts, ahead of its awake, as the only block of an answer with
   * counter 0. No ask has that counter, so nothing that was asked for can be passed off as alerts, nor alerts as an
   * answer. Once per session; `undefined` for any other frame.
   */
  openAlerts(answer: SealedAnswer): Promise<Uint8Array | undefined>
}

export interface Dco {
  /** A new session; `undefined` when there is no key for the meter. */
  open(eui: string): DcoSession | undefined
}

/** `randomBytes` must be fit for keys. */
export function createDco(vault: Vault, randomBytes: (count: number) => Uint8Array): Dco {
  return {
    open(eui) {
      const key = vault.key(eui)
      if (key === undefined) return undefined
      const hostNonce = randomBytes(hostNonceBytes)
      let link: LinkSession | undefined
      let counter = 0
      let alertsOpened = false
      return {
        hostNonce,
        bind(boot, session) {
          if (link !== undefined) throw new Error('a DCO session is bound once')
          link = { hostNonce, boot, session }
        },
        async sealAsk(message) {
          if (link === undefined || counter >= asksPerSessionMax) throw new Error('this DCO session cannot seal')
          counter += 1
          return { counter, sealed: seal(message, nonceOf(kind.ask, link, counter, 0), key) }
        },
        async openAnswer(answer) {
          if (link === undefined || answer.counter < 1 || answer.counter > counter) return undefined
          const nonce = nonceOf(answer.last ? kind.lastAnswer : kind.answer, link, answer.counter, answer.block)
          return open(answer.sealed, nonce, key)
        },
        async openAlerts(answer) {
          if (link === undefined || alertsOpened) return undefined
          if (answer.counter !== 0 || answer.block !== 0 || !answer.last) return undefined
          const message = open(answer.sealed, nonceOf(kind.lastAnswer, link, 0, 0), key)
          alertsOpened = message !== undefined
          return message
        },
      }
    },
  }
}
