// Users, devices and certificates of a state directory, followed as they change: `registry.json` and the certificates when
// the files change, devices and registrations also when a command has changed the store.

import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { Registry } from '../access/parties.ts'
import type { PartiesChange } from '../access/registry-changes.ts'
import { createRegistry, recentRows } from '../access/registry-rows.ts'
import {
  changesAfter,
  forgetChanges,
  headOf,
  type RegistryChange,
  type RegistryStore,
  storedRows,
  unfinishedChange,
} from '../access/registry-store.ts'
import type { BridgeDisk, Parties } from '../bridge/env.ts'
import type { SigningTool } from '../pki/signing-tool.ts'
import { loadTrust } from '../pki/test-pki.ts'
import type { TrustStore } from '../pki/trust.ts'
import type { Log } from '../state/log-event.ts'
import type { StatePaths } from '../state/state-directory.ts'
import type { Timing } from '../wan/timing.ts'
import { tryChange } from './hold-state.ts'
import { HeldError } from './lock-file.ts'
import { takeRegistryFile } from './state-registry.ts'

/** Inode, size and time of each file; undefined when they cannot be read. */
export function stateOfFiles(paths: StatePaths): string | undefined {
  try {
    const files = readdirSync(paths.pki).filter((name) => name.endsWith('.pem'))
    return [paths.registry, ...files.sort().map((name) => join(paths.pki, name))]
      .map((path) => {
        const { ino, size, mtimeMs } = statSync(path)
        return `${path} ${ino} ${size} ${mtimeMs}`
      })
      .join('\n')
  } catch {
    return undefined
  }
}

/** How often the files are checked, milliseconds. */
const lookEveryMs = 500

/**
 * Calls `changed` when the registry or a certificate is no longer as it was at `known`. `look` calls it at once, changed or
 * not. Files that cannot be read are tried again the next time, and so are those for which `changed` returns false.
 */
export function watchParties(
  paths: StatePaths,
  known: string | undefined,
  timing: Timing,
  changed: () => Promise<boolean>,
): { look(): Promise<void>; stop(): void } {
  let last = known
  let timer = timing.after(lookEveryMs, check)

  async function take(now: string | undefined): Promise<void> {
    last = now
    if (!(await changed())) last = undefined
  }

  function check(): void {
    timer = timing.after(lookEveryMs, check)
    const now = stateOfFiles(paths)
    if (now !== undefined && now !== last) void take(now)
  }
  return {
    look: () => take(stateOfFiles(paths)),
    stop: () => timer.cancel(),
  }
}

/** How often changes that commands have made in the store are looked for, milliseconds. */
const pollEveryMs = 250
/** Changes, and devices in them, that are followed before other work goes on. */
const followedAtOnce = 20
const devicesAtOnce = 200

interface PartiesParts {
  timing: Timing
  store: RegistryStore
  audit: BridgeDisk['audit']
  log: Log
}

/**
 * The parties of a state directory, followed as they change. Requests keep the parties that they were checked with. Files
 * that are wrong are reported, and the parties stay as they were. @throws ConfigurationError listing what is wrong at first
 */
export async function openParties(
  paths: StatePaths,
  tool: SigningTool | undefined,
  { timing, store, audit, log }: PartiesParts,
): Promise<Parties & { reload(): Promise<void>; stop(): void }> {
  const rows = recentRows(storedRows(store))
  const files = stateOfFiles(paths)
  let { registry, trust } = await read(true)
  const changes = followChanges({ store, timing, audit, log, forget: rows.forget })

  async function read(isFirst = false): Promise<{ registry: Registry; trust: TrustStore }> {
    const { users, sha256 } = await tryChange(paths, () => takeRegistryFile(paths, store, timing.nowMs()), isFirst)
    const next = createRegistry(users, rows)
    const certificates = users.flatMap(({ certificate }) => (certificate === undefined ? [] : [certificate]))
    const found = { registry: next, trust: loadTrust(paths.pki, certificates, tool) }
    const unfinished = unfinishedChange(store)
    if (unfinished !== undefined)
      log('registry refused', { problem: `a change by ${unfinished} was cut off; part of it is in force. Do it again` })
    const fields = { sha256, users: users.length, devices: next.deviceCount() }
    audit.record({ event: 'registry', ...fields })
    log('registry', fields)
    return found
  }

  /** False when another process is changing the registry. */
  async function readAgain(): Promise<boolean> {
    try {
      const { users } = registry
      ;({ registry, trust } = await read())
      changes.look()
      // Their rights may be others now, to any device.
      if (!isDeepStrictEqual(users, registry.users)) changes.all()
    } catch (error) {
      if (error instanceof HeldError) return false
      const problem = (error as Error).message
      log('registry refused', { problem })
      audit.record({ event: 'registry refused', problem: problem.slice(0, 1000) })
    }
    return true
  }

  const watching = watchParties(paths, files, timing, readAgain)
  return {
    registry: () => registry,
    trust: () => trust,
    onChange: changes.onChange,
    reload: watching.look,
    stop() {
      watching.stop()
      changes.stop()
    },
  }
}

interface FollowParts extends PartiesParts {
  /** Called before a change is passed on. */
  forget(): void
}

/** Passes on what is noted in the store, from where an earlier run of the bridge has left off. */
function followChanges({ store, timing, audit, log, forget }: FollowParts) {
  let follow = (_change: PartiesChange) => {}
  let seen = 0
  let forgotten: Promise<void> = Promise.resolve()
  let stopped = false
  let timer = timing.after(pollEveryMs, poll)

  function poll(): void {
    if (stopped) return
    timer = timing.after(takeNext() ? 0 : pollEveryMs, poll)
  }

  /** Follows the next changes, about as many as take a few milliseconds. Whether there are more. */
  function takeNext(): boolean {
    const head = headOf(store)
    if (head === seen) return false
    const numbers: number[] = []
    let devices = 0
    forget()
    for (const { number, change } of changesAfter(store, seen)) {
      take(change)
      seen = number
      devices += change.devices.length
      if (numbers.push(number) === followedAtOnce || devices >= devicesAtOnce) break
    }
    if (numbers.length === 0) seen = head
    // What was not forgotten is followed once more after the next start, which does no harm.
    forgotten = forgotten.then(() => forgetChanges(store, numbers)).catch(() => {})
    return seen !== head
  }

  function take({ devices, lost, from, added, altered, removed, mpans, messages = [] }: RegistryChange): void {
    const counts = { from, added, altered, removed, mpans }
    if (added + altered + removed + mpans > 0) {
      log('registry changed', counts)
      audit.record({ event: 'registry changed', ...counts })
    }
    for (const message of messages) audit.record({ event: 'registration message', ...message })
    follow({ devices, lost })
  }

  /** Looks at once; the rest follows step by step. */
  function look(): void {
    timer.cancel()
    poll()
  }

  return {
    onChange(changed: (change: PartiesChange) => void) {
      follow = changed
      look()
    },
    look,
    all: () => follow({ lost: [], devices: undefined }),
    stop() {
      stopped = true
      timer.cancel()
    },
  }
}
