// The environment variables of the settings.

import { ConfigurationError } from '../state/errors.ts'
import { nearMatch } from '../state/near-match.ts'

/** Variables of the systemd units: they hold flags. */
const unitVariables = ['SMETS1_METER', 'SMETS1_BRIDGE']

/** Refuses `SMETS1_…` variables that no setting has, so that a mistyped one is not silently ignored. @throws ConfigurationError */
export function checkEnvironment(env: { [name: string]: string | undefined }, known: readonly string[]): void {
  for (const name of Object.keys(env)) {
    if (!name.startsWith('SMETS1_') || [...known, ...unitVariables].includes(name)) continue
    const near = nearMatch(name, known)
    const hint = near === undefined ? `there are ${known.join(', ')}` : `did you mean ${near}?`
    throw new ConfigurationError(`the environment variable ${name} is no setting: ${hint} (unset ${name} removes it)`)
  }
}
