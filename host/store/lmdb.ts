// The store on disk: one LMDB environment in the state directory, values in CBOR.

import {
  chmodSync,
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readSync,
  rmSync,
  statfsSync,
  statSync,
  truncateSync,
} from 'node:fs'
import { join } from 'node:path'
import { Encoder } from 'cbor-x'
import { type Database, open } from 'lmdb'
import { ConfigurationError } from '../state/errors.ts'
import { readValue, type Store, type TableReaders, UnwritableError } from './store.ts'

const cbor = new Encoder({ useRecords: false, tagUint8Array: false })

/** Written to find out whether there is room again: more than the little that a full disk still has in free pages. */
const probeBytes = 256 * 1024

/** A write of a batch, which fails with the whole batch. */
const part = (write: Promise<unknown>) => void write.catch(reasonOf)

/** LMDB gives its reason in the same moment, if at all. */
async function inAMoment(message: string): Promise<string> {
  for (let turn = 0; turn < 10; turn++) await undefined
  return message
}

/** Why LMDB did not commit. It gives the reason as a promise of its own, which must not be left without a handler. */
async function reasonOf(error: unknown): Promise<string> {
  const { message, commitError } = error as { message: string; commitError?: Promise<never> }
  if (commitError === undefined) return message
  const reason = commitError.catch(({ message: real }: Error) => real)
  return await Promise.race([reason, inAMoment(message)])
}

/** LMDB calls it an input/output error when there was room for a part of a write. */
function isFull(directory: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(directory)
    return bavail * bsize < probeBytes
  } catch {
    return false
  }
}

/** Notices when nothing can be written to the store. */
function createWrites(directory: string) {
  const file = openSync(join(directory, 'data.mdb'), 'r')
  let problem: string | undefined

  /** Why what was written is not kept, although it was written. */
  function gone(): string | undefined {
    return fstatSync(file).nlink === 0 ? 'it was deleted while the bridge runs' : undefined
  }

  return {
    trouble: () => gone() ?? problem,
    /** Resolves when a write is on disk. @throws UnwritableError */
    async done(write: () => Promise<unknown>): Promise<void> {
      let why: string | undefined
      try {
        await write()
        why = gone()
      } catch (error) {
        const reason = (await reasonOf(error)).split(': Attempting')[0]
        why = isFull(directory) ? 'No space left on device' : reason
        problem = why
      }
      if (why !== undefined) throw new UnwritableError(`the store in ${directory} cannot be written: ${why}`)
    },
    /** The last one has shown that there is room again. */
    mended() {
      problem = undefined
    },
    close: () => closeSync(file),
  }
}

/**
 * A commit includes its sync, and writes are not wrapped in batches of an event turn. With either, a commit that fails leaves
 * promises behind that end the process, or that `close` waits for without end (lmdb 3.5, a full disk).
 */
const safeWrites = { overlappingSync: false, eventTurnBatching: false }

/** Tables that one environment can hold; more than any version has. */
const tablesMax = 32

/**
 * Opens (or makes) the store in a directory, mode 0700. Tables that are not named are left as they are.
 * @throws ConfigurationError naming the directory when LMDB cannot open it
 */
export function openLmdbStore<Tables>(directory: string, readers: TableReaders<Tables>): Store<Tables> {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const root = openOrExplain(directory)
  const writes = createWrites(directory)
  const probes = root.openDB<Buffer, string>({ name: 'probe', encoding: 'binary' })
  const databases = new Map<string, Database<Buffer, string>>()
  for (const name of Object.keys(readers)) databases.set(name, root.openDB({ name, encoding: 'binary' }))

  function database(name: string): Database<Buffer, string> {
    const found = databases.get(name)
    if (found === undefined) throw new RangeError(`the store was opened without its table "${name}"`)
    return found
  }

  return {
    get(name, key) {
      const bytes = database(name).get(key)
      return bytes === undefined ? undefined : readValue(readers[name], cbor.decode(bytes), name, key)
    },
    put: (name, key, value) => writes.done(() => database(name).put(key, cbor.encode(value))),
    remove: (name, key) => writes.done(() => database(name).remove(key)),
    write(fill) {
      const fillBatch = () =>
        fill({
          put: (name, key, value) => part(database(name).put(key, cbor.encode(value))),
          remove: (name, key) => part(database(name).remove(key)),
        })
      return writes.done(() => root.batch(fillBatch))
    },
    *range(name, from, to) {
      for (const { key, value } of database(name).getRange({ start: from, end: to }))
        yield { key, value: readValue(readers[name], cbor.decode(value), name, key) }
    },
    count: (name) => (database(name).getStats() as { entryCount: number }).entryCount,
    trouble() {
      const why = writes.trouble()
      return why === undefined ? undefined : `the store in ${directory} cannot be written: ${why}`
    },
    async probe() {
      await writes.done(() => probes.put('probe', Buffer.alloc(probeBytes)))
      await writes.done(() => probes.remove('probe'))
      writes.mended()
    },
    async close() {
      writes.close()
      await root.close()
    },
  }
}

