// A registry for tests; one that is wrong stops the test.

import { checkRegistry } from '../host/access/check-registry.ts'
import type { Registry } from '../host/access/parties.ts'

export function registryOf(parties: unknown): Registry {
  const checked = checkRegistry(parties)
  if (!checked.ok) throw new Error(checked.problems.join('\n'))
  return checked.registry
}
