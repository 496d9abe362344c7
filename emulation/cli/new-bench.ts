// What a new state directory holds: a test PKI, Users, and for `up` a meter that is provisioned.

import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { fillParties } from '../../host/cli/new-parties.ts'
import { provisionMeters } from '../../host/cli/provision-meters.ts'
import { registeredFrom, testDevice, testRegistrations } from '../../host/cli/test-registry.ts'
import { keepVirtualTime } from '../../host/state/state-clock.ts'
import type { StatePaths } from '../../host/state/state-directory.ts'
import { euiToBytes } from '../../protocol/bytes.ts'

/** Writes a new meter's flash. Passed in by `main.ts`, as it needs the board's side. */
export type ProvisionFlash = (
  path: string,
  meter: { eui: Uint8Array; key: Uint8Array; pulsesPerKwh: number; flashKb?: number | undefined },
) => void

export interface BenchToMake {
  /** Flash of the meter; as much as it needs unless given. */
  flashKb?: number | undefined
  /** The time of its virtual clock, ms of UTC; absent for a bench in real time. */
  virtualMs?: number | undefined
}

/** Fills a directory that `createState` has made. The meter's key goes to the DCO's vault and to the meter, nowhere else. */
export async function fillBench(
  paths: StatePaths,
  provisionFlash: ProvisionFlash,
  { flashKb, virtualMs }: BenchToMake = {},
): Promise<void> {
  await fillParties(paths, virtualMs === undefined ? { nowMs: Date.now() } : { nowMs: virtualMs, isVirtual: true })
  if (virtualMs !== undefined) keepVirtualTime(paths, { nowMs: virtualMs, isMoving: false })
  mkdirSync(dirname(paths.flash), { mode: 0o700 })
  provisionMeters(paths, [{ ...testDevice, registrations: testRegistrations, from: registeredFrom }], {
    randomBytes,
    replace: false,
    settingsOf: () => paths.flash,
    install: (path, eui, key) => provisionFlash(path, { eui: euiToBytes(eui), key, pulsesPerKwh: 1000, flashKb }),
  })
}
