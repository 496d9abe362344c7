// What a User gets, as a plain value.

import { readSources } from '../host/cli/read-sources.ts'
import { parseResponse, type ServiceResponse } from '../host/duis/read-response.ts'
import type { Callback } from './bench-callbacks.ts'

/** A half-hour of a response. */
export interface ReadHalfHour {
  /** Its stamp in the XML: the end of the half-hour, unless the meter is of a kind that stamps the start. */
  at: string
  /** The same in milliseconds of UTC since 1970. */
  stampMs: number
  /** Active energy, Wh; absent in a read of reactive energy only. */
  wh?: number
  /** Reactive energy, varh. */
  varh?: number
  /** `meter`, `cache`, `shared` (a read under way for somebody else), of two channels that differ `meter+cache`. */
  source?: string
}

/** A midnight's registers. */
export interface ReadDay {
  /** Midnight, UTC. */
  at: string
  stampMs: number
  /** Active import register, Wh. */
  importWh?: number
  /** Registers of the tariff, Wh, the first of the meter's first. */
  tariffWh: (number | undefined)[]
  source?: string
}

/** Registers of 4.1.1 (import) or 4.2 (export). */
export interface ReadRegisters {
  direction: 'import' | 'export'
  activeWh?: number
  reactiveVarh?: number
}

/** A response that was delivered to a User. */
export interface BenchResponse {
  /** `I0`: carried out. `E20`, `E21`, `E30`, …: why it could not be. */
  code: string
  /** RequestID that it answers; of an alert or a schedule's run there is none. */
  requestId: string | undefined
  /** Service Reference Variant; undefined for an alert. */
  srv: string | undefined
  /** Half-hours in the order of the response; empty where it has none. */
  entries: ReadHalfHour[]
  dailyReads: ReadDay[]
  registers: ReadRegisters | undefined
  /** Of the DCC schedule whose run it is. */
  scheduleId: bigint | undefined
  /** Text of a device alert. */
  alert: string | undefined
  /** Why it could not be carried out, when the bridge explains. */
  explanation: string | undefined
  /** When it was delivered, milliseconds of UTC since 1970. */
  atMs: number
  /** The signed XML exactly as it was sent. */
  xml: string
}

/** The answer to a request of the bench's. */
export interface BenchAnswer extends BenchResponse {
  /** Code of the acknowledgement: `I99`, or the code of a refusal. */
  acknowledgement: string
  /** Time from the request to the response, of the bench's clock. */
  tookMs: number
}

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
