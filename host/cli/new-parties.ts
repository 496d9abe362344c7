// The parties of a new state directory: a test PKI and the Users of the reference test data set.

import { mkdirSync, writeFileSync } from 'node:fs'
import { createTestPki, type TestPkiOptions } from '../pki/test-pki.ts'
import type { StatePaths } from '../state/state-directory.ts'
import { testRegistry } from './test-registry.ts'

/** Fills a directory that `createState` has made with all but a meter. `made`: when, and by which clock. */
export async function fillParties(paths: StatePaths, made: TestPkiOptions = { nowMs: Date.now() }): Promise<void> {
  createTestPki(paths.pki, made)
  mkdirSync(paths.vault, { recursive: true, mode: 0o700 })
  writeFileSync(paths.registry, await testRegistry(), { mode: 0o600 })
}
