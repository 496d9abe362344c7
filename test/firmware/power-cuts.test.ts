// The bench "power-cuts" tries all cuts of these spans; here is a part of them that no change gets past lightly.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRandom } from '../../emulation/random.ts'
import { createSimFlash } from '../../emulation/sim-flash.ts'
import { day, month } from '../support/model/cut-scripts.ts'
import { createJob, ground, pagesTurned, type Tally, tryCuts } from '../support/model/cut-trials.ts'
import { live, newLife } from '../support/model/meter-life.ts'
import { fortnight, randomLife } from '../support/model/random-lives.ts'
import { findingKinds } from '../support/model/read-back.ts'
import { type Operation, record } from '../support/sim/flash-recorder.ts'

/** Pages of half the size turn twice as often. */
const small = { pageBytes: 2048, pages: 25 }

function assertClean(tally: Tally, cutsAtLeast: number, programsMax = 2): void {
  assert.is(
    findingKinds.reduce((sum, kind) => sum + tally[kind], 0),
    0,
    tally.first.join('\n'),
  )
  assert.ok(tally.programs <= programsMax, `a word was programmed ${tally.programs} times between erases`)
  assert.ok(tally.cuts >= cutsAtLeast, `only ${tally.cuts} cuts`)
}

test('power cut in thirty days in which a page of every log turns: each 61st operation and model', () => {
  const span = month(7)
  const job = createJob({ ...small, ahead: 3, parts: 61 }, 1)
  const life = ground(job, span.settings, span.history, span.fromDay)
  const before = pagesTurned(life.flash)
  tryCuts(job, life, span.acts, 1)
  assertClean(job.tally, 1600)
  const after = pagesTurned(life.flash)
  for (const [log, pages] of Object.entries(after)) assert.ok(pages > before[log]!, `no page of ${log} turned`)
  // What is in RAM is lost, and no more: less than a checkpoint of each channel beside what the act counted.
  assert.ok(job.tally.beyondActWh < span.settings.checkpointWh + 1, `${job.tally.beyondActWh} Wh`)
  assert.ok(job.tally.beyondActWh > span.settings.checkpointWh / 2, 'no cut has cost anything: nothing was measured')
})

test('power cut at every operation of the day before a billing date, with a page turn in four logs', () => {
  const span = day()
  const job = createJob({ ...small, ahead: 60 }, 1)
  const life = ground(job, span.settings, span.history, span.fromDay)
  const before = pagesTurned(life.flash)
  tryCuts(job, life, span.acts, 1)
  assertClean(job.tally, 550)
  const after = pagesTurned(life.flash)
  for (const log of ['journal', 'billing', 'others', 'imports']) assert.ok(after[log]! > before[log]!, log)
})

test('two cuts, the second at every operation after each 101st first one', () => {
  const span = day()
  const job = createJob({ ...small, ahead: 2, parts: 101 }, 2)
  tryCuts(job, ground(job, span.settings, span.history, span.fromDay), span.acts, 2)
  assertClean(job.tally, 1500)
})

test('power cut at every operation of the first hours of a new meter, on the smallest flash', () => {
  const span = day()
  const job = createJob({ pageBytes: 4096, pages: 15, ahead: 3 }, 1)
  const acts = span.acts.slice(0, 60)
  const first = acts[0] as { atMs: number }
  tryCuts(job, ground(job, span.settings, [], 0), [{ do: 'start', atMs: first.atMs - 1000 }, ...acts], 1)
  assertClean(job.tally, 300)
})

test('thirty cuts in each of eight fortnights', () => {
  // A third program takes two cuts at the same place: in a day's record, and in the start that clears it.
  for (let seed = 1; seed <= 8; seed++) assertClean(randomLife(seed, fortnight), 10, 3)
})

// The order of operations does not rest on the CRC, which one torn record in 65,536 would pass.
test('every record is written body first, and no word is programmed more than twice between erases', () => {
  const span = month(7, 30, 3)
  const random = createRandom(1)
  const flash = createSimFlash(2048, 25, random)
  const life = newLife(flash, createSimFlash(2048, 25, random), span.settings)
  const operations: Operation[] = []
  record(flash, operations)
  for (const act of [...span.history, ...span.acts]) live(life, act)
  const isZero = (bytes: Uint8Array | undefined) => bytes?.every((byte) => byte === 0) === true
  let records = 0
  for (const [i, { address, bytes }] of operations.entries()) {
    const [before, after] = [operations[i - 1], operations[i + 1]]
    if (bytes === undefined || isZero(bytes)) continue
    if (bytes.length > 4) {
      records += 1
      assert.ok(after?.address === address - 4 && after.bytes?.length === 4, `the record at ${address - 4}`)
    } else assert.is(before?.address, address + 4, `the first word at ${address}`)
  }
  assert.ok(records > 4000, `${records} records`)
  assert.ok(flash.mostPrograms() <= 2, `${flash.mostPrograms()} programs of a word`)
})

test.run()
