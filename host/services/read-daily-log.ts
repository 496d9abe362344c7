// 4.6.1: registers at midnights, the last one from the cache if it is there.

import { dayMs } from '../../protocol/half-hour.ts'
import type { DailyReadThrough } from '../cache/daily-reads.ts'
import type { Entries } from '../catalogue/read-window.ts'
import type { SrvRow } from '../catalogue/srv-table.ts'
import { dailyReadLogPayload } from '../duis/payload.ts'
import { addProvenance, noProvenance, type Provenance } from '../requests/provenance.ts'

/**
 * Daily reads as SMETSData, stamped with their midnight: at most 31, the newest if there are more. Future midnights
 * are not requested.
 */
export async function readDailyLog(
  row: SrvRow,
  requested: Entries,
  readThrough: (first: number, count: number) => ReturnType<DailyReadThrough>,
  nowMs: number,
): Promise<{ payload: string; provenance: Provenance }> {
  const end = Math.min(requested.first + requested.count, Math.floor(nowMs / dayMs) + 1)
  const first = Math.max(requested.first, end - row.entriesMax!, 1)
  const count = Math.max(0, end - first)
  const provenance = noProvenance()
  const entries = count === 0 ? [] : await readThrough(first, count)
  addProvenance(
    provenance,
    'daily-reads',
    entries.map(({ snapshot, from, ageMs }) => ({ stampMs: snapshot.number * dayMs, from, ageMs, recorded: true })),
  )
  provenance.notRecorded = count - entries.length
  const payload = dailyReadLogPayload(
    entries.map(({ snapshot }) => {
      return { stampMs: snapshot.number * dayMs, importWh: snapshot.registers[0]!, tariffWh: snapshot.matrix }
    }),
  )
  return { payload, provenance }
}
