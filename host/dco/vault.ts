// The DCO's own key file: one key per meter, and nobody else's business. Only this folder imports it.

import {
  chmodSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { fromHex, toHex } from '../../protocol/bytes.ts'
import { keyBytes } from '../../protocol/seal.ts'

const version = 1

export interface Vault {
  /** The key shared with a meter; `undefined` for a meter that was never provisioned. */
  key(eui: string): Uint8Array | undefined
}

function read(path: string): { [eui: string]: string } {
  const mode = statSync(path).mode & 0o777
  if ((mode & 0o077) !== 0) {
    throw new Error(`${path} holds meter keys and others may read it (mode ${mode.toString(8)}): run chmod 600 ${path}`)
  }
  let file: { version?: unknown; meters?: unknown }
  try {
    file = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new Error(`${path} is not a DCO vault: ${(error as Error).message}; restore it from a copy`)
  }
  if (file.version !== version || typeof file.meters !== 'object' || file.meters === null) {
    throw new Error(`${path} is a DCO vault of version ${String(file.version)}; this program reads version ${version}`)
  }
  return file.meters as { [eui: string]: string }
}

/** Opens the vault. @throws Error when others may read it, or when it is damaged or of another version */
export function openVault(path: string): Vault {
  const keys = new Map<string, Uint8Array>()
  for (const [eui, hex] of Object.entries(read(path))) {
    const key = typeof hex === 'string' && /^[0-9a-f]{64}$/.test(hex) ? fromHex(hex) : undefined
    if (key?.length !== keyBytes) throw new Error(`${path}: the key of ${eui} is not ${keyBytes} bytes of hexadecimal`)
    keys.set(eui, key)
  }
  return { key: (eui) => keys.get(eui) }
}

/** Adds (or replaces) a meter's key. The old file holds until the new one is whole. */
export function addToVault(path: string, eui: string, key: Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const meters = statSync(path, { throwIfNoEntry: false }) ? read(path) : {}
  meters[eui] = toHex(key)
  const file = openSync(`${path}.new`, 'w', 0o600)
  try {
    chmodSync(`${path}.new`, 0o600)
    writeSync(file, `${JSON.stringify({ version, meters }, null, 2)}\n`)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(`${path}.new`, path)
}
