// 4.8.1 Read Active Import Profile Data: half-hours from the cache, and from the meter what the cache has not.

import { halfHoursInWindow, stampOfHalfHour } from '../../protocol/half-hour.ts'
import { channel } from '../../protocol/messages.ts'
import type { Device } from '../access/parties.ts'
import type { Served } from '../audit/audit-record.ts'
import { servedOf } from '../audit/served.ts'
import type { ReadThrough } from '../cache/single-flight.ts'
import { formatProfileResponse, type Smets1Answer } from '../duis/format.ts'
import { entriesMax } from '../duis/payload.ts'
import type { ServiceRequest } from '../duis/request.ts'
import type { Reading } from '../wan/reading.ts'

/** What a handler is given besides the request. */
export interface ReadProfileParts {
  /** Reads through the cache; `fetch` is called for what the cache has not. */
  readThrough: ReadThrough
  /** Reads half-hours of a channel from the meter. */
  readMeter(device: Device, channel: number, first: number, count: number): Promise<Reading[]>
  nowMs: number
}

/** Where the half-hours of an answer came from. */
export interface Sources {
  fromCache: number
  fromMeter: number
  /** Brought by a read that was under way for somebody else. */
  shared: number
  /** Half-hours asked for of which the meter has no record. */
  notRecorded: number
  /** Age of the oldest cached half-hour, milliseconds; 0 when none was cached. */
  oldestMs: number
  /** The half-hours of the answer one by one, by channel, for the record. */
  served: Served[]
}

/**
 * Answers a read. A half-hour that the meter did not record is left out of the response; one that is not over is not
 * asked for.
 */
export async function answerReadProfile(
  request: ServiceRequest,
  device: Device,
  parts: ReadProfileParts,
  answer: Smets1Answer,
): Promise<{ xml: string; sources: Sources }> {
  const { startMs, endMs } = request.period!
  const asked = halfHoursInWindow(startMs, Math.min(endMs, parts.nowMs))
  // A log holds 13 months and a response no more: of a longer window, its newest part.
  const end = asked.first + asked.count
  const first = Math.max(asked.first, end - entriesMax.importProfile, 0)
  const count = Math.max(0, end - first)
  const sources: Sources = { fromCache: 0, fromMeter: 0, shared: 0, notRecorded: 0, oldestMs: 0, served: [] }
  if (count === 0) return { xml: formatProfileResponse(answer, []), sources }
  const readings = await parts.readThrough(device.eui, 'active-import', first, count, (from, howMany) =>
    parts.readMeter(device, channel.activeImport, from, howMany),
  )
  const entries: { stampMs: number; wh: number }[] = []
  for (const reading of readings) {
    if (reading.from === 'cache') {
      sources.fromCache += 1
      sources.oldestMs = Math.max(sources.oldestMs, reading.ageMs)
    } else if (reading.from === 'shared') sources.shared += 1
    else sources.fromMeter += 1
    if (reading.wh === undefined) sources.notRecorded += 1
    else entries.push({ stampMs: stampOfHalfHour(reading.halfHour), wh: reading.wh })
  }
  sources.served.push(servedOf('active-import', readings))
  return { xml: formatProfileResponse(answer, entries), sources }
}
