// The state directory: the files of one bench, and how a directory is created completely or not at all.

import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { ConfigurationError } from './errors.ts'

/** Version of the directory's layout. */
export const stateVersion = 2

/** Paths in a state directory. */
export interface StatePaths {
  root: string
  /** Version of the layout; written last, so that a directory without it is incomplete. */
  version: string
  /** Users, devices, registrations. */
  registry: string
  /** Settings that differ from the defaults; may be absent. */
  config: string
  /** Certificates and keys of the test PKI. */
  pki: string
  /** The DCO's keys, a directory. Only the DCO reads it. */
  vault: string
  cacheKeys: string
  /** Keys of responses that no User has taken, and of requests that are not answered and taken. */
  outboxKeys: string
  requestKeys: string
  store: string
  /** The store of version 1, whose responses and requests were not sealed. */
  storeOf1: string
  /** The service audit trail. */
  audit: string
  /** Flash of the emulated meter that `up` runs. */
  flash: string
  /** Settings files for other meters, until these are provisioned. */
  meters: string
  /** Present while a provisioning runs, or after it was killed. */
  provisioning: string
  /** The lock of the bridge that runs on this directory. */
  owner: string
  /** The lock for changes that commands make beside a bridge. */
  changes: string
  /** Address and tokens of the control API, while it is served. */
  control: string
  log: string
  /** Records of protective monitoring. */
  securityLog: string
  /** The time of a virtual clock; absent in a directory of this machine's clock (state-clock.ts). */
  clock: string
}

export function statePaths(directory: string): StatePaths {
  const root = resolve(directory)
  return {
    root,
    version: join(root, 'state.json'),
    registry: join(root, 'registry.json'),
    config: join(root, 'config.json'),
    pki: join(root, 'pki'),
    vault: join(root, 'dco', 'vault'),
    cacheKeys: join(root, 'cache-keys'),
    outboxKeys: join(root, 'outbox.keys'),
    requestKeys: join(root, 'requests.keys'),
    store: join(root, 'store-2'),
    storeOf1: join(root, 'store'),
    audit: join(root, 'audit'),
    flash: join(root, 'meter', 'flash.bin'),
    meters: join(root, 'meters'),
    provisioning: join(root, 'provisioning.json'),
    owner: join(root, 'owner.lock'),
    changes: join(root, 'changes.lock'),
    control: join(root, 'control'),
    log: join(root, 'bridge.log'),
    securityLog: join(root, 'security.log'),
    clock: join(root, 'clock.json'),
  }
}

/** Writes a small file whole, mode 0600. */
export function writeFileWhole(path: string, text: string): void {
  const file = openSync(`${path}.new`, 'w', 0o600)
  try {
    writeSync(file, text)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(`${path}.new`, path)
}

/** Overwrites a file, so that its old blocks are gone on a plain disk, and deletes it. */
export function destroyFile(path: string): void {
  const zeros = new Uint8Array(1024 * 1024)
  const bytes = statSync(path).size
  const file = openSync(path, 'r+')
  try {
    for (let at = 0; at < bytes; ) at += writeSync(file, zeros, 0, Math.min(zeros.length, bytes - at), at)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  rmSync(path)
}

/** Reads a JSON file. @throws ConfigurationError naming the file and what is wrong */
export function readJson(path: string): unknown {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new ConfigurationError(`${path} cannot be read: ${(error as Error).message}`)
  }
  return parseJson(text, path)
}

/** The value of a JSON file's text. @throws ConfigurationError naming the file and what is wrong */
export function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new ConfigurationError(
      `${path} is not JSON: ${(error as Error).message}; correct it or restore it from a copy`,
    )
  }
}

/**
 * Whether a state directory exists: 'absent' (or empty), or 'whole'.
 * @throws ConfigurationError for one of a newer version, a damaged one, or a directory that is something else
 */
export function stateOf(paths: StatePaths): 'absent' | 'whole' {
  if (!existsSync(paths.root)) return 'absent'
  let names: string[]
  try {
    names = readdirSync(paths.root)
  } catch (error) {
    throw new ConfigurationError(`the state directory ${paths.root} cannot be read: ${(error as Error).message}`)
  }
  if (names.length === 0) return 'absent'
  if (!existsSync(paths.version)) {
    throw new ConfigurationError(
      `${paths.root} is not a state directory (it has files, but no state.json): name another with --state DIR`,
    )
  }
  const { version } = readJson(paths.version) as { version?: unknown }
  if (typeof version !== 'number' || version < 1) {
    throw new ConfigurationError(`${paths.version} has no version: the state directory is damaged; move it away`)
  }
  if (version > stateVersion) {
    throw new ConfigurationError(
      `${paths.root} is of version ${version}, this program knows ${stateVersion}: use a newer smets1, or another --state DIR`,
    )
  }
  for (const path of [paths.registry, paths.pki, paths.vault]) {
    if (!existsSync(path)) {
      throw new ConfigurationError(
        `${paths.root} is not whole: ${path} is missing; restore it, or move the directory away`,
      )
    }
  }
  return 'whole'
}

/** The temporary directory in which a state directory is created. */
export function besideOf(paths: StatePaths): string {
  return join(dirname(paths.root), `.${basename(paths.root).replace(/^\./, '')}.new`)
}

/**
 * Creates a state directory, mode 0700: `fill` writes into a temporary directory beside it, which is then renamed. When
 * anything fails, nothing is left behind. Call it through `newState`, which keeps other processes away.
 */
export async function createState(paths: StatePaths, fill: (paths: StatePaths) => Promise<void>): Promise<void> {
  const beside = statePaths(besideOf(paths))
  mkdirSync(dirname(beside.root), { recursive: true })
  try {
    if (stateOf(paths) === 'whole')
      throw new ConfigurationError(`${paths.root} was created by another process meanwhile`)
    rmSync(beside.root, { recursive: true, force: true })
    mkdirSync(beside.root, { mode: 0o700 })
    await fill(beside)
    writeFileWhole(beside.version, `${JSON.stringify({ version: stateVersion })}\n`)
    renameSync(beside.root, paths.root)
  } catch (error) {
    rmSync(beside.root, { recursive: true, force: true })
    throw error
  }
}
