// Optional fields of a User's row in the registry.

import { choosesSettlement } from '../catalogue/for-settlement.ts'
import { trustedSigner } from '../pki/trust.ts'
import { shown } from './callback.ts'

/**
 * How responses are wrapped: `duis` (default) as in the DUIS schema; `boxed`, which is not standard, for the Node-RED nodes
 * of DCC Boxed, which do not accept a SMETS1ResponseMessage.
 */
export const userModes = ['duis', 'boxed'] as const
export type UserMode = (typeof userModes)[number]

export type UserDetails = {
  mode?: UserMode
  /** True when all its requests as IS or ES serve settlement (MHHS). */
  forSettlement?: boolean
  /** Its certificate (PEM), trusted besides those of the PKI folder. */
  certificate?: string
}

/** Names of the fields. */
export const userDetailNames: readonly string[] = ['mode', 'forSettlement', 'certificate']

const certificateCharactersMax = 8192

/** Reads the fields that are present. A wrong value is reported with its place and left out. `eui`, `roles`: the User's. */
export function readUserDetails(
  fields: { [name: string]: unknown },
  eui: string,
  roles: readonly string[],
  place: string,
  note: (place: string, problem: string) => void,
): UserDetails {
  const details: UserDetails = {}
  if (fields.mode !== undefined) {
    const mode = userModes.find((one) => one === fields.mode)
    if (mode === undefined) note(`${place}.mode`, `${shown(fields.mode)} is none of ${userModes.join(' ')}`)
    else details.mode = mode
  }
  if (fields.forSettlement !== undefined) {
    const wanted = flagOf(fields.forSettlement)
    const at = `${place}.forSettlement`
    if (wanted === undefined) note(at, `${shown(fields.forSettlement)} is neither true nor false`)
    else if (!roles.some(choosesSettlement))
      note(
        at,
        'only suppliers (IS, ES) may choose (table 6 of the impact assessment); requests of an MDR always serve settlement',
      )
    else details.forSettlement = wanted
  }
  if (fields.certificate !== undefined) {
    const wrong = certificateProblem(fields.certificate, eui)
    if (wrong !== undefined) note(`${place}.certificate`, wrong)
    else details.certificate = fields.certificate as string
  }
  return details
}

/** A cell of a CSV file is text. */
function flagOf(value: unknown): boolean | undefined {
  if (value === true || value === 'true') return true
  return value === false || value === 'false' ? false : undefined
}

function certificateProblem(value: unknown, eui: string): string | undefined {
  const pem = /^-----BEGIN CERTIFICATE-----\r?\n[A-Za-z0-9+/=\r\n]+-----END CERTIFICATE-----\s*$/
  if (typeof value !== 'string' || value.length > certificateCharactersMax || !pem.test(value))
    return 'expected one certificate in PEM (-----BEGIN CERTIFICATE-----)'
  try {
    const signer = trustedSigner(value)
    // A wrong EUI-64 of the row has been reported already.
    return signer.eui === eui || eui === '' ? undefined : `is that of ${signer.eui}, not of ${eui}`
  } catch (error) {
    return (error as Error).message
  }
}
