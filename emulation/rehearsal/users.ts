// The Users of a rehearsal: they sign every request, and check signatures and values of a sample of what they get.

import { formatRequest } from '../../host/duis/format.ts'
import { formatNonDeviceRequest } from '../../host/duis/format-non-device.ts'
import { xmlDeclaration } from '../../host/duis/names.ts'
import type { ScheduleDetails } from '../../host/duis/non-device-fields.ts'
import { parseResponse, type ServiceResponse, verifyResponse } from '../../host/duis/read-response.ts'
import { type RequestId, requestIdOf } from '../../host/duis/request.ts'
import { signCanonical } from '../../host/duis/sign.ts'
import { halfHourMs } from '../../protocol/half-hour.ts'
import type { SimulatedPki } from '../simulated-env.ts'
import type { Wanted } from './demand.ts'
import { loadOf } from './loads.ts'
import { indexOfMeter, type RehearsedMeter } from './population.ts'
import { euiOfParty } from './registry.ts'
import type { Party } from './scenario.ts'

/** Of so many responses one is checked. */
export const sampledOneIn = 100

export interface SignedRequest {
  id: RequestId
  xml: string
}

/** Signs the requests of parties, with counters that increase. */
export function createSenders(parties: readonly Party[], pki: SimulatedPki, dspEui: string) {
  const euis = new Map(parties.map(({ name }, place) => [name, euiOfParty(place)]))
  for (const [name, eui] of euis) pki.add({ name: `party-${name}`, eui })
  let counter = 0n

  function signed(party: Party, target: string, format: (id: RequestId) => string): SignedRequest {
    counter += 1n
    const id = requestIdOf(euis.get(party.name) ?? '', target, counter)
    // Our own texts are canonical already.
    const canonical = format(id).slice(xmlDeclaration.length)
    const { signer } = pki.identity(`party-${party.name}`)
    return { id, xml: xmlDeclaration + signCanonical(canonical, signer) }
  }

  return {
    read: ({ party, meter, srv, period, executionMs }: Wanted) =>
      signed(party, meter.eui, (requestId) =>
        formatRequest({
          requestId,
          serviceReferenceVariant: srv,
          ...(period !== undefined && { period }),
          ...(executionMs !== undefined && { executionMs }),
        }),
      ),
    schedule: (party: Party, schedule: ScheduleDetails) =>
      signed(party, dspEui, (id) => formatNonDeviceRequest(id, { variant: '5.1', schedule })),
  }
}

/** What is wrong with the half-hours of a response, by the load of its meter; undefined when nothing is. */
function wrongValue(response: ServiceResponse, meter: RehearsedMeter): string | undefined {
  const energyOf = loadOf(meter)
  const channel = response.payload?.name === 'ReadExportProfileDataRsp' ? 1 : 0
  for (const { stampMs, wh } of response.entries ?? []) {
    if (wh === undefined) continue
    const halfHour = stampMs / halfHourMs - 1
    const expected = energyOf(halfHour, channel) ?? 0
    if (wh !== expected) return `${wh} Wh at ${new Date(stampMs).toISOString()}, where the load had ${expected}`
  }
  return undefined
}

/** Checks one response in `sampledOneIn`. @returns what is wrong with it; '' when nothing is; undefined when it is not checked */
export function createSample(pki: SimulatedPki, meterAt: (index: number) => RehearsedMeter | undefined) {
  let received = 0
  return (xml: string, nowMs: number): string | undefined => {
    received += 1
    if (received % sampledOneIn !== 1) return undefined
    const bytes = Buffer.from(xml)
    const verified = verifyResponse(bytes, pki.trust(), { nowMs })
    if (!verified.ok) return `a signature is wrong: ${verified.detail}`
    const parsed = parseResponse(bytes)
    if (!parsed.ok) return parsed.detail
    const { response } = parsed
    const eui = (response.requestId?.target ?? response.responseId?.originator ?? '').toUpperCase()
    const meter = meterAt(indexOfMeter(eui))
    const problem = meter === undefined ? undefined : wrongValue(response, meter)
    return problem === undefined ? '' : `${response.serviceReferenceVariant} of ${eui}: ${problem}`
  }
}
