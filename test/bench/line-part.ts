// One part of the bench "line", in its own process: it gets tasks and returns results by messages.

import { type CorruptTally, corruptFrames } from '../support/attacks/corrupt-frames.ts'
import { type NoisyReads, type NoisyTally, noisyReads } from '../support/sim/noisy-reads.ts'

export type Task =
  | ({ row: string } & NoisyReads)
  /** Spoilt frames, or spoilt packets whose CRC is good again. */
  | { row: 'frames' | 'packets'; seed: number; count: number }

export type Done = { reads: NoisyTally } | { corrupt: CorruptTally }

process.on('message', async (task: Task) => {
  const done: Done =
    'count' in task
      ? { corrupt: corruptFrames(task.seed, task.count, task.row === 'packets') }
      : { reads: await noisyReads(task) }
  process.send!(done)
})
process.on('disconnect', () => process.exit(0))
