// Writes the DCC's own messages: the contents of synchronous responses to 5.x and 8.2, and DCC alerts. As in `format.ts`,
// every text is in inclusive canonical form.

import { serviceReferenceOf } from '../catalogue/service-reference.ts'
import type { Signer } from '../pki/signer.ts'
import { element, envelope, ownSchemaVersion, references, responseHeader, signedNamespaces } from './format.ts'
import { xmlDeclaration } from './names.ts'
import type { InventoryQuery, ScheduleDetails, ScheduleSubject } from './non-device-fields.ts'
import type { RequestId } from './request.ts'
import { signCanonical } from './sign.ts'
import { formatUtcDate, formatUtcTime } from './utc-date.ts'
import { escapeText } from './xml-tree.ts'

/** 5.1: the id of the schedule that was created. */
export function scheduleIdContent(id: number): string {
  return element('sr:DSPScheduleID', `${id}`)
}

/** 5.2: 1 to 99 schedules. Throws RangeError otherwise: the schema has no empty list. */
export function schedulesContent(schedules: readonly { id: number; details: ScheduleDetails }[]): string {
  if (schedules.length < 1 || schedules.length > 99) throw new RangeError(`${schedules.length} schedules`)
  const rows = schedules.map(({ id, details }) => {
    const content = scheduleIdContent(id) + element('sr:DSPScheduleDetails', scheduleContent(details))
    return element('sr:DSPSchedules', content)
  })
  return element('sr:DSPSchedulesRead', rows.join(''))
}

/** A DSPSchedule (DUIS XSD). */
function scheduleContent(details: ScheduleDetails): string {
  const { endDay, executionTimeMs, credential, period } = details
  const offsets =
    period === undefined
      ? ''
      : element('sr:StartDateOffset', `${period.startDays}`) +
        element('sr:StartTime', formatUtcTime(period.startTimeMs)) +
        element('sr:EndDateOffset', `${period.endDays}`) +
        element('sr:EndTime', formatUtcTime(period.endTimeMs))
  return (
    element('sr:ScheduleFrequency', details.frequency) +
    element('sr:ScheduleStartDate', formatUtcDate(details.startDay)) +
    (endDay === undefined ? '' : element('sr:ScheduleEndDate', formatUtcDate(endDay))) +
    (executionTimeMs === undefined ? '' : element('sr:ScheduleExecutionStartTime', formatUtcTime(executionTimeMs))) +
    (credential === undefined ? '' : element('sr:KAPublicSecurityCredential', credential)) +
    element('sr:DSPScheduledServiceReference', details.serviceReference) +
    element('sr:DSPScheduledServiceReferenceVariant', details.variant) +
    element('sr:DeviceID', details.deviceEui) +
    element(`sr:${details.readName}`, offsets)
  )
}

/** A device as 8.2 lists it; absent fields are left out. */
export type InventoryDevice = {
  eui: string
  type: string
  status: string
  manufacturer: string
  model: string
  smetsVersion?: string | undefined
  firmware?: string | undefined
  commissioned?: string | undefined
  importMpan?: string | undefined
  exportMpan?: string | undefined
  uprn?: string | undefined
  postcode?: string | undefined
  addressId?: string | undefined
  s1sp: string
}

/** 8.2: 1 to 17 devices, elements in the order of the DUIS XSD. Throws RangeError otherwise. */
export function inventoryContent(devices: readonly InventoryDevice[]): string {
  if (devices.length < 1 || devices.length > 17) throw new RangeError(`${devices.length} devices`)
  return element('sr:DSPInventory', devices.map((device) => element('sr:Device', deviceContent(device))).join(''))
}

