// Rows of Users, devices and registrations into the registry of a state directory, all or nothing.

import { checkRegistry } from '../access/check-registry.ts'
import { combineRows, type Rows, withPlaces } from '../access/import-rows.ts'
import { gapsOf, textOfGap } from '../access/registration-gaps.ts'
import type { ImportOptions, ImportOutcome } from '../http/control/controlled.ts'
import type { StatePaths } from '../state/state-directory.ts'
import { changeRegistry, currentRows } from './registry-file.ts'

interface Prepared {
  outcome: ImportOutcome
  /** The new registry file. */
  text: string
}

function prepare(paths: StatePaths, read: ReadRows, { merge, dryRun, strict }: ImportOptions): Prepared {
  const problems: string[] = []
  const combined = combineRows(currentRows(paths), read(problems), merge === true ? 'merge' : 'replace')
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

/** Reads what is to be imported; adds what is wrong with it to `problems`. */
export type ReadRows = (problems: string[]) => Rows[]

/** A running bridge reads what was imported. Nothing is changed when there is a problem. */
export function importRegistry(paths: StatePaths, read: ReadRows, options: ImportOptions): ImportOutcome {
  if (options.dryRun === true) return prepare(paths, read, options).outcome
  return changeRegistry(paths, (change) => {
    const { outcome, text } = prepare(paths, read, options)
    if (outcome.ok) change.commit(text)
    return outcome
  })
}
