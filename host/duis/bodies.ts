// The request bodies we read: one row each, children in the order of the DUIS XSD.

import { parseDateTime } from './date-time.ts'
import { readInventoryQuery } from './inventory-body.ts'
import type { BodyFields, Period } from './request.ts'
import { readScheduleDetails, readScheduleSubject } from './schedule-body.ts'
import { type ChildRow, leafText, readSequence, trimmed } from './sequence.ts'
import type { XmlElement } from './xml-tree.ts'

/** What a child gives, or a sentence on what is wrong with it. */
type Reader = (element: XmlElement) => BodyFields | string

/** A body is a sequence of children, or is read as a whole. */
type BodyRow = { variant: string; children: readonly (ChildRow & { read: Reader })[]; read?: Reader }

const executionDateTime = { name: 'ExecutionDateTime', optional: true, read: readExecution }
const readLogPeriod = { name: 'ReadLogPeriod', read: readPeriod }
// A certificate to encrypt to when the device does not know the User. A SMETS1 answer is not encrypted to anybody.
const credentials = { name: 'KAPublicSecurityCredentials', optional: true, read: readBase64 }

/** Element in Body → the variant it belongs to and what it holds. */
export const bodies: Readonly<Record<string, BodyRow>> = {
  ReadInstantaneousImportRegisters: { variant: '4.1.1', children: [executionDateTime] },
  ReadInstantaneousExportRegisters: { variant: '4.2', children: [executionDateTime] },
  RetrieveImportDailyReadLog: { variant: '4.6.1', children: [executionDateTime, readLogPeriod, credentials] },
  RetrieveExportDailyReadLog: { variant: '4.6.2', children: [executionDateTime, readLogPeriod] },
  ReadActiveImportProfileData: { variant: '4.8.1', children: [executionDateTime, readLogPeriod, credentials] },
  ReadReactiveImportProfileData: { variant: '4.8.2', children: [executionDateTime, readLogPeriod] },
  ReadExportProfileData: { variant: '4.8.3', children: [executionDateTime, readLogPeriod] },
  RetrieveDailyConsumptionLog: { variant: '4.17', children: [executionDateTime, readLogPeriod, credentials] },
  CreateSchedule: { variant: '5.1', children: [], read: (body) => named('schedule', readScheduleDetails(body)) },
  ReadSchedule: { variant: '5.2', children: [], read: (body) => named('subject', readScheduleSubject(body)) },
  DeleteSchedule: { variant: '5.3', children: [], read: (body) => named('subject', readScheduleSubject(body)) },
  ReadInventory: { variant: '8.2', children: [], read: (body) => named('inventory', readInventoryQuery(body)) },
}

function named<Name extends keyof BodyFields>(name: Name, value: BodyFields[Name] | string): BodyFields | string {
  return typeof value === 'string' ? value : { [name]: value }
}

/** True for a body that must say for which window it asks. */
export function needsPeriod(row: BodyRow): boolean {
  return row.children.includes(readLogPeriod)
}

/** The row of a body element, or undefined for one we do not read. */
export function bodyRow(name: string): BodyRow | undefined {
  return Object.hasOwn(bodies, name) ? bodies[name] : undefined
}

/** Reads a body element by its row: its fields, or a sentence on what is wrong. */
export function readBody(element: XmlElement, row: BodyRow): BodyFields | string {
  if (row.read !== undefined) return row.read(element)
  const found = readSequence(element, row.children)
  if (typeof found === 'string') return found
  const fields: BodyFields = {}
  for (const child of row.children) {
    const part = found.get(child.name)
    if (part === undefined) continue
    const value = child.read(part)
    if (typeof value === 'string') return value
    Object.assign(fields, value)
  }
  return fields
}

function readExecution(element: XmlElement): BodyFields | string {
  const executionMs = readDateTime(element)
  return typeof executionMs === 'string' ? executionMs : { executionMs }
}

function readPeriod(element: XmlElement): BodyFields | string {
  const found = readSequence(element, [{ name: 'StartDateTime' }, { name: 'EndDateTime' }])
  if (typeof found === 'string') return found
  const startMs = readDateTime(found.get('StartDateTime')!)
  if (typeof startMs === 'string') return startMs
  const endMs = readDateTime(found.get('EndDateTime')!)
  if (typeof endMs === 'string') return endMs
  const period: Period = { startMs, endMs }
  return { period }
}

function readDateTime(element: XmlElement): number | string {
  const text = leafText(element)
  const timeMs = text === undefined ? undefined : parseDateTime(trimmed(text))
  return timeMs ?? `${element.name} is not a date and time`
}

function readBase64(element: XmlElement): BodyFields | string {
  const text = leafText(element)?.replace(/[ \t\r\n]/g, '')
  const valid = text !== undefined && text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text)
  return valid ? {} : `${element.name} is not base64`
}