/**
 * Copies the store in a directory to another one (created, mode 0700) as it is at one moment; a bridge may use it meanwhile.
 * Nothing of the tables `without` is in the copy, nor anything that was deleted.
 */
export async function copyLmdbStore(from: string, to: string, without: readonly string[]): Promise<void> {
  const first = `${to}-first`
  for (const directory of [first, to]) mkdirSync(directory, { recursive: true, mode: 0o700 })
  try {
    await compactCopy(from, first, [])
    // What is removed stays in free pages; a compact copy leaves those out.
    await compactCopy(first, to, without)
  } finally {
    rmSync(first, { recursive: true, force: true })
  }
  chmodSync(join(to, 'data.mdb'), 0o600)
}

async function compactCopy(from: string, to: string, without: readonly string[]): Promise<void> {
  const root = openOrExplain(from)
  try {
    for (const name of without) await root.openDB({ name, encoding: 'binary' }).clearAsync()
    await root.flushed
    await root.backup(to, true)
  } finally {
    await root.close()
  }
}

/** Where the two meta pages have their fields, bytes from the start of the page; lmdb 3.x, little-endian. */
const meta = { bytes: 176, magicAt: 24, magic: 0xbeefc0de, pageBytesAt: 48, lastPageAt: 144 }

/**
 * Checks that the file is as long as its meta pages say: LMDB maps it, and a page that is not there would end the process.
 * A file that has all pages of the older meta page is lengthened: after a power cut LMDB continues from that one.
 */
function checkLength(directory: string): void {
  const path = join(directory, 'data.mdb')
  if (!existsSync(path) || statSync(path).size === 0) return
  const file = openSync(path, 'r')
  try {
    const first = readMeta(file, 0)
    const second = readMeta(file, first.pageBytes)
    // After the meta pages, because a running bridge makes the file longer.
    const { size } = fstatSync(file)
    const needed = [first, second].map(({ pageBytes, lastPage }) => pageBytes * (lastPage + 1))
    if (size < Math.min(...needed)) throw new Error(`it is cut off: ${size} of ${Math.max(...needed)} bytes`)
    if (size < Math.max(...needed)) truncateSync(path, Math.max(...needed))
  } finally {
    closeSync(file)
  }
}

/** LMDB itself ends the process when it reads a file that is not one of its own. */
function readMeta(file: number, at: number): { pageBytes: number; lastPage: number } {
  const page = Buffer.alloc(meta.bytes)
  if (readSync(file, page, 0, meta.bytes, at) < meta.bytes) throw new Error('it is cut off within its first pages')
  const pageBytes = page.readUInt32LE(meta.pageBytesAt)
  const lastPage = Number(page.readBigUInt64LE(meta.lastPageAt))
  const isMeta = page.readUInt32LE(meta.magicAt) === meta.magic && pageBytes >= 256 && pageBytes <= 65536
  if (!isMeta || !Number.isSafeInteger(lastPage)) throw new Error('data.mdb is damaged, or is no store')
  return { pageBytes, lastPage }
}

function openOrExplain(directory: string) {
  try {
    checkLength(directory)
    const root = open({ path: directory, maxDbs: tablesMax, ...safeWrites })
    // LMDB makes its files readable for everybody.
    for (const name of ['data.mdb', 'lock.mdb']) chmodSync(join(directory, name), 0o600)
    return root
  } catch (error) {
    throw new ConfigurationError(
      `the store in ${directory} cannot be opened (${(error as Error).message}): restore it from a backup (smets1 restore), ` +
        'or move it away and take used RequestIDs from the audit trail (smets1 restore without a backup)',
    )
  }
}
