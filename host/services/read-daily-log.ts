// 4.6.1: registers at midnights, the last one from the cache if it is there.

import { dayMs } from '../../protocol/half-hour.ts'
import type { DailyReadThrough } from '../cache/daily-reads.ts'
import type { SrvRow } from '../catalogue/srv-table.ts'
import { dailyReadLogPayload } from '../duis/payload.ts'
import type { Period } from '../duis/request.ts'
import { addSources, noSources, type Sources } from '../requests/provenance.ts'

/** Days whose midnights (00:00 UTC, with which they begin) lie in a window: start < midnight <= end, as for half-hours. */
export function midnightsInWindow(startMs: number, endMs: number): { first: number; count: number } {
  const first = Math.floor(startMs / dayMs) + 1
  return { first, count: Math.max(0, Math.floor(endMs / dayMs) - first + 1) }
}

/**
 * Entries of a window as SMETSData, stamped with their midnight: at most 31, of a longer window the newest. Midnights
 * that have not come yet are not asked for.
 */
export async function readDailyLog(
  row: SrvRow,
  period: Period,
  readThrough: (first: number, count: number) => ReturnType<DailyReadThrough>,
  nowMs: number,
): Promise<{ payload: string; sources: Sources }> {
  const asked = midnightsInWindow(period.startMs, Math.min(period.endMs, nowMs))
  const end = asked.first + asked.count
  const first = Math.max(asked.first, end - row.entriesMax!, 1)
  const count = Math.max(0, end - first)
  const sources = noSources()
  const entries = count === 0 ? [] : await readThrough(first, count)
  addSources(
    sources,
    'daily-reads',
    entries.map(({ snapshot, from, ageMs }) => ({ stampMs: snapshot.number * dayMs, from, ageMs, recorded: true })),
  )
  sources.notRecorded = count - entries.length
  const payload = dailyReadLogPayload(
    entries.map(({ snapshot }) => {
      return { stampMs: snapshot.number * dayMs, importWh: snapshot.registers[0]!, tariffWh: snapshot.matrix }
    }),
  )
  return { payload, sources }
}
