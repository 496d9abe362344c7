// The files of a collector: its store, its key and its lock in one directory, and what it exports.

import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { ConfigurationError } from '../state/errors.ts'
import { writeFileWhole } from '../state/state-directory.ts'
import { openLmdbStore } from '../store/lmdb.ts'
import { type CollectorStore, collectorTables } from './kept.ts'

const keyBytes = 32

export interface CollectionPaths {
  root: string
  store: string
  /** The key of all readings, hexadecimal, mode 0600. Not a place for backups of the store. */
  key: string
  lock: string
  /** Messages for the collector that runs, and its answers. */
  inbox: string
  answers: string
}

export function collectionPaths(directory: string): CollectionPaths {
  const root = resolve(directory)
  return {
    root,
    store: join(root, 'store'),
    key: join(root, 'key'),
    lock: join(root, 'owner.lock'),
    inbox: join(root, 'inbox'),
    answers: join(root, 'answers'),
  }
}

/** Opens a collection; makes it where `randomBytes` is given. @throws ConfigurationError */
export function openCollection(
  paths: CollectionPaths,
  randomBytes?: (count: number) => Uint8Array,
): { store: CollectorStore; key: Uint8Array } {
  if (!existsSync(paths.key)) {
    if (existsSync(paths.store)) {
      throw new ConfigurationError(
        `${paths.key} is missing: put it back: what ${paths.store} holds cannot be opened without it`,
      )
    }
    if (randomBytes === undefined) {
      throw new ConfigurationError(`${paths.root} holds no collection: smets1 collect run --portfolio FILE makes one`)
    }
    mkdirSync(paths.root, { recursive: true, mode: 0o700 })
    writeFileWhole(paths.key, `${Buffer.from(randomBytes(keyBytes)).toString('hex')}\n`)
  }
  const text = readFileSync(paths.key, 'utf8').trim()
  if (!/^[0-9a-f]{64}$/.test(text)) throw new ConfigurationError(`${paths.key} is no key: 64 hexadecimal digits`)
  return { store: openLmdbStore(paths.store, collectorTables), key: Buffer.from(text, 'hex') }
}
