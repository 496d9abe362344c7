// The store of version 1 held responses and requests as they were. It is copied into a new store, where they are sealed,
// and then overwritten and removed. Killed at any moment, one of the two is whole.

import { closeSync, existsSync, fsyncSync, openSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Encoder } from 'cbor-x'
import { open, type RootDatabase } from 'lmdb'
import { recordsOf } from '../audit/read-trail.ts'
import { acceptedIds } from '../audit/select.ts'
import { bridgeTables, type Tables } from '../bridge/tables.ts'
import { readStoredRequest } from '../requests/accepted-request.ts'
import { openAcceptedStore } from '../requests/accepted-store.ts'
import { CommandError, ConfigurationError, exitCode } from '../state/errors.ts'
import { destroyFile, type StatePaths, stateVersion, writeFileWhole } from '../state/state-directory.ts'
import { createKeySlots, type KeySlots, openKeyFile } from '../store/key-slots.ts'
import { openLmdbStore } from '../store/lmdb.ts'
import { oneOf, optional, readNumber, readText, record } from '../store/row-reader.ts'
import { sealEntry } from '../store/sealed.ts'
import type { Store } from '../store/store.ts'
import { loadRegistry } from './state-registry.ts'

/** A row of the table `outbox` of version 1. */
const readOutgoing = record<{
  url: string
  body: string
  tries: number
  createdMs: number
  state: 'waiting' | 'refused' | 'given up'
  lastProblem: string
  notBeforeMs?: number
  explanation?: string
  mailbox?: string
}>({
  url: readText,
  body: readText,
  tries: readNumber,
  createdMs: readNumber,
  state: oneOf(['waiting', 'refused', 'given up']),
  lastProblem: readText,
  notBeforeMs: optional(readNumber),
  explanation: optional(readText),
  mailbox: optional(readText),
})

const cbor = new Encoder({ useRecords: false, tagUint8Array: false })
/** Tables that are not copied as they are, or that version 1 did not have. */
const copiedOtherwise: readonly string[] = ['accepted', 'outbox', 'bodies', 'clock', 'orders']
/** Rows that are written before their writes are waited for. */
const batch = 500

type RandomBytes = (count: number) => Uint8Array

/** Brings a state directory of version 1 to this version; call it before the store is opened. @throws ConfigurationError */
export async function migrateStore(paths: StatePaths, randomBytes: RandomBytes, nowMs: number): Promise<void> {
  if (existsSync(paths.storeOf1)) {
    // An older program refuses the directory from here on; it would begin with an empty store.
    writeVersion(paths)
    if (!(await isMigrated(paths))) await copyStore(paths, randomBytes, nowMs)
    destroyStore(paths.storeOf1)
    rmSync(join(paths.root, 'lock'), { recursive: true, force: true })
  }
}

/** The copy is renamed when it is whole. A store that a command has made beside has no age yet, and nothing to keep. */
async function isMigrated(paths: StatePaths): Promise<boolean> {
  if (!existsSync(paths.store)) return false
  const store = openLmdbStore(paths.store, bridgeTables)
  const isWhole = store.get('clock', 'age') !== undefined
  await store.close()
  return isWhole
}

/**
 * A store of version 1 without any counter, beside a trail with accepted requests, was emptied: used RequestIDs would be
 * accepted again. Version 1 noted nothing else of its trail. @throws CommandError naming what to do
 */
export async function checkOldStore(paths: StatePaths): Promise<void> {
  if (!existsSync(paths.storeOf1) || existsSync(paths.store)) return
  const old = openOld(paths.storeOf1)
  const [counter] = [...old.openDB<Buffer, string>({ name: 'counters', encoding: 'binary' }).getRange({ limit: 1 })]
  await old.close()
  if (counter !== undefined) return
  for await (const record of recordsOf(paths.audit)) {
    if (acceptedIds([record]).length === 0) continue
    throw new CommandError(
      exitCode.failed,
      `the store in ${paths.storeOf1} is empty, but the audit trail has accepted requests: used RequestIDs would be accepted ` +
        'again. Put the store back, or take the used RequestIDs from the trail: smets1 restore',
    )
  }
}

function writeVersion(paths: StatePaths): void {
  writeFileWhole(paths.version, `${JSON.stringify({ version: stateVersion })}\n`)
}

