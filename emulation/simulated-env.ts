// The simulated environment of a bridge: a virtual clock, a simulated line, everything in memory but the keys of the cache.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AuditEvent } from '../host/audit/audit-record.ts'
import type { BridgeEnv, Parties } from '../host/bridge/env.ts'
import { createLifecycle } from '../host/bridge/lifecycle.ts'
import type { Tables } from '../host/bridge/tables.ts'
import { openHourlyKeys } from '../host/cache/hourly-keys.ts'
import type { BridgeConfig } from '../host/config/config.ts'
import type { Vault } from '../host/dco/vault.ts'
import type { Post } from '../host/delivery/delivery.ts'
import type { Schema } from '../host/duis/schema.ts'
import { createTestPki, loadIdentity, loadTrust, type TestIdentityName } from '../host/pki/test-pki.ts'
import type { CompletedRequest } from '../host/requests/accepted-request.ts'
import type { Store } from '../host/store/store.ts'
import type { OpenPort } from '../host/wan/bindings.ts'
import { createRandom } from './random.ts'
import type { VirtualClock } from './virtual-clock.ts'

/** The keys of a test PKI, made once for a process. They are removed when it ends. */
export interface SimulatedPki {
  trust: ReturnType<Parties['trust']>
  identity(name: TestIdentityName): ReturnType<typeof loadIdentity>
  /** A new empty directory. */
  directory(): string
}

export function createSimulatedPki(nowMs: number): SimulatedPki {
  const scratch = mkdtempSync(join(tmpdir(), 'smets1-bench-'))
  process.once('exit', () => rmSync(scratch, { recursive: true, force: true }))
  const pki = join(scratch, 'pki')
  createTestPki(pki, { nowMs })
  return {
    trust: loadTrust(pki),
    identity: (name) => loadIdentity(pki, name),
    directory: () => mkdtempSync(join(scratch, 'state-')),
  }
}

/** What outlives a bridge that is killed. */
export interface SimulatedWorld {
  clock: VirtualClock
  openPort: OpenPort
  pki: SimulatedPki
  /** Directory of the cache's keys. */
  cacheKeys: string
  store: Store<Tables>
  vault: Vault
  parties: Parties
  schema?: Schema | undefined
  seed: number
}

/** What a bench sees of the bridge. */
export interface SimulatedEvents {
  post: Post
  record(event: AuditEvent): void
  /** Resolves when what was recorded counts as written. */
  committed(): Promise<void>
  log(event: string, fields: { [name: string]: unknown }): void
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
    network: { post: events.post },
    disk: {
      store,
      // Once a minute of virtual time is too often to write to a disk.
      cacheKeys: { ...cacheKeys, sweep: cacheKeys.observe },
      audit: { record: (event) => events.record(structuredClone(event)), committed: events.committed },
      schema,
    },
    keys: { dsp, s1sp: pki.identity('s1sp').signer, vault: world.vault },
    parties: world.parties,
    log: events.log,
    lifecycle: createLifecycle(),
    completed: events.completed,
  }
}
