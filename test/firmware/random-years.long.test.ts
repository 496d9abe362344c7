// Years in which power fails, clocks go wrong and settings change, against the model: more seeds than random-years.test.ts.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { anyYear, randomLife } from '../support/model/random-lives.ts'
import { anyFindings } from '../support/model/read-back.ts'

for (let seed = 4; seed <= 30; seed++) {
  test(`a year of cuts, clocks and settings, seed ${seed}`, () => {
    const tally = randomLife(seed, anyYear)
    assert.not.ok(anyFindings(tally), `RANDOM_YEAR_SEED=${seed}: ${tally.first.join('\n')}`)
    assert.ok(tally.cuts > 0, 'no cut')
  })
}

test.run()
