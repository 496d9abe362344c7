// A record that a power cut left in a ring stays there. What is read at later starts must not depend on how it reads.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRandom, type Random } from '../../emulation/random.ts'
import { createSimFlash, PowerCut, type SimFlash, type TornModel, tornModels } from '../../emulation/sim-flash.ts'
import { pageKind } from '../../firmware/flash-pages.ts'
import {
  appendRecord,
  keyOf,
  nothingAnnounced,
  openRing,
  placeOf,
  type RecordRing,
} from '../../firmware/record-ring.ts'
import { readRing } from '../../firmware/ring-reader.ts'
import { dayBlockBytesMax } from '../../protocol/limits.ts'
import { dayBlockDay, encodeDayBlock } from '../../protocol/profile-coding.ts'
import { day } from '../support/model/cut-scripts.ts'
import { createJob, ground, tryCuts } from '../support/model/cut-trials.ts'
import { anyFindings } from '../support/model/read-back.ts'

const pages = 6
const firstDay = 20000

function open(flash: SimFlash, place: number, announced: number): RecordRing {
  return openRing(flash, 0, pages, pageKind.imports, dayBlockBytesMax, place, announced)
}

function blockOf(number: number, random: Random): Uint8Array {
  const wh = Int32Array.from({ length: 48 }, () => random.below(random.below(2000) + 1))
  return encodeDayBlock({ channel: 0, day: number, wh, marked: new Uint8Array(48), open: false })
}

/** Operations that a record takes when a page is opened for it, and when it is not. */
const operationsInNewPage = 5
const operationsInPage = 2

/** Appends a record, with power cut in one of its operations. */
function appendCut(flash: SimFlash, ring: RecordRing, record: Uint8Array, operation: number, model: TornModel): void {
  flash.cutAfter(operation, model)
  assert.throws(
    () => appendRecord(ring, record),
    (error: unknown) => error instanceof PowerCut,
  )
  flash.powerOn()
}

function daysRead(ring: RecordRing, from: number): number[] {
  const days: number[] = []
  const next = readRing(ring, 0, from, 65535, () => true)
  for (let block = next(); block !== undefined; block = next()) days.push(dayBlockDay(block, 0))
  return days
}

/**
 * Days of which one is cut: the first of a page, or one inside it. Then a start, `after` days more, and another start,
 * which knows nothing of the cut; after it every day must be read, from each day on.
 */
function cutAndRead(seed: number, model: TornModel, isFirstOfPage: boolean, after: number): void {
  const random = createRandom(seed)
  const flash = createSimFlash(2048, pages, random)
  let ring = open(flash, 0, nothingAnnounced)
  let number = firstDay
  let record = blockOf(number, random)
  const isDue = () =>
    number > firstDay + 3 &&
    (isFirstOfPage ? ring.tail + record.length + 3 > (ring.page + 1) * 2048 : ring.tail % 2048 > 600)
  while (!isDue()) {
    appendRecord(ring, record)
    number += 1
    record = blockOf(number, random)
  }
  const place = placeOf(ring)
  const operations = isFirstOfPage ? operationsInNewPage : operationsInPage
  appendCut(flash, ring, record, operations - 1, model)
  ring = open(flash, place, keyOf(number, 0))
  if (ring.lastKey < keyOf(number, 0)) appendRecord(ring, record)
  for (let i = 0; i < after; i++) {
    number += 1
    appendRecord(ring, blockOf(number, random))
  }
  ring = open(flash, placeOf(ring), nothingAnnounced)
  const expected = Array.from({ length: number - firstDay + 1 }, (_, i) => firstDay + i)
  for (let from = firstDay; from <= number; from += 1) {
    const days = daysRead(ring, from)
    assert.equal(days, expected.slice(from - firstDay), `seed ${seed}, ${model}, from ${from} of ${firstDay}–${number}`)
  }
}

for (const model of tornModels) {
  test(`days after a record that a ${model} cut left at the beginning of a page are read at later starts`, () => {
    for (let seed = 1; seed <= 60; seed++) cutAndRead(seed, model, true, 12)
  })

  test(`days after a record that a ${model} cut left inside a page are read at later starts`, () => {
    for (let seed = 1; seed <= 60; seed++) cutAndRead(seed, model, false, 12)
  })
}

test('a page of a ring begins with a record that was cut, and power is cut again in the start after it', () => {
  for (const part of [1, 2]) {
    const span = day()
    const job = createJob({ pageBytes: 2048, pages: 25, ahead: 2, parts: 101, part, models: ['weak'] }, 2)
    tryCuts(job, ground(job, span.settings, span.history, span.fromDay), span.acts, 2)
    assert.not.ok(anyFindings(job.tally), job.tally.first.join('\n'))
  }
})

test.run()
