// What a bridge that is killed under load loses: nothing.

import { killBridge } from '../support/bench/kill-bench.ts'
import type { Bench } from './row.ts'

const kills = 200
/** Of a bridge of several processes, each with one of its workers before it. */
const killsOfSeveral = 100
const processes = 3

async function rowsOf(count: number, workers: number, note: (text: string) => void) {
  const killed = await killBridge(count, workers, note, workers)
  const row = (name: string, value: number) => ({ bench: 'kills', name, value, unit: '' })
  return [
    row(`kills (SIGKILL) under load, ${workers === 1 ? 'one process' : `${workers} processes`}`, killed.kills),
    row('  of these, while it started', killed.startsKilled),
    row('workers killed besides', killed.workersKilled),
    row('requests accepted (I99)', killed.accepted),
    row('requests cut off before an acknowledgement', killed.unacknowledged),
    row('accepted and never answered', killed.lost.length),
    row('answered with two different responses', killed.different.length),
    row('delivered again, the same bytes', killed.repeated),
    row('not on record as Users have it', killed.unrecorded.length),
    row('batches cut off in the audit trail', killed.tailsCut),
    row('records in the audit trail', killed.verdict.records),
    row('audit chain intact (1 is yes)', killed.verdict.ok ? 1 : 0),
  ]
}

export const killsBench: Bench = async (note) => [
  ...(await rowsOf(kills, 1, note)),
  ...(await rowsOf(killsOfSeveral, processes, note)),
]
