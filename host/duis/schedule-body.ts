// The bodies of 5.1, 5.2 and 5.3. Only their form is checked here; whether the request can be scheduled is decided in
// `host/schedule`.

import { leafText, readSequence, textOf, trimmed } from './child-sequence.ts'
import {
  frequencies,
  type PeriodOffset,
  type ScheduleDetails,
  type ScheduleSubject,
  scheduleLimits,
} from './non-device-fields.ts'
import { parseEui } from './request.ts'
import { parseUtcDate, parseUtcTime } from './utc-date.ts'
import type { XmlElement } from './xml-tree.ts'

/** A certificate in base64 is about 1 kB. */
const credentialCharactersMax = 8_192

/** Children of DSPSchedule before the choice, in order. */
const rows = [
  { name: 'ScheduleFrequency' },
  { name: 'ScheduleStartDate' },
  { name: 'ScheduleEndDate', optional: true },
  { name: 'ScheduleExecutionStartTime', optional: true },
  { name: 'KAPublicSecurityCredential', optional: true },
  { name: 'DSPScheduledServiceReference' },
  { name: 'DSPScheduledServiceReferenceVariant' },
  { name: 'DeviceID' },
]

const periodRows = [{ name: 'StartDateOffset' }, { name: 'StartTime' }, { name: 'EndDateOffset' }, { name: 'EndTime' }]

/** Reads a DSPSchedule: the body of 5.1, and what 5.2 gives back. A sentence on the first thing that is wrong. */
export function readScheduleDetails(element: XmlElement): ScheduleDetails | string {
  const read = element.children.at(-1)
  if (read === undefined || !/^DSPRe[a-z]+[A-Z]/.test(read.name)) {
    return `${element.name} does not end with what is to be read`
  }
  const found = readSequence(element, [...rows, { name: read.name }])
  if (typeof found === 'string') return found
  const text = (name: string) => trimmed(textOf(found, name))
  const optionalText = (name: string) => (found.has(name) ? text(name) : undefined)
  const frequency = frequencies.find((one) => one === text('ScheduleFrequency'))
  if (frequency === undefined) return `ScheduleFrequency is none of ${frequencies.join(' ')}`
  const startDay = parseUtcDate(text('ScheduleStartDate'))
  if (startDay === undefined) return 'ScheduleStartDate is no date in UTC'
  const deviceEui = parseEui(text('DeviceID'))
  if (deviceEui === undefined) return 'DeviceID is no EUI-64'
  const period = readPeriodOffset(read)
  if (typeof period === 'string') return period
  const optional = readOptional(optionalText)
  if (typeof optional === 'string') return optional
  return {
    frequency,
    startDay,
    ...optional,
    serviceReference: text('DSPScheduledServiceReference'),
    variant: text('DSPScheduledServiceReferenceVariant'),
    deviceEui,
    readName: read.name,
    ...(period && { period }),
  }
}

type Optional = Pick<ScheduleDetails, 'endDay' | 'executionTimeMs' | 'credential'>

function readOptional(text: (name: string) => string | undefined): Optional | string {
  const optional: Optional = {}
  const end = text('ScheduleEndDate')
  if (end !== undefined) {
    const endDay = parseUtcDate(end)
    if (endDay === undefined) return 'ScheduleEndDate is no date in UTC'
    optional.endDay = endDay
  }
  const time = text('ScheduleExecutionStartTime')
  if (time !== undefined) {
    const executionTimeMs = parseUtcTime(time)
    if (executionTimeMs === undefined) return 'ScheduleExecutionStartTime is no time from 00:00:00 to 23:59:59 in UTC'
    optional.executionTimeMs = executionTimeMs
  }
  const credential = text('KAPublicSecurityCredential')?.replace(/[ \t\r\n]/g, '')
  if (credential === undefined) return optional
  if (credential.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(credential)) {
    return 'KAPublicSecurityCredential is not base64'
  }
  if (credential.length > credentialCharactersMax) return 'KAPublicSecurityCredential is larger than any certificate'
  return { ...optional, credential }
}

function readPeriodOffset(element: XmlElement): PeriodOffset | undefined | string {
  if (element.children.length === 0) {
    const empty = readSequence(element, [])
    return typeof empty === 'string' ? empty : undefined
  }
  const found = readSequence(element, periodRows)
  if (typeof found === 'string') return found
  const text = (name: string) => trimmed(textOf(found, name))
  const days = (name: string) => {
    const value = /^[+-]?0{0,9}\d{1,3}$/.test(text(name)) ? Number(text(name)) : Number.NaN
    // Not -0.
    return value <= 0 && value >= scheduleLimits.offsetDaysMin ? value + 0 : undefined
  }
  const [startDays, endDays] = [days('StartDateOffset'), days('EndDateOffset')]
  if (startDays === undefined || endDays === undefined)
    return `offsets in ${element.name} are whole days from -400 to 0`
  const [startTimeMs, endTimeMs] = [parseUtcTime(text('StartTime')), parseUtcTime(text('EndTime'))]
  if (startTimeMs === undefined || endTimeMs === undefined) {
    return `times in ${element.name} are from 00:00:00 to 23:59:59 in UTC (midnight is 00:00:00 of the next day)`
  }
  return { startDays, startTimeMs, endDays, endTimeMs }
}

/** Reads the choice of 5.2 and 5.3. */
export function readScheduleSubject(element: XmlElement): ScheduleSubject | string {
  const choices = ['DSPScheduleID', 'DeviceID'].map((name) => ({ name, optional: true }))
  const found = readSequence(element, choices)
  if (typeof found === 'string') return found
  const [child, ...more] = [...found.values()]
  if (child === undefined || more.length > 0) return `${element.name} holds either DSPScheduleID or DeviceID`
  const text = trimmed(leafText(child) ?? '\0')
  if (child.name === 'DeviceID') {
    const deviceEui = parseEui(text)
    return deviceEui === undefined ? 'DeviceID is no EUI-64' : { deviceEui }
  }
  const scheduleId = /^\+?0{0,9}\d{1,13}$/.test(text) ? Number(text) : Number.NaN
  return scheduleId <= scheduleLimits.idMax ? { scheduleId } : 'DSPScheduleID is no whole number from 0 to 10^12'
}
