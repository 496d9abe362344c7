// The registry's file and keys of a running bridge, as the control API changes them.

import { eachJsonRow } from '../access/import-rows.ts'
import { signDocument } from '../duis/sign.ts'
import type { RegistryFiles } from '../http/control/controlled.ts'
import { loadIdentity } from '../pki/test-pki.ts'
import type { StatePaths } from '../state/state-directory.ts'
import { addUser, removeUser } from './change-users.ts'
import { importRegistry } from './import-registry.ts'

/** `reload`: resolves when the bridge has read them. */
export function createRegistryFiles(
  paths: StatePaths,
  nowMs: () => number,
  reload: () => Promise<void>,
): RegistryFiles {
  const reloaded = async <Result>(result: Result): Promise<Result> => {
    await reload()
    return result
  }
  return {
    addUser: async (user) => reloaded(addUser(paths, user, nowMs())),
    removeUser: async (name) => reloaded(removeUser(paths, name)),
    async importRows(rows, options) {
      const file = { name: 'body', text: JSON.stringify(rows) }
      const outcome = await importRegistry(paths, { read: (...to) => eachJsonRow(file, ...to) }, options)
      return outcome.ok && !outcome.dryRun ? reloaded(outcome) : outcome
    },
    signAs: (name, xml) => signDocument(xml, loadIdentity(paths.pki, name).signer),
  }
}
