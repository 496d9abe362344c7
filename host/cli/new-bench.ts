// What a new state directory holds: a test PKI, a meter that is provisioned, a registry that knows both.

import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { euiToBytes } from '../../protocol/bytes.ts'
import { addToVault } from '../dco/vault.ts'
import type { StatePaths } from '../state.ts'
import { createTestPki } from './test-pki.ts'
import { testDevice, testRegistry } from './test-registry.ts'

/** Writes a new meter's flash: the board side's business, handed in by `main.ts`. */
export type ProvisionFlash = (
  path: string,
  meter: { eui: Uint8Array; key: Uint8Array; pulsesPerKwh: number; flashKb?: number | undefined },
) => void

/** Fills a directory that `createState` has made. The meter's key goes to the DCO's vault and to the meter, nowhere else. */
export async function fillBench(paths: StatePaths, provisionFlash: ProvisionFlash, flashKb?: number): Promise<void> {
  createTestPki(paths.pki, { nowMs: Date.now() })
  const key = randomBytes(32)
  addToVault(paths.vault, testDevice.eui, key)
  mkdirSync(dirname(paths.flash), { mode: 0o700 })
  provisionFlash(paths.flash, { eui: euiToBytes(testDevice.eui), key, pulsesPerKwh: 1000, flashKb })
  writeFileSync(paths.registry, await testRegistry(), { mode: 0o600 })
}
