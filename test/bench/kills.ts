// What a bridge that is killed under load loses: nothing.

import { killBridge } from '../support/bench/kill-bench.ts'
import type { Bench } from './row.ts'

const kills = 300
/** Chooses when the bridge is killed. */
const seed = 1

export const killsBench: Bench = async (note) => {
  const killed = await killBridge(kills, seed, note)
  const row = (name: string, value: number) => ({ bench: 'kills', name, value, unit: '' })
  return [
    row('kills (SIGKILL) under load', killed.kills),
    row('  of these, while it started', killed.startsKilled),
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
