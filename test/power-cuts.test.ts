import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { noFindings, prepared, recordings, tryCuts } from './support/power-cuts.ts'
import { createRandom } from './support/random.ts'
import { tornModels } from './support/sim-flash.ts'

const firstDay = 20000
const clean = { lost: 0, invented: 0, doubled: 0, backwards: 0 }

function report(found: ReturnType<typeof noFindings>): object {
  const { cuts, ...rest } = found
  assert.ok(cuts > 0)
  return rest
}

// Pages of 1 KB turn the journal daily and the ring every fortnight, so three days cross every kind of turn.
for (const model of tornModels) {
  test(`power cut at every operation of three days, ${model}`, () => {
    const list = recordings(7, firstDay * 48, 30 * 48)
    const count = list.findIndex((entry) => entry.halfHour >= (firstDay + 27) * 48)
    const ground = prepared(1024, list, count)
    const found = noFindings()
    for (let cut = 0; tryCuts(ground, list, count, [cut], model, cut + 1, found); cut++);
    assert.ok(found.cuts > 288, `${found.cuts} cuts`)
    assert.equal(report(found), clean)
  })
}

test('power cut at the first operations of a new meter', () => {
  const list = recordings(8, firstDay * 48, 60)
  const ground = prepared(4096, list, 0)
  const found = noFindings()
  for (const model of tornModels) for (let cut = 0; cut < 60; cut++) tryCuts(ground, list, 0, [cut], model, cut, found)
  assert.equal(report(found), clean)
})

test('two cuts in a row, the second while the meter finds its place after the first', () => {
  const list = recordings(9, firstDay * 48, 16 * 48)
  const count = list.findIndex((entry) => entry.halfHour >= (firstDay + 15) * 48 - 4)
  const ground = prepared(1024, list.slice(0, count + 10), count)
  const found = noFindings()
  for (const model of tornModels) {
    for (let first = 0; first < 40; first++) {
      for (let second = 0; second < 14; second++) {
        tryCuts(ground, list.slice(0, count + 10), count, [first, second], model, first * 100 + second, found)
      }
    }
  }
  assert.equal(report(found), clean)
})

test('many random cuts in a row over two weeks', () => {
  const found = noFindings()
  for (let seed = 1; seed <= 12; seed++) {
    const random = createRandom(seed)
    const list = recordings(seed, firstDay * 48, 14 * 48)
    const ground = prepared(random.below(2) === 0 ? 1024 : 4096, list, 0)
    const cuts = Array.from({ length: 30 }, () => random.below(60))
    tryCuts(ground, list, 0, cuts, tornModels[seed % 3]!, seed, found)
  }
  assert.equal(report(found), clean)
})

test.run()
