// Optional fields of a User's row in the registry.

import { choosesSettlement } from '../catalogue/for-settlement.ts'
import { trustedSigner } from '../pki/trust.ts'
import { shown } from './callback.ts'

/**
 * How answers are wrapped: `duis` as the DUIS schema has it (unless told otherwise); `boxed`, which is not standard, for
 * the Node-RED nodes of DCC Boxed, which know no SMETS1ResponseMessage.
 */
export const userModes = ['duis', 'boxed'] as const
export type UserMode = (typeof userModes)[number]

export type UserDetails = {
  mode?: UserMode
  /** Whether all that it asks as IS or ES serves settlement (MHHS). */
  forSettlement?: boolean
  /** Its certificate (PEM), trusted besides those of the PKI folder. */
  certificate?: string
}

/** Names of the fields. */
export const userDetailNames: readonly string[] = ['mode', 'forSettlement', 'certificate']

const certificateCharactersMax = 8192

/** Reads the fields that are there; what is wrong is noted with its place and left out. `eui`, `roles`: the User's own. */
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
      note(at, 'only suppliers (IS, ES) choose (table 6 of the impact assessment); what an MDR asks always counts')
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
    // An EUI-64 that is wrong is noted as such.
    return signer.eui === eui || eui === '' ? undefined : `is that of ${signer.eui}, not of ${eui}`
  } catch (error) {
    return (error as Error).message
  }
}
