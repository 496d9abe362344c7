// A Service Request as a plain value.

import type { InventoryQuery, ScheduleDetails, ScheduleSubject } from './non-device-fields.ts'

/** A DUIS RequestID, `<originator>:<target>:<counter>` (DUIS XSD, type RequestIDType). */
export type RequestId = {
  /** As received, so that it can be echoed letter for letter. */
  text: string
  /** EUI-64 of the User, upper case, `90-B3-D5-1F-30-01-00-00`. */
  originator: string
  /** EUI-64 of the device (4.x) or of the DCC (5.x, 8.2), upper case. */
  target: string
  /** 0 to 2^64 - 1. */
  counter: bigint
}

/** From start to end, as requested; whether it includes its ends is decided in catalogue/read-window.ts. */
export type Period = { startMs: number; endMs: number }

/** What every request says besides its body. */
export type RequestHeader = {
  requestId: RequestId
  /** As received, `5.4`; responses repeat it. */
  schemaVersion: string
  firstInSequence?: boolean
  precedingRequestId?: RequestId
  /** 1 to 8. */
  commandVariant: number
  /** `4.8` */
  serviceReference: string
  /** `4.8.1` */
  serviceReferenceVariant: string
  /** Name of the element in Body, `ReadActiveImportProfileData`. */
  bodyName: string
  /** The attribute ForSettlement, which no published schema has (SECMP0162 preliminary impact assessment, table 6). */
  forSettlement?: boolean
}

/** 4.1.1 and 4.2: registers as they are. `executionMs`: when the DCC is to send the command (future dating). */
export type RegistersBody = { kind: 'registers'; executionMs?: number }

/** 4.6, 4.8 and 4.17: entries of a log. */
export type LogBody = { kind: 'log'; period: Period; executionMs?: number }

/** Bodies of requests to a device. */
export type DeviceBody = RegistersBody | LogBody

/** 5.1 */
export type CreateScheduleBody = { kind: 'createSchedule'; schedule: ScheduleDetails }
/** 5.2 */
export type ReadScheduleBody = { kind: 'readSchedule'; subject: ScheduleSubject }
/** 5.3 */
export type DeleteScheduleBody = { kind: 'deleteSchedule'; subject: ScheduleSubject }
/** 8.2 */
export type ReadInventoryBody = { kind: 'readInventory'; query: InventoryQuery }

/** Bodies of requests that the DCC answers itself (non-device requests). */
export type DirectBody = CreateScheduleBody | ReadScheduleBody | DeleteScheduleBody | ReadInventoryBody

export type RequestBody = DeviceBody | DirectBody

/** A request that is well-formed and consistent. Its signature and the rights of its sender are not checked yet. */
export type ServiceRequest = RequestHeader & RequestBody

export type DeviceRequest = RequestHeader & DeviceBody
export type DirectRequest = RequestHeader & DirectBody

/** True for a request to a device, false for one that the DCC answers itself. */
export function isDeviceRequest(request: ServiceRequest): request is DeviceRequest {
  return request.kind === 'registers' || request.kind === 'log'
}

/** The ReadLogPeriod; undefined for a read of registers. */
export function periodOf(request: DeviceRequest): Period | undefined {
  return request.kind === 'log' ? request.period : undefined
}

/** What could be read of a request that was refused. Every value is valid in an answer. */
export type ReadableHeader = {
  requestId?: RequestId
  schemaVersion?: string
  serviceReference?: string
  serviceReferenceVariant?: string
}

const pair = '[0-9A-Fa-f]{2}'
const eui = `${pair}(?:-${pair}){7}`
const euiPattern = new RegExp(`^${eui}$`)
const requestIdPattern = new RegExp(`^(${eui}):(${eui}):(0|[1-9]\\d{0,19})$`)
const counterMax = 0xffff_ffff_ffff_ffffn

/** The EUI-64 in upper case, or undefined when `text` is not eight hex pairs joined by '-'. */
export function parseEui(text: string): string | undefined {
  return euiPattern.test(text) ? text.toUpperCase() : undefined
}

/** The parts of a RequestID or ResponseID, or undefined when `text` is none. */
export function parseRequestId(text: string): RequestId | undefined {
  const match = requestIdPattern.exec(text)
  if (match === null) return undefined
  const [, originator = '', target = '', digits = ''] = match
  const counter = BigInt(digits)
  if (counter > counterMax) return undefined
  return { text, originator: originator.toUpperCase(), target: target.toUpperCase(), counter }
}

/** A RequestID from its parts, EUI-64s as `parseEui` returns them. Throws RangeError for a counter out of range. */
export function requestIdOf(originator: string, target: string, counter: bigint): RequestId {
  const requestId = parseRequestId(`${originator}:${target}:${counter}`)
  if (requestId === undefined) throw new RangeError(`no RequestID: ${originator}:${target}:${counter}`)
  return requestId
}
