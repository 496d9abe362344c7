// Power cuts around the midnight of a billing date: all of those of which recovery.test.ts tries a part.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { cutMidnightTwice, cutWhereJournalTurns } from '../support/model/midnight-cuts.ts'
import { anyFindings } from '../support/model/read-back.ts'

test('power fails in the midnight of a billing date, and again at each operation of the start after it', () => {
  const tally = cutMidnightTwice(7)
  assert.not.ok(anyFindings(tally), tally.first.join('\n'))
  assert.ok(tally.cuts > 800, `${tally.cuts} cuts`)
})

test('power fails in that midnight wherever the page of the journal turns, and any time later, by three seeds', () => {
  const tallies = cutWhereJournalTurns(3)
  assert.ok(tallies.length >= 9, 'the page turns at none of its records')
  for (const tally of tallies) {
    assert.not.ok(anyFindings(tally), tally.first.join('\n'))
    assert.ok(tally.cuts > 30, `${tally.cuts} cuts`)
  }
})

test.run()
