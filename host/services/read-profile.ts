// 4.8.1, 4.8.2 and 4.8.3: half-hours of one or two channels, from the cache and, for what it lacks, from the meter.

import { halfHourOf } from '../../protocol/half-hour.ts'
import { channel } from '../../protocol/messages.ts'
import type { Device } from '../access/parties.ts'
import { servedOf } from '../audit/served.ts'
import type { ReadThrough, SourcedReading } from '../cache/single-flight.ts'
import { type Entries, stampOf } from '../catalogue/read-window.ts'
import type { SrvRow } from '../catalogue/srv-table.ts'
import {
  type ExportEntry,
  exportProfilePayload,
  importProfilePayload,
  reactiveImportProfilePayload,
} from '../duis/payload.ts'
import { addProvenance, noProvenance, type Provenance } from '../requests/provenance.ts'
import type { Reading } from '../wan/reading.ts'
import type { Priority } from '../wan/waiting-requests.ts'

/** Channels of the profile data log, by their names in the SRV table and in the cache. */
export const channelNumber = {
  'active-import': channel.activeImport,
  'active-export': channel.activeExport,
  'reactive-import': channel.reactiveImport,
  'reactive-export': channel.reactiveExport,
} as const

export type ChannelName = keyof typeof channelNumber

/** Inputs of a read besides the request. */
export interface ReadProfileParts {
  /** Reads through the cache; `fetch` is called for what the cache lacks. */
  readThrough: ReadThrough
  /** Reads half-hours of a channel from the meter: one reading each, in order. */
  readMeter(channel: number, first: number, count: number): Promise<Reading[]>
  nowMs: number
  priority: Priority
}

/**
 * Half-hours as SMETSData. One that the meter did not record is left out of the response; one that is not
 * over is not requested. A log holds 13 months (active import; 3 months of other channels), and a response at most as
 * many: the newest if there are more.
 */
export async function readProfileData(
  row: SrvRow,
  requested: Entries,
  device: Device,
  parts: ReadProfileParts,
): Promise<{ payload: string; provenance: Provenance }> {
  const end = Math.min(requested.first + requested.count, halfHourOf(parts.nowMs))
  const first = Math.max(requested.first, end - row.entriesMax!, 0)
  const count = Math.max(0, end - first)
  const provenance = noProvenance()
  const columns = await Promise.all(row.channels!.map((name) => readColumn(row, name, device, first, count, parts)))
  const stampMs = (halfHour: number) => stampOf(halfHour, device.stamps)
  columns.forEach((column, i) => {
    const stamps = column.map(({ halfHour, from, ageMs, wh }) => {
      return { stampMs: stampMs(halfHour), from, ageMs, recorded: wh !== undefined }
    })
    addProvenance(provenance, row.channels![i]!, stamps)
    if (column.length > 0) provenance.served.push(servedOf(row.channels![i]!, column))
  })
  // Values in W are twice the Wh of a half-hour (assumption: the S1SP corrects them only where it is configured to).
  const value = (wh: number | undefined) =>
    wh === undefined || device.averagePower !== 'corrected' ? wh : Math.round(wh / 2)
  const entries = Array.from({ length: count }, (_, i) => {
    return { stampMs: stampMs(first + i), values: columns.map((column) => value(column[i]!.wh)) }
  })
  return { payload: payloadOf(row, entries), provenance }
}

async function readColumn(
  row: SrvRow,
  name: ChannelName,
  device: Device,
  first: number,
  count: number,
  parts: ReadProfileParts,
): Promise<SourcedReading[]> {
  if (count === 0) return []
  const fetch = (from: number, howMany: number) => parts.readMeter(channelNumber[name], from, howMany)
  if (row.cached) return parts.readThrough(device.eui, name, first, count, fetch, parts.priority)
  const readings = await fetch(first, count)
  return readings.map((reading) => ({ ...reading, from: 'meter', ageMs: 0 }))
}

function payloadOf(row: SrvRow, entries: { stampMs: number; values: (number | undefined)[] }[]): string {
  if (row.variant === '4.8.3') {
    const found: ExportEntry[] = entries.map(({ stampMs, values: [wh, varh] }) => ({ stampMs, wh, varh }))
    return exportProfilePayload(found.filter(({ wh, varh }) => wh !== undefined || varh !== undefined))
  }
  const recorded = entries.flatMap(({ stampMs, values: [value] }) => (value === undefined ? [] : { stampMs, value }))
  if (row.variant === '4.8.2') {
    return reactiveImportProfilePayload(recorded.map(({ stampMs, value }) => ({ stampMs, varh: value })))
  }
  return importProfilePayload(recorded.map(({ stampMs, value }) => ({ stampMs, wh: value })))
}
