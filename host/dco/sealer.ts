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
  /**
   * False while the meter's key is being rotated and nothing has shown yet which of the two it has. Asks are sealed with
   * one and the other in turn then, the current one first: only what may be asked twice should be asked.
   */
  settled(): boolean
}

export interface Dco {
  /** A new session; `undefined` when there is no key for the meter. */
  open(eui: string): DcoSession | undefined
}

/**
 * `randomBytes` must be fit for keys. `rotated` is told when a meter was first heard with its next key, which has become its
 * key then, and the one before is gone; or what kept that from being done, and then the next session does it.
 */
export function createDco(
  vault: Vault,
  randomBytes: (count: number) => Uint8Array,
  rotated: (eui: string, problem?: string) => void = () => {},
): Dco {
  return {
    open(eui) {
      const current = vault.key(eui)
      if (current === undefined) return undefined
      const next = vault.nextKey?.(eui)
      let keys: readonly [Uint8Array, Uint8Array?] = next === undefined ? [current] : [current, next]
      const hostNonce = randomBytes(hostNonceBytes)
      let link: LinkSession | undefined
      let counter = 0
      let alertsOpened = false

      /** What the meter said is not lost when the vault cannot be written. */
      function promote(key: Uint8Array): void {
        try {
          if (vault.promote?.(eui, key) === true) rotated(eui)
        } catch (error) {
          rotated(eui, (error as Error).message)
        }
      }

      /** Opens with whichever key it is; from then on the session has that one only. */
      function openWith(sealed: Uint8Array, nonce: Uint8Array): Uint8Array | undefined {
        for (const key of keys) {
          const message = key && open(sealed, nonce, key)
          if (key === undefined || message === undefined) continue
          if (keys.length > 1 && key === next) promote(next)
          keys = [key]
          return message
        }
        return undefined
      }

      return {
        hostNonce,
        settled: () => keys.length === 1,
        bind(boot, session) {
          if (link !== undefined) throw new Error('a DCO session is bound once')
          link = { hostNonce, boot, session }
        },
        async sealAsk(message) {
          if (link === undefined || counter >= asksPerSessionMax) throw new Error('this DCO session cannot seal')
          const key = keys[counter % keys.length] ?? keys[0]
          counter += 1
          return { counter, sealed: seal(message, nonceOf(kind.ask, link, counter, 0), key) }
        },
        async openAnswer(answer) {
          if (link === undefined || answer.counter < 1 || answer.counter > counter) return undefined
          const nonce = nonceOf(answer.last ? kind.lastAnswer : kind.answer, link, answer.counter, answer.block)
          return openWith(answer.sealed, nonce)
        },
        async openAlerts(answer) {
          if (link === undefined || alertsOpened) return undefined
          if (answer.counter !== 0 || answer.block !== 0 || !answer.last) return undefined
          const message = openWith(answer.sealed, nonceOf(kind.lastAnswer, link, 0, 0))
          alertsOpened = message !== undefined
          return message
        },
      }
    },
  }
}
