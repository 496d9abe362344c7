// A part of the bench "power-cuts", in a process of its own, so that every core is used. Told what to do by a message.

import { day, month } from '../support/power-cut-scripts.ts'
import { createJob, ground, type Tally, tryCuts } from '../support/power-cuts.ts'
import { anyYear, cutYear, fortnight, randomLife } from '../support/random-lives.ts'

export interface Order {
  trial: 'one-deep' | 'two-deep' | 'fortnights' | 'years' | 'any-years'
  /** Of the parts of the trial this one, from 0. Of a random life the seed is one more. */
  part: number
  parts: number
}

const small = { pageBytes: 2048, pages: 25 }

function tryPart({ trial, part, parts }: Order): Tally {
  if (trial === 'fortnights') return randomLife(part + 1, fortnight)
  if (trial === 'years') return randomLife(part + 1, cutYear)
  if (trial === 'any-years') return randomLife(part + 1, anyYear)
  const depth = trial === 'one-deep' ? 1 : 2
  const span = depth === 1 ? month(7) : day()
  const job = createJob({ ...small, ahead: depth === 1 ? 3 : 2, part, parts }, depth)
  tryCuts(job, ground(job, span.settings, span.history, span.fromDay), span.acts, depth)
  return job.tally
}

process.on('message', (order: Order) => {
  const tally = tryPart(order)
  const seed = order.trial === 'one-deep' || order.trial === 'two-deep' ? '' : `seed ${order.part + 1}: `
  tally.first = tally.first.map((line) => seed + line)
  process.send!(tally)
})
process.on('disconnect', () => process.exit(0))
