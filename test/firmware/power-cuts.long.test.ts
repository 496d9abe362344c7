// More of what power-cuts.test.ts tries a part of. The bench "power-cuts" tries all of it.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { day, month, type Span } from '../support/model/cut-scripts.ts'
import { createJob, ground, type Tally, tryCuts } from '../support/model/cut-trials.ts'
import { fortnight, randomLife } from '../support/model/random-lives.ts'
import { anyFindings } from '../support/model/read-back.ts'

/** Cuts power in a span of life at one in so many operations, and after each cut as often again as `depth` says. */
function cutsIn(span: Span, parts: number, depth: number): Tally {
  const job = createJob({ pageBytes: 2048, pages: 25, ahead: 3, parts }, depth)
  tryCuts(job, ground(job, span.settings, span.history, span.fromDay), span.acts, depth)
  return job.tally
}

function assertClean(tally: Tally, cutsAtLeast: number): void {
  assert.not.ok(anyFindings(tally), tally.first.join('\n'))
  assert.ok(tally.cuts >= cutsAtLeast, `only ${tally.cuts} cuts`)
}

test('power cut in thirty days in which a page of every log turns: each 13th operation and model', () => {
  assertClean(cutsIn(month(7), 13, 1), 7500)
})

test('two cuts, the second at every operation after each 19th first one', () => {
  assertClean(cutsIn(day(), 19, 2), 7500)
})

test('thirty cuts in each of forty fortnights', () => {
  for (let seed = 9; seed <= 48; seed++) assertClean(randomLife(seed, fortnight), 10)
})

test.run()
