// Traffic by hour, cohort and party, with the role of each party: the breakdown that the SECMP0162 preliminary
// impact assessment wants for reports and extracts (sections 5.5 and 5.7, dependency D5), from the audit trail.
//
// A request counts in the hour of its event: accepted or refused when it came, a meter read and an answer when they were
// recorded. Devices and parties go by the registry as it is now.

import { deviceDefaults } from '../access/device-details.ts'
import type { Registry } from '../access/parties.ts'
import type { AuditRecord, DeviceReadEvent } from '../audit/audit-record.ts'
import { halfHoursServed } from '../audit/served.ts'

/** The dimensions by which rows are grouped. */
export const dimensions = [
  'hour',
  'day',
  'cohort',
  's1sp',
  'csp',
  'party',
  'role',
  'settlement',
  'srv',
  'service',
] as const
export type Dimension = (typeof dimensions)[number]

/** What is counted. `bytes` are those on the line to and from the meter; `responseBytes` those of responses to the User. */
export interface TrafficCounts {
  accepted: number
  refused: number
  answered: number
  failed: number
  withinTarget: number
  halfHours: number
  fromCache: number
  wakeUps: number
  sessions: number
  dcoCalls: number
  bytes: number
  responseBytes: number
  tookMsSum: number
}

export type TrafficRow = { [dimension in Dimension]?: string } & TrafficCounts

type Place = { [dimension in Dimension]: string }
type Request = { role: string; settlement: string; service: string }

/** Service kinds; `direct` is what the DCC answers itself. */
const service = { onDemand: 'on demand', scheduled: 'scheduled', direct: 'direct' } as const

/** Rows by the given dimensions, in order. */
export async function trafficReport(
  records: AsyncIterable<AuditRecord> | Iterable<AuditRecord>,
  registry: Registry,
  by: readonly Dimension[],
  { fromMs, toMs }: { fromMs: number; toMs: number },
): Promise<TrafficRow[]> {
  const rows = new Map<string, TrafficRow>()
  const places = createPlaces(registry)
  for await (const record of records) {
    const found = places(record)
    const atMs = Date.parse(record.time)
    if (found === undefined || atMs < fromMs || atMs >= toMs) continue
    const of = Object.fromEntries(by.map((dimension) => [dimension, found[dimension]]))
    const key = JSON.stringify(of)
    const row = rows.get(key) ?? { ...of, ...noCounts() }
    rows.set(key, row)
    count(row, record)
  }
  return [...rows].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, row]) => row)
}

function noCounts(): TrafficCounts {
  return {
    accepted: 0,
    refused: 0,
    answered: 0,
    failed: 0,
    withinTarget: 0,
    halfHours: 0,
    fromCache: 0,
    wakeUps: 0,
    sessions: 0,
    dcoCalls: 0,
    bytes: 0,
    responseBytes: 0,
    tookMsSum: 0,
  }
}

/** Where a record belongs; undefined for what is no traffic. Records come in order. */
function createPlaces(registry: Registry): (record: AuditRecord) => Place | undefined {
  /** The acceptance of a request that is not answered yet. */
  const accepted = new Map<string, Request>()

  return (record) => {
    if (record.event === 'accepted') {
      const { role, forSettlement, scheduleId } = record
      const settlement = forSettlement === true ? 'yes' : 'no'
      const kind = scheduleId === undefined ? service.onDemand : service.scheduled
      const request = { role, settlement, service: kind }
      accepted.set(record.requestId, request)
      return record.resumed === true ? undefined : placeOf(record, request, registry)
    }
    if (record.event === 'device read') return placeOf(record, accepted.get(record.requestId), registry)
    if (record.event === 'answered') {
      const request = accepted.get(record.requestId)
      accepted.delete(record.requestId)
      return placeOf(record, request, registry)
    }
    if (record.event === 'answered directly') return placeOf(record, undefined, registry, service.direct)
    return record.event === 'refused' && record.signed ? placeOf(record, undefined, registry) : undefined
  }
}

function placeOf(
  {
    time,
    user: eui = '',
    device: target = '',
    srv = '',
  }: { time: string; user?: string; device?: string; srv?: string },
  request: Request | undefined,
  registry: Registry,
  kind: string = service.onDemand,
): Place {
  const user = registry.user(eui)
  const device = registry.device(target)
  const role = request?.role ?? user?.roles.join(' ') ?? ''
  return {
    hour: `${time.slice(0, 13)}:00Z`,
    day: time.slice(0, 10),
    cohort: device === undefined ? '' : (device.cohort ?? device.s1sp ?? deviceDefaults.s1sp),
    s1sp: device === undefined ? '' : (device.s1sp ?? deviceDefaults.s1sp),
    csp: device?.csp ?? '',
    party: user?.mpid ?? user?.name ?? eui,
    role,
    settlement: request?.settlement ?? (role === 'MDR' ? 'yes' : 'no'),
    srv,
    service: request?.service ?? kind,
  }
}

function count(row: TrafficCounts, record: AuditRecord): void {
  switch (record.event) {
    case 'accepted':
      row.accepted += 1
      return
    case 'refused':
      row.refused += 1
      return
    case 'answered directly':
      row.accepted += 1
      row.answered += 1
      row.withinTarget += 1
      return
    case 'device read':
      addRead(row, record)
      return
    case 'answered':
      row.answered += 1
      if (record.code !== 'I0') row.failed += 1
      else if (!record.late) row.withinTarget += 1
      row.tookMsSum += record.tookMs
      row.responseBytes += record.bytes
      for (const served of record.served ?? []) {
        for (const { from } of halfHoursServed(served)) {
          row.halfHours += 1
          if (from === 'c') row.fromCache += 1
        }
      }
  }
}

function addRead(row: TrafficCounts, { wakeUps, sessions, dcoCalls, bytesOut, bytesIn }: DeviceReadEvent): void {
  row.wakeUps += wakeUps
  row.sessions += sessions
  row.dcoCalls += dcoCalls
  row.bytes += bytesOut + bytesIn
}
