// A state directory as it was when a bench started: for a new life of a bench.

import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { eachJsonRow } from '../access/import-rows.ts'
import { headOf, registryTables } from '../access/registry-store.ts'
import type { BridgeDisk } from '../bridge/env.ts'
import { bridgeTables, type Tables } from '../bridge/tables.ts'
import type { StatePaths } from '../state/state-directory.ts'
import type { Store } from '../store/store.ts'
import { importRegistry } from './import-registry.ts'

/** What goes on: used RequestIDs, the notes of the audit trail, and the registry, which is made as it was. */
const goOn: readonly string[] = ['counters', 'trail', ...Object.keys(registryTables)]

function namesOf<Members extends object>(members: Members): Extract<keyof Members, string>[] {
  const names: Extract<keyof Members, string>[] = []
  for (const name in members) names.push(name)
  return names
}

export interface StateRenewal {
  /** Nobody may use the store meanwhile. `reload`: the bridge's environment reads registry and certificates again. */
  renew(reload: () => Promise<void>): Promise<void>
}

/** Remembers registry and certificates as they are now. */
export function rememberState(paths: StatePaths, { store }: Pick<BridgeDisk, 'store'>): StateRenewal {
  const registry = readFileSync(paths.registry, 'utf8')
  const head = headOf(store)
  const certificates = new Set(readdirSync(paths.pki))

  /** True when something was as it had not been. */
  async function renewParties(): Promise<boolean> {
    const added = readdirSync(paths.pki).filter((name) => !certificates.has(name))
    const isSame = readFileSync(paths.registry, 'utf8') === registry && headOf(store) === head
    if (!isSame) {
      const file = { name: paths.registry, text: registry }
      const outcome = await importRegistry(paths, { read: (...to) => eachJsonRow(file, ...to) }, {})
      if (!outcome.ok) throw new Error(`the registry cannot be made as it was: ${outcome.problems.join('; ')}`)
    }
    for (const name of added) rmSync(join(paths.pki, name), { force: true })
    return !isSame || added.length > 0
  }

  return {
    async renew(reload) {
      await clear(store)
      if (await renewParties()) await reload()
    },
  }
}

async function clear(store: Store<Tables>): Promise<void> {
  await store.write((batch) => {
    for (const table of namesOf(bridgeTables)) {
      if (goOn.includes(table)) continue
      for (const { key } of [...store.range(table, '', '\uffff')]) batch.remove(table, key)
    }
  })
}
