// The request bodies we read: one row each, children in the order of the DUIS XSD.

import { type ChildRow, leafText, readSequence, textOf, trimmed } from './child-sequence.ts'
import { parseDateTime } from './date-time.ts'
import { readInventoryQuery } from './inventory-body.ts'
import type { Period, RequestBody } from './request.ts'
import { readScheduleDetails, readScheduleSubject } from './schedule-body.ts'
import type { XmlElement } from './xml-tree.ts'

interface BodyRow {
  variant: string
  kind: RequestBody['kind']
  /** Reads the body element, or returns a sentence on the first error. */
  read(element: XmlElement): RequestBody | string
}

const executionDateTime = { name: 'ExecutionDateTime', optional: true }
const readLogPeriod = { name: 'ReadLogPeriod' }
// A certificate to encrypt to when the device does not know the User. A SMETS1 response is not encrypted.
const credentials = { name: 'KAPublicSecurityCredentials', optional: true }

/** Element in Body → the variant it belongs to and how it is read. */
export const bodies: Readonly<Record<string, BodyRow>> = {
  ReadInstantaneousImportRegisters: registersRow('4.1.1'),
  ReadInstantaneousExportRegisters: registersRow('4.2'),
  RetrieveImportDailyReadLog: logRow('4.6.1', credentials),
  RetrieveExportDailyReadLog: logRow('4.6.2'),
  ReadActiveImportProfileData: logRow('4.8.1', credentials),
  ReadReactiveImportProfileData: logRow('4.8.2'),
  ReadExportProfileData: logRow('4.8.3'),
  RetrieveDailyConsumptionLog: logRow('4.17', credentials),
  CreateSchedule: {
    variant: '5.1',
    kind: 'createSchedule',
    read: (body) => map(readScheduleDetails(body), (schedule) => ({ kind: 'createSchedule', schedule })),
  },
  ReadSchedule: {
    variant: '5.2',
    kind: 'readSchedule',
    read: (body) => map(readScheduleSubject(body), (subject) => ({ kind: 'readSchedule', subject })),
  },
  DeleteSchedule: {
    variant: '5.3',
    kind: 'deleteSchedule',
    read: (body) => map(readScheduleSubject(body), (subject) => ({ kind: 'deleteSchedule', subject })),
  },
  ReadInventory: {
    variant: '8.2',
    kind: 'readInventory',
    read: (body) => map(readInventoryQuery(body), (query) => ({ kind: 'readInventory', query })),
  },
}

/** The row of a body element, or undefined for one we do not read. */
export function bodyRow(name: string): BodyRow | undefined {
  return Object.hasOwn(bodies, name) ? bodies[name] : undefined
}

/** What was read, as a body; a problem stays one. */
function map<T>(value: T | string, body: (value: T) => RequestBody): RequestBody | string {
  return typeof value === 'string' ? value : body(value)
}

function registersRow(variant: string): BodyRow {
  return {
    variant,
    kind: 'registers',
    read(element) {
      const found = readSequence(element, [executionDateTime])
      if (typeof found === 'string') return found
      const execution = readExecution(found)
      return typeof execution === 'string' ? execution : { kind: 'registers', ...execution }
    },
  }
}

function logRow(variant: string, ...more: ChildRow[]): BodyRow {
  return {
    variant,
    kind: 'log',
    read(element) {
      const found = readSequence(element, [executionDateTime, readLogPeriod, ...more])
      if (typeof found === 'string') return found
      const execution = readExecution(found)
      if (typeof execution === 'string') return execution
      const period = readPeriod(found.get('ReadLogPeriod'))
      if (typeof period === 'string') return period
      const certificate = found.get('KAPublicSecurityCredentials')
      if (certificate !== undefined && !isBase64(certificate)) return `${certificate.name} is not base64`
      return { kind: 'log', period, ...execution }
    },
  }
}

function readExecution(found: ReadonlyMap<string, XmlElement>): { executionMs?: number } | string {
  if (!found.has('ExecutionDateTime')) return {}
  const executionMs = readDateTime(found, 'ExecutionDateTime')
  return typeof executionMs === 'string' ? executionMs : { executionMs }
}

function readPeriod(element: XmlElement | undefined): Period | string {
  if (element === undefined) return 'there is no ReadLogPeriod'
  const found = readSequence(element, [{ name: 'StartDateTime' }, { name: 'EndDateTime' }])
  if (typeof found === 'string') return found
  const startMs = readDateTime(found, 'StartDateTime')
  if (typeof startMs === 'string') return startMs
  const endMs = readDateTime(found, 'EndDateTime')
  return typeof endMs === 'string' ? endMs : { startMs, endMs }
}

function readDateTime(found: ReadonlyMap<string, XmlElement>, name: string): number | string {
  return parseDateTime(trimmed(textOf(found, name))) ?? `${name} is not a date and time`
}

function isBase64(element: XmlElement): boolean {
  const text = leafText(element)?.replace(/[ \t\r\n]/g, '')
  return text !== undefined && text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text)
}
