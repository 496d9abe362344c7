// Decides again on a request that was accepted earlier: after a restart, or when its execution time has come.

import { responseAddress } from '../access/callback.ts'
import type { Registry } from '../access/parties.ts'
import type { FaultCodes } from '../catalogue/response-code.ts'
import { formatFailure } from '../duis/format.ts'
import { parseRequest } from '../duis/parse.ts'
import { isDeviceRequest } from '../duis/request.ts'
import type { Signer } from '../pki/signer.ts'
import type { AcceptedRequest } from './accepted-request.ts'
import type { Admission } from './admission.ts'
import { Refusal, type StoredRefusal } from './refusal.ts'

export interface RecallParts {
  nowMs(): number
  codes: FaultCodes
  registry(): Registry
  dsp: Signer
  allow: Admission['allow']
}

/** The request when the registry still allows it, else its final response; undefined when its User is gone. */
export type Recall = (body: Uint8Array, receivedMs: number) => AcceptedRequest | StoredRefusal | undefined

export function createRecall({ nowMs, codes, registry, dsp, allow }: RecallParts): Recall {
  return (body, receivedMs) => {
    const parsed = parseRequest(body, { codes })
    if (!parsed.ok || !isDeviceRequest(parsed.request)) return undefined
    const { request } = parsed
    try {
      return allow(request, receivedMs)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      const { requestId, schemaVersion, serviceReferenceVariant } = request
      const user = registry().user(requestId.originator)
      if (user === undefined) return undefined
      const callback = responseAddress(user)
      const { code, message: reason, forUser } = error
      const xml = formatFailure({ requestId, schemaVersion, serviceReferenceVariant, code, nowMs: nowMs(), dsp })
      return { callback, srv: serviceReferenceVariant, code, xml, reason, forUser }
    }
  }
}
