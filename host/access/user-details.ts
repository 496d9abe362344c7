// Optional fields of a User's row in the registry.

import { X509Certificate } from 'node:crypto'
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
  /** How long after its acknowledgement a response is sent at the earliest. */
  pushDelayMs?: number
  /** How long a push to the User may take. */
  pushTimeoutMs?: number
  /** Pushes to its callback address at the same time. */
  pushesAtOnce?: number
  /** Its certificate (PEM), trusted besides those of the PKI folder. */
  certificate?: string
  /** Whether its callback may be http to another machine. Anybody on the way can then read its responses. */
  allowHttpCallback?: boolean
  /** Certificate authority (PEM) of its https callback, trusted besides those that Node knows. */
  callbackCa?: string
}

/** Names of the fields. */
export const userDetailNames: readonly string[] = [
  'mode',
  'forSettlement',
  'pushDelayMs',
  'pushTimeoutMs',
  'pushesAtOnce',
  'certificate',
  'allowHttpCallback',
  'callbackCa',
]

/** Least and most of each number. */
const pushLimits = { pushDelayMs: [0, 60_000], pushTimeoutMs: [1_000, 300_000], pushesAtOnce: [1, 64] } as const

/** How responses are pushed to a User. */
export type PushTerms = { pushDelayMs: number; pushTimeoutMs: number; pushesAtOnce: number }

/**
 * Defaults by mode. A Node-RED node of DCC Boxed stores its message only after it has validated the acknowledgement in
 * Java, and answers a push only after it has validated the response, one process for each: 2 to 5 s of processor time.
 */
const defaultTerms: { readonly [mode in UserMode]: PushTerms } = {
  duis: { pushDelayMs: 0, pushTimeoutMs: 5_000, pushesAtOnce: 64 },
  boxed: { pushDelayMs: 2_000, pushTimeoutMs: 30_000, pushesAtOnce: 2 },
}

export function pushTermsOf({ mode = 'duis', pushDelayMs, pushTimeoutMs, pushesAtOnce }: UserDetails): PushTerms {
  const terms = defaultTerms[mode]
  return {
    pushDelayMs: pushDelayMs ?? terms.pushDelayMs,
    pushTimeoutMs: pushTimeoutMs ?? terms.pushTimeoutMs,
    pushesAtOnce: pushesAtOnce ?? terms.pushesAtOnce,
  }
}

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
  for (const name of ['pushDelayMs', 'pushTimeoutMs', 'pushesAtOnce'] as const) {
    if (fields[name] === undefined) continue
    const [from, to] = pushLimits[name]
    const number = wholeOf(fields[name])
    if (number === undefined || number < from || number > to)
      note(`${place}.${name}`, `${shown(fields[name])} is no whole number from ${from} to ${to}`)
    else details[name] = number
  }
  if (fields.certificate !== undefined) {
    const wrong = certificateProblem(fields.certificate, eui)
    if (wrong !== undefined) note(`${place}.certificate`, wrong)
    else details.certificate = fields.certificate as string
  }
  if (fields.allowHttpCallback !== undefined) {
    const allowed = flagOf(fields.allowHttpCallback)
    if (allowed === undefined)
      note(`${place}.allowHttpCallback`, `${shown(fields.allowHttpCallback)} is neither true nor false`)
    else details.allowHttpCallback = allowed
  }
  if (fields.callbackCa !== undefined) {
    const wrong = authorityProblem(fields.callbackCa)
    if (wrong !== undefined) note(`${place}.callbackCa`, wrong)
    else details.callbackCa = fields.callbackCa as string
  }
  return details
}

/** A cell of a CSV file is text. */
function flagOf(value: unknown): boolean | undefined {
  if (value === true || value === 'true') return true
  return value === false || value === 'false' ? false : undefined
}

function wholeOf(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value
  return typeof number === 'number' && Number.isInteger(number) ? number : undefined
}

const pem = /^-----BEGIN CERTIFICATE-----\r?\n[A-Za-z0-9+/=\r\n]+-----END CERTIFICATE-----\s*$/

function authorityProblem(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > certificateCharactersMax || !pem.test(value))
    return 'expected one certificate in PEM (-----BEGIN CERTIFICATE-----)'
  try {
    return new X509Certificate(value).ca ? undefined : 'is not the certificate of an authority (CA)'
  } catch (error) {
    return `is not a certificate: ${(error as Error).message}`
  }
}

function certificateProblem(value: unknown, eui: string): string | undefined {
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
