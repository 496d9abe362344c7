// The registry's file, which one process at a time changes: what it says is read and written under one hold, so that no
// change is lost. A change that was killed is undone, or finished, by the next.

import { createHash } from 'node:crypto'
import { readFileSync, rmSync } from 'node:fs'
import { type Rows, readJsonFile } from '../access/import-rows.ts'
import { openVault, removeKeys } from '../dco/vault.ts'
import { readJson, type StatePaths, writeFileWhole } from '../state/state-directory.ts'
import { changeState } from './hold-state.ts'

/** Meters that get keys and settings files before the registry's new text makes them count. */
interface NewKeys {
  /** The meters are there already, and get another key. */
  replace: boolean
  meters: { eui: string; settings: string }[]
}

/** What `paths.provisioning` says of a change. */
interface UnderWay extends NewKeys {
  /** Every key and settings file is there; the registry of this SHA-256 commits. */
  prepared: boolean
  sha256: string
}

export interface RegistryChange {
  /** Says on disk what is about to be made, before any of it is. Without the registry's new text it will be undone. */
  announce(text: string, keys: NewKeys): void
  /** Writes the registry, mode 0600. */
  commit(text: string): void
}

const sha256Of = (text: string) => createHash('sha256').update(text).digest('hex')

/** Leaves nothing half done: what the registry knows is finished, anything else undone. */
function settle(paths: StatePaths, run: UnderWay): void {
  const committed = run.prepared && sha256Of(readFileSync(paths.registry, 'utf8')) === run.sha256
  const vault = openVault(paths.vault)
  for (const { eui, settings } of run.meters) {
    if (committed) {
      const next = run.replace ? vault.nextKey(eui) : undefined
      if (next !== undefined) vault.promote(eui, next)
    } else {
      removeKeys(paths.vault, eui, run.replace ? 'next' : 'all')
      rmSync(settings, { force: true })
    }
  }
  rmSync(paths.provisioning, { force: true })
}

/** Undoes or finishes what a killed change has left. */
export function clearUp(paths: StatePaths): void {
  let text: string
  try {
    text = readFileSync(paths.provisioning, 'utf8')
  } catch {
    return
  }
  let left: UnderWay
  try {
    left = JSON.parse(text)
  } catch {
    // Killed while it was saying what it was going to do: nothing was done.
    rmSync(paths.provisioning, { force: true })
    return
  }
  settle(paths, left)
}

/** Calls `act` while no other process changes the registry or gives meters keys; waits for one that does. */
export function changeRegistry<T>(paths: StatePaths, act: (change: RegistryChange) => T): T {
  return changeState(paths, () => {
    clearUp(paths)
    let run: UnderWay | undefined
    const keep = () => writeFileWhole(paths.provisioning, JSON.stringify(run))
    try {
      return act({
        announce(text, keys) {
          run = { ...keys, prepared: false, sha256: sha256Of(text) }
          keep()
        },
        commit(text) {
          if (run !== undefined) {
            run.prepared = true
            keep()
          }
          writeFileWhole(paths.registry, text)
        },
      })
    } finally {
      if (run !== undefined) settle(paths, run)
    }
  })
}

/** Changes fields of a device's row, if they differ. A device that is not in the registry is left alone. */
export function changeDevice(paths: StatePaths, eui: string, fields: { [name: string]: string }): void {
  changeRegistry(paths, (change) => {
    const registry = readJson(paths.registry) as { devices?: { [name: string]: unknown }[] }
    const device = registry.devices?.find((one) => String(one.eui).toUpperCase() === eui)
    if (device === undefined || Object.entries(fields).every(([name, value]) => device[name] === value)) return
    Object.assign(device, fields)
    change.commit(`${JSON.stringify(registry, null, 2)}\n`)
  })
}

/** The rows of the registry as it stands. */
export function currentRows(paths: StatePaths): Rows {
  return readJsonFile({ name: paths.registry, text: JSON.stringify(readJson(paths.registry)) }, [])
}
