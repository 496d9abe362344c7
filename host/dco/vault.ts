// The DCO's key vault: a directory with a file for each meter. Only this folder reads it.
//
// `EUI.json` holds the current key, `EUI.next.json` the next one during a rotation. Files are written under another name and
// renamed, so that after a crash each meter has its old key or its new one. They are read when they are needed, so that a
// key that another process adds or changes is used from the next session on.

import {
  closeSync,
  existsSync,
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

/** EUI-64s become file names: other text is refused. */
const euiPattern = /^[0-9A-F]{2}(-[0-9A-F]{2}){7}$/

export interface Vault {
  /** The key shared with a meter; `undefined` for a meter that was never provisioned. */
  key(eui: string): Uint8Array | undefined
  /** The key that replaces the current one, whether the meter has it yet or not. Absent in a vault without rotation. */
  nextKey?(eui: string): Uint8Array | undefined
  /**
   * Makes the next key the current one, once the meter has used it.
   * @returns false when `next` is no longer the next key: another process promoted it first, or replaced it
   */
  promote?(eui: string, next: Uint8Array): boolean
}

/** The file of a meter's current or next key. @throws RangeError for text that is no EUI-64 */
export function keyFileOf(directory: string, eui: string, isNext: boolean): string {
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
      // The message of JSON.parse would quote the text, which is a key.
      throw new Error(`${path} is not a key file of the DCO: it is not JSON; restore it from a copy`)
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

/** Writes a key to a file of mode 0600, atomically. Not `durable`: whoever calls brings it to the disk. */
function writeKey(directory: string, path: string, key: Uint8Array, durable: boolean): void {
  if (!existsSync(directory)) mkdirSync(directory, { recursive: true, mode: 0o700 })
  const file = openSync(`${path}.new`, 'w', 0o600)
  try {
    fchmodSync(file, 0o600)
    writeSync(file, `${JSON.stringify({ version, key: toHex(key) })}\n`)
    if (durable) fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(`${path}.new`, path)
  if (durable) syncDirectory(directory)
}

/** Opens the vault in a directory. Its functions throw Error for a file that others may read or that is damaged. */
export function openVault(directory: string): Required<Vault> {
  const nextKey = (eui: string) => readKey(keyFileOf(directory, eui, true))
  return {
    key: (eui) => (euiPattern.test(eui) ? readKey(keyFileOf(directory, eui, false)) : undefined),
    nextKey,
    promote(eui, next) {
      const found = nextKey(eui)
      if (found === undefined || toHex(found) !== toHex(next)) return false
      renameSync(keyFileOf(directory, eui, true), keyFileOf(directory, eui, false))
      syncDirectory(directory)
      return true
    },
  }
}

/**
 * Sets a meter's current key at once, and removes its next key.
 * @param durable false where many keys are added: the caller brings the vault to the disk (`syncAll`) before they count
 */
export function addKey(directory: string, eui: string, key: Uint8Array, durable = true): void {
  const next = keyFileOf(directory, eui, true)
  if (existsSync(next)) rmSync(next)
  writeKey(directory, keyFileOf(directory, eui, false), key, durable)
}

/** Sets a meter's next key; `durable` as for `addKey`. */
export function addNextKey(directory: string, eui: string, key: Uint8Array, durable = true): void {
  writeKey(directory, keyFileOf(directory, eui, true), key, durable)
}

/** Removes the keys of a meter, or only the next one. */
export function removeKeys(directory: string, eui: string, which: 'all' | 'next'): void {
  rmSync(keyFileOf(directory, eui, true), { force: true })
  if (which === 'all') rmSync(keyFileOf(directory, eui, false), { force: true })
}

/** The problems of a vault, by file. No key is quoted. */
export function vaultProblems(directory: string): string[] {
  return readdirSync(directory).flatMap((name) => {
    const path = join(directory, name)
    // Left by a process that was killed while it wrote; never read.
    if (name.endsWith('.new')) return []
    if (!/^[0-9A-F-]{23}(\.next)?\.json$/.test(name)) return `${path} is not a file of the DCO; remove it`
    try {
      readKey(path)
      return []
    } catch (error) {
      return (error as Error).message
    }
  })
}