async function copyStore(paths: StatePaths, randomBytes: RandomBytes, nowMs: number): Promise<void> {
  const beside = `${paths.store}-new`
  rmSync(beside, { recursive: true, force: true })
  const old = openOld(paths.storeOf1)
  const made = openLmdbStore(beside, bridgeTables)
  const outboxKeys = createKeySlots(openKeyFile(paths.outboxKeys), randomBytes)
  const requestKeys = createKeySlots(openKeyFile(paths.requestKeys), randomBytes)
  try {
    outboxKeys.keepOnly([])
    await copyRequests(old, made, requestKeys, randomBytes)
    const users = new Set(loadRegistry(paths).users.map(({ eui }) => eui))
    await copyOutbox(old, made, { outboxKeys, randomBytes, nowMs, users })
    for (const name of Object.keys(bridgeTables)) {
      if (!copiedOtherwise.includes(name)) await copyTable(old, made, name)
    }
  } finally {
    outboxKeys.close()
    requestKeys.close()
    await made.close()
    await old.close()
  }
  syncDirectory(beside)
  rmSync(paths.store, { recursive: true, force: true })
  renameSync(beside, paths.store)
  syncDirectory(dirname(paths.store))
}

function openOld(directory: string): RootDatabase {
  try {
    return open({ path: directory, maxDbs: 32 })
  } catch (error) {
    throw new ConfigurationError(`the store in ${directory} cannot be opened: ${(error as Error).message}`)
  }
}

async function inBatches(works: Iterable<Promise<unknown>>): Promise<void> {
  let pending: Promise<unknown>[] = []
  for (const work of works) {
    pending.push(work)
    if (pending.length < batch) continue
    await Promise.all(pending)
    pending = []
  }
  await Promise.all(pending)
}

function* rowsOf(old: RootDatabase, name: string): Iterable<{ key: string; value: unknown }> {
  const table = old.openDB<Buffer, string>({ name, encoding: 'binary' })
  for (const { key, value } of table.getRange()) yield { key, value: cbor.decode(value) }
}

async function copyTable(old: RootDatabase, made: Store<Tables>, name: string): Promise<void> {
  const untyped: Store<{ [table: string]: unknown }> = made
  await inBatches(mapped(rowsOf(old, name), ({ key, value }) => untyped.put(name, key, value)))
}

function* mapped<From, To>(items: Iterable<From>, change: (item: From) => To | undefined): Iterable<To> {
  for (const item of items) {
    const to = change(item)
    if (to !== undefined) yield to
  }
}

async function copyRequests(
  old: RootDatabase,
  made: Store<Tables>,
  keys: KeySlots,
  randomBytes: RandomBytes,
): Promise<void> {
  const accepted = openAcceptedStore(made, keys, randomBytes, [])
  const copy = ({ key, value }: { key: string; value: unknown }) => {
    const stored = readStoredRequest(value)
    if (stored === undefined) return undefined
    return accepted.keep(key, stored)
  }
  await inBatches(mapped(rowsOf(old, 'accepted'), copy))
}

interface OutboxCopy {
  outboxKeys: KeySlots
  randomBytes: RandomBytes
  nowMs: number
  users: ReadonlySet<string>
}

async function copyOutbox(
  old: RootDatabase,
  made: Store<Tables>,
  { outboxKeys, randomBytes, nowMs, users }: OutboxCopy,
): Promise<void> {
  const copy = ({ key: id, value }: { key: string; value: unknown }) => {
    const row = readOutgoing(value)
    if (row === undefined) return undefined
    const { url, body, explanation, ...more } = row
    const slot = outboxKeys.take()
    const plain = Buffer.from(body)
    const parties = id.split(':')
    const user = parties.find((eui) => users.has(eui)) ?? parties[0] ?? id
    const ageMs = Math.min(0, row.createdMs - nowMs)
    const sealed = sealEntry(outboxKeys.key(slot), plain, id, randomBytes)
    return Promise.all([
      made.put('bodies', id, { sealed, ...(explanation !== undefined && { explanation }) }),
      made.put('outbox', id, { ...more, user, url, ageMs, slot, bytes: plain.length }),
    ])
  }
  await inBatches(mapped(rowsOf(old, 'outbox'), copy))
  await made.put('clock', 'age', { wallMs: nowMs, ageMs: 0, jumpMs: 0 })
}

/** Overwrites the files of a store before it removes them. */
function destroyStore(directory: string): void {
  for (const name of readdirSync(directory)) destroyFile(join(directory, name))
  rmSync(directory, { recursive: true, force: true })
}

function syncDirectory(directory: string): void {
  const file = openSync(directory, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}
