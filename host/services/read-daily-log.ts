// 4.6.1: registers at midnights, the last one from the cache if it is there.

import { dayMs } from '../../protocol/half-hour.ts'
import type { DailyReadThrough } from '../cache/daily-reads.ts'
import type { Entries } from '../catalogue/read-window.ts'
import type { SrvRow } from '../catalogue/srv-table.ts'
import { dailyReadLogPayload } from '../duis/payload.ts'
import { addSources, noSources, type Sources } from '../requests/provenance.ts'

/**
 * Daily reads as SMETSData, stamped with their midnight: at most 31, of more the newest. Midnights that have not come
 * yet are not asked for.
 */
export async function readDailyLog(
  row: SrvRow,
  asked: Entries,
  readThrough: (first: number, count: number) => ReturnType<DailyReadThrough>,
  nowMs: number,
): Promise<{ payload: string; sources: Sources }> {
  const end = Math.min(asked.first + asked.count, Math.floor(nowMs / dayMs) + 1)
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
