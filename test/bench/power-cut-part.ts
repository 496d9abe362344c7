// One part of the bench "power-cuts", in its own process: it gets tasks and returns results by messages.

import { day, month } from '../support/model/cut-scripts.ts'
import { addTally, createJob, ground, noTally, pagesTurned, type Tally, tryCuts } from '../support/model/cut-trials.ts'
import { anyYear, cutYear, fortnight, randomLife } from '../support/model/random-lives.ts'

const lives = { fortnights: fortnight, years: cutYear, 'any-years': anyYear } as const
export type LifeName = keyof typeof lives

export type Task =
  /** All cuts of a span, one or two deep, whose number leaves `part` when divided by `parts`. */
  | { span: 'month' | 'day'; depth: number; ahead: number; part: number; parts: number }
  /** Lives with these seeds. */
  | { life: LifeName; from: number; to: number }

export interface Done extends Tally {
  /** Pages that turned in the span: the fewest of any log. */
  pagesTurned: number
  /** Seeds whose life went wrong. */
  seeds: number[]
}

export function work(task: Task): Done {
  if ('life' in task) {
    const done: Done = { ...noTally(), pagesTurned: 0, seeds: [] }
    for (let seed = task.from; seed <= task.to; seed++) {
      const tally = randomLife(seed, lives[task.life])
      if (tally.first.length > 0) done.seeds.push(seed)
      addTally(done, tally)
    }
    return done
  }
  const span = task.span === 'month' ? month(7) : day()
  const { part, parts, ahead, depth } = task
  const job = createJob({ pageBytes: 2048, pages: 25, ahead, part, parts }, depth)
  const life = ground(job, span.settings, span.history, span.fromDay)
  const before = pagesTurned(life.flash)
  tryCuts(job, life, span.acts, depth)
  const turned = Object.entries(pagesTurned(life.flash)).map(([log, pages]) => pages - before[log]!)
  return { ...job.tally, pagesTurned: Math.min(...turned), seeds: [] }
}

process.on('message', (task: Task) => process.send!(work(task)))
process.on('disconnect', () => process.exit(0))
