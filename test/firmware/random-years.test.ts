// Years in which power fails, clocks go wrong and settings change, against the model. RANDOM_YEAR_SEED=N plays one again.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { anyYear, randomLife } from '../support/model/random-lives.ts'
import { findingKinds } from '../support/model/read-back.ts'

const given = process.env.RANDOM_YEAR_SEED
const seeds = given === undefined ? [1, 2, 3] : [Number(given)]

for (const seed of seeds) {
  test(`a year of cuts, clocks and settings, seed ${seed}`, () => {
    const tally = randomLife(seed, anyYear)
    const found = findingKinds.reduce((sum, kind) => sum + tally[kind], 0)
    assert.is(found, 0, `RANDOM_YEAR_SEED=${seed}: ${tally.first.join('\n')}`)
    assert.ok(tally.cuts > 20, `${tally.cuts} cuts`)
  })
}

test.run()
