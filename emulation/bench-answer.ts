// What a User gets, as a plain value.

import { readSources } from '../host/cli/read-sources.ts'
import { parseResponse, type ServiceResponse } from '../host/duis/read-response.ts'
import type { BenchResponse } from './bench-api.ts'
import type { Callback } from './bench-callbacks.ts'

const iso = (stampMs: number) => new Date(stampMs).toISOString().replace('.000Z', 'Z')

/** @param stamps what the stamps of the meter's half-hours are */
export function benchResponse(
  response: ServiceResponse,
  about: Pick<Callback, 'xml' | 'explanation' | 'atMs'>,
  stamps: 'start' | 'end',
): BenchResponse {
  const { explanation } = about
  const isSources = explanation?.startsWith('sources: ') === true
  const sources = readSources(explanation, stamps)
  const timed = <Entry extends { stampMs: number }>(entry: Entry) => {
    const source = sources.get(entry.stampMs)
    return { at: iso(entry.stampMs), ...entry, ...(source !== undefined && { source }) }
  }
  return {
    code: response.code,
    requestId: response.requestId?.text,
    srv: response.serviceReferenceVariant,
    entries: (response.entries ?? []).map(timed),
    dailyReads: (response.dailyReads ?? []).map(timed),
    registers: response.registers,
    scheduleId: response.scheduleId,
    alert: response.alert?.description,
    explanation: isSources ? undefined : explanation,
    atMs: about.atMs,
    xml: about.xml,
  }
}

/** A response as our own bridge writes it. @throws Error when it is none */
export function parsed(xml: string): ServiceResponse {
  const result = parseResponse(Buffer.from(xml))
  if (!result.ok) throw new Error(`the bridge sent what is no response: ${result.detail}`)
  return result.response
}
