// The DCO's own keys: a directory with a file for each meter, and nobody else's business. Only this folder reads it.
//
// `EUI.json` holds the key in use, `EUI.next.json` one that is to follow it. Each is written beside its place and renamed,
// and looked up when it is needed: whatever kills a process leaves each meter with its old key or its new one, and a key
// that another process adds or changes holds from the next session on.

import {
  closeSync,
  fchmodSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { fromHex, toHex } from '../../protocol/bytes.ts'
import { keyBytes } from '../../protocol/seal.ts'

const version = 1

/** EUI-64s are the names of files: nothing else may become one. */
const euiPattern = /^[0-9A-F]{2}(-[0-9A-F]{2}){7}$/

export interface Vault {
  /** The key shared with a meter; `undefined` for a meter that was never provisioned. */
  key(eui: string): Uint8Array | undefined
  /** A key that the meter is to be given, or has been given already; none in a vault that rotates no keys. */
  nextKey?(eui: string): Uint8Array | undefined
  /**
   * The meter was heard with this next key: it becomes the key, and the one before it is gone.
   * @returns false when it is not the next key any more: another process was quicker, or yet another key was asked for
   */
  promote?(eui: string, next: Uint8Array): boolean
}

function fileOf(directory: string, eui: string, isNext: boolean): string {
  if (!euiPattern.test(eui)) throw new RangeError(`${eui} is no EUI-64 in upper case`)
  return join(directory, `${eui}${isNext ? '.next' : ''}.json`)
}

/** The key in a file; `undefined` when there is no file. @throws Error when others may read it, or it is damaged */
function readKey(path: string): Uint8Array | undefined {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  let value: { version?: unknown; key?: unknown } | null
  try {
    const mode = fstatSync(file).mode & 0o777
    if ((mode & 0o077) !== 0) {
      throw new Error(
        `${path} holds a meter's key and others may read it (mode ${mode.toString(8)}): chmod 600 ${path}`,
      )
    }
    const text = readFileSync(file, 'utf8')
    try {
      value = JSON.parse(text)
    } catch {
      // What JSON.parse says quotes the text, which is a key.
      throw new Error(`${path} is no key file of the DCO: it is not JSON; restore it from a copy`)
    }
  } finally {
    closeSync(file)
  }
  if (value?.version !== version) {
    throw new Error(`${path} is of version ${String(value?.version)}; this program reads version ${version}`)
  }
  if (typeof value.key !== 'string' || !/^[0-9a-f]{64}$/.test(value.key)) {
    throw new Error(`${path}: the key is not ${keyBytes} bytes of hexadecimal; restore it from a copy`)
  }
  return fromHex(value.key)
}

function syncDirectory(directory: string): void {
  const file = openSync(directory, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** Puts a key into a file of mode 0600. What was there holds until the new one is whole. */
function writeKey(directory: string, path: string, key: Uint8Array): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const file = openSync(`${path}.new`, 'w', 0o600)
  try {
    fchmodSync(file, 0o600)
    writeSync(file, `${JSON.stringify({ version, key: toHex(key) })}\n`)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(`${path}.new`, path)
  syncDirectory(directory)
}

/** The vault in a directory. Looking up throws an Error for a file that others may read or that is damaged. */
export function openVault(directory: string): Required<Vault> {
  const nextKey = (eui: string) => readKey(fileOf(directory, eui, true))
  return {
    key: (eui) => (euiPattern.test(eui) ? readKey(fileOf(directory, eui, false)) : undefined),
    nextKey,
    promote(eui, next) {
      const found = nextKey(eui)
      if (found === undefined || toHex(found) !== toHex(next)) return false
      renameSync(fileOf(directory, eui, true), fileOf(directory, eui, false))
      syncDirectory(directory)
      return true
    },
  }
}

/** Gives a meter its first key, or another one at once: what it had, and what was to follow, is gone. */
export function addKey(directory: string, eui: string, key: Uint8Array): void {
  rmSync(fileOf(directory, eui, true), { force: true })
  writeKey(directory, fileOf(directory, eui, false), key)
}

/** Gives a meter the key that is to follow the one it has, in the place of any that was to. */
export function addNextKey(directory: string, eui: string, key: Uint8Array): void {
  writeKey(directory, fileOf(directory, eui, true), key)
}

/** Forgets the keys of a meter, or only the one that is to follow. */
export function removeKeys(directory: string, eui: string, which: 'all' | 'next'): void {
  rmSync(fileOf(directory, eui, true), { force: true })
  if (which === 'all') rmSync(fileOf(directory, eui, false), { force: true })
}

/** What is wrong in the vault, file by file; no key is ever quoted. */
export function vaultProblems(directory: string): string[] {
  return readdirSync(directory).flatMap((name) => {
    const path = join(directory, name)
    // Half-written by a process that was killed: nobody reads it.
    if (name.endsWith('.new')) return []
    if (!/^[0-9A-F-]{23}(\.next)?\.json$/.test(name)) return `${path} is nothing of the DCO's; remove it`
    try {
      readKey(path)
      return []
    } catch (error) {
      return (error as Error).message
    }
  })
}
