// Opens recorded asks and answers, given the meters' keys. It cannot seal.

import { readFileSync, statSync } from 'node:fs'
import { fromHex } from '../../protocol/bytes.ts'
import { type LinkSession, nonceOf } from '../../protocol/link.ts'
import { open } from '../../protocol/seal.ts'
import { openVault, type Vault } from './vault.ts'

/** A sealed message: the first byte of its packet, its counters, the sealed bytes. */
export interface Sealed {
  kind: number
  counter: number
  /** 0 for an ask. */
  block: number
  sealed: Uint8Array
}

export interface Opener {
  /** True when there is a key for the meter. */
  knows(eui: string): boolean
  /** The open message; `undefined` without a key for the meter, or when it does not open. */
  open(eui: string, link: LinkSession, sealed: Sealed): Uint8Array | undefined
}

export function createOpener(vault: Vault): Opener {
  // Cached: a recording has many frames of few meters.
  const keys = new Map<string, Uint8Array[]>()
  const keysOf = (eui: string) => {
    const found = keys.get(eui) ?? [vault.key(eui), vault.nextKey?.(eui)].filter((key) => key !== undefined)
    keys.set(eui, found)
    return found
  }
  return {
    knows: (eui) => keysOf(eui).length > 0,
    open(eui, link, { kind, counter, block, sealed }) {
      // During a rotation the next key may already be in use.
      for (const key of keysOf(eui)) {
        const message = open(sealed, nonceOf(kind, link, counter, block), key)
        if (message !== undefined) return message
      }
      return undefined
    },
  }
}

/** A key in hexadecimal, and an end of line. */
const keyFileBytesMax = 66

/**
 * Opens a vault (a directory), or a file with one key of 64 hexadecimal digits, which is then used for every meter.
 * @throws Error when it is neither, or others may read it
 */
export function openKeys(path: string): Vault {
  const found = statSync(path)
  if (found.isDirectory()) return openVault(path)
  const text = found.isFile() && found.size <= keyFileBytesMax ? readFileSync(path, 'utf8').trim() : ''
  if (!/^[0-9a-f]{64}$/i.test(text)) {
    throw new Error(`${path} is neither a DCO vault (a directory) nor a file with one key of 64 hexadecimal digits`)
  }
  if ((found.mode & 0o077) !== 0) throw new Error(`${path} holds a key and others may read it: run chmod 600 ${path}`)
  const key = fromHex(text)
  return { key: () => key }
}
