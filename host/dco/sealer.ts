// The Dual Control Organisation (DCO): seals messages to a meter and opens its answers. The S1SP can do neither. The DCO
// chooses the nonces, so that no caller can make it reuse one.

import { asksPerSessionMax } from '../../protocol/limits.ts'
import { hostNonceBytes, kind, type LinkSession, nonceOf, type SealedAnswer } from '../../protocol/link.ts'
import { open, seal } from '../../protocol/seal.ts'
import type { Vault } from './vault.ts'

/** Target response time of every DCO call (SECMP0162 preliminary impact assessment, issue MP162-I2). */
export const dcoBudgetMs = 4000

/** The DCO's part of one session with a meter. */
export interface DcoSession {
  /** For the wake: 8 new random bytes. */
  hostNonce: Uint8Array
  /** Binds the session to the boot and session numbers of the meter's awake. To be called once. */
  bind(boot: number, session: number): void
  /** Seals an ask. */
  sealAsk(message: Uint8Array): Promise<{ counter: number; sealed: Uint8Array }>
  /** Opens an answer; `undefined` when this meter did not seal it in this session for that ask and block. */
  openAnswer(answer: SealedAnswer): Promise<Uint8Array | undefined>
  /**
   * Opens the one frame that a meter may send unasked: alerts, sent before its awake as the only block of an answer with
   * counter 0. No ask has that counter, so an answer cannot be replayed as alerts, or the reverse. Once per session;
   * `undefined` for any other frame.
   */
  openAlerts(answer: SealedAnswer): Promise<Uint8Array | undefined>
  /**
   * False during a key rotation, until a message from the meter shows which of the two keys it has. Asks are then sealed
   * with the two keys alternately, the current one first: send only asks that may be repeated.
   */
  settled(): boolean
  /** Whether a call of more than `dcoBudgetMs` fails; it does unless this says otherwise. */
  lateFails?(): boolean
}

export interface Dco {
  /** A new session; `undefined` when there is no key for the meter. */
  open(eui: string): DcoSession | undefined
}

/**
 * `randomBytes` must be cryptographically strong. `rotated` is called when a message sealed with a meter's next key is first
 * received: the next key has then replaced the current one. With `problem` the replacement failed, and the next session
 * tries it again.
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

      /** An error of the vault is reported and does not lose the message. */
      function promote(key: Uint8Array): void {
        try {
          if (vault.promote?.(eui, key) === true) rotated(eui)
        } catch (error) {
          rotated(eui, (error as Error).message)
        }
      }

      /** Opens with the first key that fits. After that the session uses this key only. */
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
