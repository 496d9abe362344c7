// The notes and the keys with which a command verifies an audit trail.

import { type KeyObject, X509Certificate } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { StatePaths } from '../state/state-directory.ts'
import { openLmdbStore } from '../store/lmdb.ts'
import { createTrailNotes, fingerprintOf, readTrailRow, type TrailNotes } from './trail-notes.ts'

/** Calls `use` with what the store notes of the trail; undefined when there is no store. The bridge may run meanwhile. */
export async function withTrailNotes<T>(
  paths: StatePaths,
  use: (notes: TrailNotes | undefined) => Promise<T>,
): Promise<T> {
  if (!existsSync(paths.store)) return use(undefined)
  const store = openLmdbStore(paths.store, { trail: readTrailRow })
  try {
    return await use(createTrailNotes(store))
  } finally {
    await store.close()
  }
}

/** The DSP's public key of the test PKI, by fingerprint; none when its certificate is not there. */
export function dspKeys({ pki }: StatePaths): [fingerprint: string, key: KeyObject][] {
  const path = join(pki, 'dsp.pem')
  if (!existsSync(path)) return []
  const { publicKey } = new X509Certificate(readFileSync(path))
  return [[fingerprintOf(publicKey), publicKey]]
}
