// How this program was called, so that the commands it shows can be copied.

import type { Io } from './command.ts'

/** What stands before the name of a command: `smets1`, `npx smets1`, or `npm run -s smets1 --` in a clone. */
export function programAsTyped({ npm_command, npm_lifecycle_event, npm_package_name }: Io['env']): string {
  if (npm_lifecycle_event === undefined) return 'smets1'
  const isOwnScript = npm_command !== 'exec' && npm_lifecycle_event !== 'npx' && npm_package_name === 'smets1'
  return isOwnScript ? 'npm run -s smets1 --' : 'npx smets1'
}
