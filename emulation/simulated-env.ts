// The simulated environment of a bridge: a virtual clock, a simulated line, everything in memory but the keys of the cache.

import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AuditEvent } from '../host/audit/audit-record.ts'
import type { BridgeEnv, BridgeModels, BridgeNetwork, Parties } from '../host/bridge/env.ts'
import { createLifecycle } from '../host/bridge/lifecycle.ts'
import type { Tables } from '../host/bridge/tables.ts'
import { openHourlyKeys } from '../host/cache/hourly-keys.ts'
import type { BridgeConfig } from '../host/config/config.ts'
import type { Vault } from '../host/dco/vault.ts'
import type { Post } from '../host/delivery/delivery.ts'
import type { Schema } from '../host/duis/schema.ts'
import { addIdentity, createTestPki, type Identity, loadIdentity, loadTrust } from '../host/pki/test-pki.ts'
import type { TrustStore } from '../host/pki/trust.ts'
import type { CompletedRequest } from '../host/requests/accepted-request.ts'
import type { ReportSecurity } from '../host/state/security-event.ts'
import { createKeySlots, createMemoryKeyFile, type KeyFile } from '../host/store/key-slots.ts'
import type { Store } from '../host/store/store.ts'
import type { OpenPort } from '../host/wan/bindings.ts'
import { createRandom } from './random.ts'
import type { VirtualClock } from './virtual-clock.ts'

/** A test PKI in a directory of its own, which is removed when the process ends or before. */
export interface SimulatedPki {
  trust(): TrustStore
  /** A party of the PKI. @throws Error when there is none of that name */
  identity(name: string): Identity
  /** Directory with NAME.pem and NAME.key of each party. */
  files: string
  /** Adds a User. @throws Error when the name is taken */
  add(party: { name: string; eui: string }): void
  /** A new empty directory. */
  directory(): string
  remove(): void
}

/** Memory where the system has it: a simulated year creates thousands of key files, each synchronised to its disk. */
function scratchParent(): string {
  try {
    accessSync('/dev/shm', constants.W_OK)
    return '/dev/shm'
  } catch {
    return tmpdir()
  }
}

const scratches = new Set<string>()

function removeScratch(path: string): void {
  rmSync(path, { recursive: true, force: true })
  scratches.delete(path)
}

process.once('exit', () => {
  for (const path of scratches) removeScratch(path)
})

export function createSimulatedPki(nowMs: number): SimulatedPki {
  const scratch = mkdtempSync(join(scratchParent(), 'smets1-bench-'))
  scratches.add(scratch)
  const pki = join(scratch, 'pki')
  createTestPki(pki, { nowMs })
  let trust: TrustStore | undefined
  const identities = new Map<string, Identity>()
  return {
    trust() {
      trust ??= loadTrust(pki)
      return trust
    },
    identity(name) {
      const found = identities.get(name) ?? loadIdentity(pki, name)
      identities.set(name, found)
      return found
    },
    files: pki,
    add({ name, eui }) {
      addIdentity(pki, { name, eui, role: '87' }, { nowMs })
      trust = undefined
    },
    directory: () => mkdtempSync(join(scratch, 'state-')),
    remove: () => removeScratch(scratch),
  }
}

/** Keys that outlive a bridge that is killed: those of the cache in this directory, the others in memory. */
export function simulatedKeys(cacheKeys: string): Pick<SimulatedWorld, 'cacheKeys' | 'outboxKeys' | 'requestKeys'> {
  return { cacheKeys, outboxKeys: createMemoryKeyFile(), requestKeys: createMemoryKeyFile() }
}

/** What outlives a bridge that is killed. */
export interface SimulatedWorld {
  clock: VirtualClock
  openPort: OpenPort
  pki: SimulatedPki
  /** Directory of the cache's keys. */
  cacheKeys: string
  store: Store<Tables>
  outboxKeys: KeyFile
  requestKeys: KeyFile
  vault: Vault
  parties: Parties
  models?: BridgeModels | undefined
  schema?: Schema | undefined
  /** Where DUIS is served; nowhere unless given. */
  serve?: BridgeNetwork['serve'] | undefined
  seed: number
}

/** What a bench sees of the bridge. */
export interface SimulatedEvents {
  post: Post
  record(event: AuditEvent): void
  /** Resolves when what was recorded counts as written. */
  committed(): Promise<void>
  log(event: string, fields: { [name: string]: unknown }): void
  reportSecurity: ReportSecurity
  completed(completed: CompletedRequest): void
}

/** The environment of one life of a bridge, from its start until it stops or is killed. */
export function createSimulatedEnv(
  world: SimulatedWorld,
  config: BridgeConfig,
  life: number,
  events: SimulatedEvents,
): BridgeEnv {
  const { clock, pki, store, schema, seed } = world
  // Of each life its own numbers: a nonce must not come again with the same key.
  const randomBytes = (purpose: number) => createRandom(seed + purpose + 1000 * life).bytes
  const dsp = pki.identity('dsp')
  const cacheKeys = openHourlyKeys(world.cacheKeys, randomBytes(8), () => {}, config.cacheDeletion)
  return {
    timing: clock,
    randomBytes: randomBytes(9),
    wan: { openPort: world.openPort, holdLines: false },
    network: { post: events.post, ...(world.serve && { serve: world.serve }) },
    disk: {
      store,
      // Once a minute of virtual time is too often to write to a disk.
      cacheKeys: { ...cacheKeys, sweep: cacheKeys.observe },
      outboxKeys: createKeySlots(world.outboxKeys, randomBytes(10)),
      requestKeys: createKeySlots(world.requestKeys, randomBytes(11)),
      audit: { record: (event) => events.record(structuredClone(event)), committed: events.committed },
      schema,
    },
    keys: { dsp, s1sp: pki.identity('s1sp').signer, vault: world.vault },
    parties: world.parties,
    log: events.log,
    reportSecurity: events.reportSecurity,
    lifecycle: createLifecycle(),
    models: world.models,
    completed: events.completed,
  }
}
