// Sealing of asks and answers (SPEC.md section 5). The only file that touches a cipher.

import nacl from 'tweetnacl'

/** Bytes of the key that a meter and the DCO share. */
export const keyBytes = 32

/** Either way of the box. One function, so that a board has the cipher in memory only while it is at work (hardware/sink.ts). */
function box(opens: boolean, bytes: Uint8Array, nonce: Uint8Array, key: Uint8Array): Uint8Array | null {
  return opens ? nacl.secretbox.open(bytes, nonce, key) : nacl.secretbox(bytes, nonce, key)
}

/** Seals an open message: tag (16 bytes), then ciphertext. A nonce (24 bytes) is used once with a key, never again. */
export function seal(message: Uint8Array, nonce: Uint8Array, key: Uint8Array): Uint8Array {
  return box(false, message, nonce, key)!
}

/** Opens a sealed message; `undefined` when key, nonce or a single bit is not the one it was sealed with. */
export function open(sealed: Uint8Array, nonce: Uint8Array, key: Uint8Array): Uint8Array | undefined {
  return box(true, sealed, nonce, key) || undefined
}
