// What protective monitoring is told of a refused request.

import type { Fault } from '../catalogue/response-code.ts'
import type { SecurityEvent, SecurityEventName } from '../state/security-event.ts'
import type { RefusedRequest } from './refusal.ts'

/** Faults that an attacker, or a User that goes beyond its rights, causes. */
const events: { readonly [fault in Fault]?: SecurityEventName } = {
  unsigned: 'bad signature',
  badSignature: 'bad signature',
  unknownSigner: 'bad signature',
  signerMismatch: 'bad signature',
  certificateDates: 'bad signature',
  replayed: 'replay',
  unknownParty: 'unknown user',
  partyStatus: 'access refused',
  roleNotPermitted: 'access refused',
  notAuthorised: 'access refused',
  unknownDevice: 'unknown device',
  oversized: 'malformed request',
  malformed: 'malformed request',
  tooComplex: 'malformed request',
  schema: 'malformed request',
  unsupportedVersion: 'malformed request',
}

/**
 * The security event that a refusal is; undefined for a mistake that concerns nobody else. A signed request comes from its
 * originator; of any other only the peer is known, as anybody may write any originator into it.
 */
export function securityEventOf({ fault, header, signed, peer }: RefusedRequest): SecurityEvent | undefined {
  const event = events[fault]
  if (event === undefined) return undefined
  const originator = signed ? header.requestId?.originator : undefined
  return { event, who: originator ?? peer ?? 'unknown peer', what: fault }
}