function deviceContent(device: InventoryDevice): string {
  const { postcode, addressId } = device
  const text = (name: string, value: string | undefined) =>
    value === undefined ? '' : element(`sr:${name}`, escapeText(value))
  const property =
    postcode === undefined || addressId === undefined
      ? ''
      : element('sr:PropertyFilter', text('PostCode', postcode) + text('AddressIdentifier', addressId))
  return (
    text('DeviceID', device.eui) +
    text('DeviceType', device.type) +
    text('DeviceStatus', device.status) +
    text('DeviceManufacturer', device.manufacturer) +
    text('DeviceModel', device.model) +
    text('SMETSCHTSVersion', device.smetsVersion) +
    text('DeviceFirmwareVersion', device.firmware) +
    text('DateCommissioned', device.commissioned) +
    text('ImportMPxN', device.importMpan) +
    text('ExportMPAN', device.exportMpan) +
    text('UPRN', device.uprn) +
    property +
    text('CSPRegion', 'SMETS1') +
    text('S1SP', device.s1sp)
  )
}

/** A DCC alert about a schedule. */
export type ScheduleAlert = { deviceEui: string; scheduleId: number } & (
  | { kind: 'removal' }
  /** `command`: the request that the DCC sent on the User's behalf and that failed. */
  | { kind: 'failure'; command: RequestId }
)

export type AlertToFormat = {
  /** A DCCAlertCode of the DUIS XSD. */
  code: string
  dspEui: string
  userEui: string
  counter: bigint
  nowMs: number
  schemaVersion?: string | undefined
  dsp: Signer
}

/** A DCCAlertMessage, signed by the DSP. It is not a response, so it has no RequestID. */
export function formatScheduleAlert(to: AlertToFormat, alert: ScheduleAlert): string {
  const id = scheduleIdContent(alert.scheduleId)
  const device = element('sr:DeviceID', alert.deviceEui)
  const content =
    alert.kind === 'removal'
      ? element('sr:DSPScheduleRemoval', device + id)
      : element('sr:CommandFailure', element('sr:CommandRequestID', alert.command.text) + id + device)
  const message = element('sr:DCCAlertCode', to.code) + element('sr:DCCAlert', content)
  const responseId = `${to.dspEui}:${to.userEui}:${to.counter}`
  const header = responseHeader({ code: 'I0', nowMs: to.nowMs }, undefined, responseId)
  const body = element('sr:DCCAlertMessage', message)
  return (
    xmlDeclaration + signCanonical(envelope('sr:Response', signedNamespaces, to.schemaVersion, header, body), to.dsp)
  )
}

/** A request of our client to the DCC. */
export type NonDeviceRequest =
  | { variant: '5.1'; schedule: ScheduleDetails }
  | { variant: '5.2' | '5.3'; subject: ScheduleSubject }
  | { variant: '8.2'; inventory: InventoryQuery }

/** A request to the DCC, unsigned: pass it to `signDocument`. */
export function formatNonDeviceRequest(
  requestId: RequestId,
  request: NonDeviceRequest,
  options: { schemaVersion?: string; commandVariant?: number } = {},
): string {
  const header =
    element('sr:RequestID', requestId.text) +
    element('sr:CommandVariant', `${options.commandVariant ?? 8}`) +
    references({ serviceReference: serviceReferenceOf(request.variant), serviceReferenceVariant: request.variant })
  const version = options.schemaVersion ?? ownSchemaVersion
  return xmlDeclaration + envelope('sr:Request', signedNamespaces, version, header, requestBody(request))
}

function requestBody(request: NonDeviceRequest): string {
  if (request.variant === '5.1') return element('sr:CreateSchedule', scheduleContent(request.schedule))
  if (request.variant === '8.2') return element('sr:ReadInventory', queryContent(request.inventory))
  const { subject } = request
  const content =
    'scheduleId' in subject ? scheduleIdContent(subject.scheduleId) : element('sr:DeviceID', subject.deviceEui)
  return element(request.variant === '5.2' ? 'sr:ReadSchedule' : 'sr:DeleteSchedule', content)
}

function queryContent(query: InventoryQuery): string {
  switch (query.by) {
    case 'UPRN':
      return element('sr:UPRN', query.uprn)
    case 'DeviceID':
      return element('sr:DeviceID', query.eui)
    case 'MPxN':
      return element('sr:MPxN', escapeText(query.mpxn))
    case 'PropertyFilter':
      return element(
        'sr:PropertyFilter',
        element('sr:PostCode', escapeText(query.postcode)) +
          element('sr:AddressIdentifier', escapeText(query.addressId)),
      )
  }
}
