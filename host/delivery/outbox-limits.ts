// How long responses are kept for their User, and how many: `outbox` in the configuration file.

import { ConfigurationError } from '../state/errors.ts'
import { giveUpAfterMs } from './age-limit.ts'

export interface OutboxLimits {
  /** Age at which a response is given up and its body destroyed; the note of it is kept as long again. */
  ageMs: number
  /** Responses of one User, and bytes of their bodies. Beyond it the oldest are given up. */
  countMax: number
  bytesMax: number
}

/** Settings by name: the greatest value, and the value unless given. */
const settings: { [name: string]: { max: number; unless: number } } = {
  hours: { max: 24 * 366, unless: giveUpAfterMs / 3_600_000 },
  responses: { max: 10_000_000, unless: 500_000 },
  mb: { max: 1_000_000, unless: 8192 },
}

/** Reads `{ "hours": 24, "responses": 500000, "mb": 8192 }`; each may be missing. @throws ConfigurationError naming the file */
export function readOutboxLimits(value: unknown, path: string): OutboxLimits {
  const wrong = (what: string) => new ConfigurationError(`${path}: outbox: ${what}`)
  if (value !== undefined && (typeof value !== 'object' || value === null || Array.isArray(value))) {
    throw wrong('expected an object')
  }
  const given = (value ?? {}) as { [name: string]: unknown }
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(settings, name))
  if (unknown !== undefined) throw wrong(`there is no "${unknown}"; there are ${Object.keys(settings).join(', ')}`)
  const read: { [name: string]: number } = {}
  for (const [name, { max, unless }] of Object.entries(settings)) {
    const number = given[name] ?? unless
    if (typeof number !== 'number' || !Number.isInteger(number) || number < 1 || number > max) {
      throw wrong(`${name} must be a whole number from 1 to ${max}, not ${JSON.stringify(number)}`)
    }
    read[name] = number
  }
  const { hours = 0, responses = 0, mb = 0 } = read
  return { ageMs: hours * 3_600_000, countMax: responses, bytesMax: mb * 1_000_000 }
}
