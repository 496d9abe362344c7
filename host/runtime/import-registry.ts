// Rows of Users, devices and registrations into the registry of a state directory, all or nothing.

import { checkRegistry } from '../access/check-registry.ts'
import { combineRows, type Rows, withPlaces } from '../access/import-rows.ts'
import { gapsOf, textOfGap } from '../access/registration-gaps.ts'
import type { ImportOptions, ImportOutcome } from '../http/control/controlled.ts'
import type { StatePaths } from '../state/state-directory.ts'
import { type ImportSource, importToStore } from './import-to-store.ts'
import { changeRegistry, currentRows } from './registry-file.ts'
import { isInStore } from './state-registry.ts'

/**
 * Imports into the store, once the registry is there, or when a lot comes; else into `registry.json`. A running bridge
 * follows within a second. Nothing is changed when there is a problem.
 */
export async function importRegistry(
  paths: StatePaths,
  source: ImportSource,
  options: ImportOptions,
): Promise<ImportOutcome> {
  if (isInStore(paths) || source.isLarge === true) return importToStore(paths, source, options)
  if (options.dryRun === true) return prepare(paths, source, options).outcome
  return changeRegistry(paths, (change) => {
    const { outcome, text } = prepare(paths, source, options)
    if (outcome.ok) change.commit(text)
    return outcome
  })
}

interface Prepared {
  outcome: ImportOutcome
  /** The new registry file. */
  text: string
}

function prepare(paths: StatePaths, source: ImportSource, { merge, dryRun, strict }: ImportOptions): Prepared {
  const problems: string[] = []
  const given: Rows = { users: [], devices: [], registrations: [] }
  source.read(problems, (kind, row, place) => given[kind].push({ row, place }))
  const combined = combineRows(currentRows(paths), [given], merge === true ? 'merge' : 'replace')
  const checked = checkRegistry(combined.data)
  if (!checked.ok) problems.push(...checked.problems.map((problem) => withPlaces(problem, combined.places)))
  const gaps = checked.ok ? gapsOf(checked.registry).map(textOfGap) : []
  const ok = problems.length === 0 && !(strict === true && gaps.length > 0)
  const registrations = combined.data.registrations.length
  const counts = checked.ok && {
    users: checked.registry.users.length,
    devices: checked.registry.deviceCount(),
    registrations,
  }
  return {
    outcome: {
      ok,
      dryRun: dryRun === true,
      given: combined.given,
      ...(counts && { registry: counts }),
      problems,
      gaps,
    },
    text: `${JSON.stringify(combined.data, null, 2)}\n`,
  }
}
