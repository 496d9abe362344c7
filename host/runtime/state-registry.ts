// The registry of a state directory: `registry.json`, and what the store has. Commands read it without a bridge.

import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { checkRegistry, createProblems, readFileRows } from '../access/check-registry.ts'
import type { Registry, User } from '../access/parties.ts'

import { fileChange, lastRows } from '../access/registry-file-change.ts'
import { createRegistry } from '../access/registry-rows.ts'
import {
  type RegistryChange,
  type RegistryStore,
  registryTables,
  storedRows,
  unfinishedChange,
  writePlan,
} from '../access/registry-store.ts'
import { settlementDayOf } from '../access/settlement-day.ts'
import { ConfigurationError } from '../state/errors.ts'
import { parseJson, type StatePaths } from '../state/state-directory.ts'
import { openLmdbStore } from '../store/lmdb.ts'

type Checked = { ok: true; registry: Registry } | { ok: false; problems: string[] }

const opened = new Map<string, RegistryStore>()

/** The store, once a bridge or an import has put the registry into it. It stays open until the process ends. */
function storeOf({ store: path }: StatePaths): RegistryStore | undefined {
  if (!existsSync(path)) return undefined
  const store = opened.get(path) ?? openLmdbStore(path, registryTables)
  opened.set(path, store)
  return store.get('registryNotes', 'file') === undefined ? undefined : store
}

/** The store, for a command that is about to write the registry into it. @throws ConfigurationError */
export function openRegistryStore({ store: path, storeOf1, root }: StatePaths): RegistryStore {
  if (!existsSync(path) && existsSync(storeOf1)) {
    throw new ConfigurationError(
      `${root} was made by version 0.1: start the bridge once, which brings it to this version, and import then`,
    )
  }
  const store = opened.get(path) ?? openLmdbStore(path, registryTables)
  opened.set(path, store)
  return store
}

/** Where a large change came from that was killed while it was written. */
export function unfinishedIn(paths: StatePaths): string | undefined {
  const store = storeOf(paths)
  return store && unfinishedChange(store)
}

/** Whether the store has the registry: a bridge or an import has put it there. */
export const isInStore = (paths: StatePaths) => storeOf(paths) !== undefined

function readRegistryFile({ registry: path }: StatePaths): { data: unknown; sha256: string } {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new ConfigurationError(`${path} cannot be read: ${(error as Error).message}`)
  }
  return { data: parseJson(text, path), sha256: createHash('sha256').update(text).digest('hex') }
}

/** Users of a file that was checked before. */
function usersOf(data: unknown, { registry: path }: StatePaths): User[] {
  const { note, list } = createProblems()
  const users = (data as { users?: unknown } | null)?.users
  const rows = readFileRows({ users, devices: [], registrations: [] }, note)
  if (list().length > 0) throw wrongFile(path, list())
  return rows.users
}

function wrongFile(path: string, problems: readonly string[]): ConfigurationError {
  return new ConfigurationError(`${path}:\n  ${problems.join('\n  ')}`)
}

/** What the registry would be with this text of `registry.json`. */
export function checkRegistryFile(paths: StatePaths, data: unknown): Checked {
  const store = storeOf(paths)
  if (store === undefined) return checkRegistry(data)
  const checked = fileChange(data, storedRows(store), lastRows(store))
  return checked.ok ? { ok: true, registry: checked.change.registry } : checked
}

/**
 * The registry as it is, with changes of `registry.json` that no bridge has read yet.
 * @throws ConfigurationError listing every problem
 */
export function loadRegistry(paths: StatePaths): Registry {
  const { data, sha256 } = readRegistryFile(paths)
  const store = storeOf(paths)
  if (store?.get('registryNotes', 'file') === sha256) return createRegistry(usersOf(data, paths), storedRows(store))
  const checked = checkRegistryFile(paths, data)
  if (checked.ok) return checked.registry
  throw wrongFile(paths.registry, checked.problems)
}

export interface TakenFile {
  users: User[]
  sha256: string
  /** Absent when the file is as it was last read. */
  change?: RegistryChange
}

/**
 * Writes what `registry.json` changes into the store. Nobody else may change the registry meanwhile.
 * @throws ConfigurationError listing every problem; then nothing has changed
 */
export async function takeRegistryFile(paths: StatePaths, store: RegistryStore, nowMs: number): Promise<TakenFile> {
  const { data, sha256 } = readRegistryFile(paths)
  if (store.get('registryNotes', 'file') === sha256) return { users: usersOf(data, paths), sha256 }
  const checked = fileChange(data, storedRows(store), lastRows(store))
  if (!checked.ok) throw wrongFile(paths.registry, checked.problems)
  const { users, plan, note } = checked.change
  const change = await writePlan(store, plan, {
    from: 'registry.json',
    day: settlementDayOf(nowMs),
    last(batch) {
      note(batch)
      batch.put('registryNotes', 'file', sha256)
    },
  })
  return { users, sha256, change }
}
