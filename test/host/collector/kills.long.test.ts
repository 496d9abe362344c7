// A collector that is killed at any moment: nothing that was answered is asked twice, and nothing is forgotten.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRandom } from '../../../emulation/random.ts'
import { createMonth, type Month } from '../../support/bench/collector-world.ts'

/** The windows of reads on demand that were answered with I0 and taken, as `device period`, in the order of time. */
function answeredReads({ delivered, sent }: Month): string[] {
  const reads = sent.filter(({ srv, requestId }) => srv.startsWith('4.') && delivered.has(requestId))
  return [...new Map(reads.map((one) => [one.requestId, `${one.device} ${one.srv} ${one.period}`])).values()]
}

for (const seed of [11, 12]) {
  test(`killed at random moments, seed ${seed}`, async () => {
    const month = await createMonth({ meters: 5, days: 6, seed, start: '2026-10-20', silent: 0.6 })
    const random = createRandom(seed)
    await month.clock.run(month.open().take(month.agreements()))
    let kills = 0
    month.open(1 + random.below(6))
    const endMs = Date.parse('2026-10-30T12:00Z')
    await month.until(endMs, () => {
      if (month.isAlive()) return
      kills += 1
      month.open(kills < 60 ? 1 + random.below(16) : undefined)
    })
    assert.ok(kills >= 20, `${kills} kills`)
    const { same, wrong, missing } = month.compare(Date.parse('2026-10-29T00:00Z'))
    assert.equal([wrong, missing], [0, []])
    assert.ok(same > 5 * 9 * 48)
    const answered = answeredReads(month)
    assert.ok(answered.length > 0)
    assert.is(answered.length, new Set(answered).size)
    // Each schedule was made once.
    const schedules = [...month.bridge.schedules.schedules.all()].map(({ details }) => JSON.stringify(details))
    assert.ok(schedules.length > 0)
    assert.is(schedules.length, new Set(schedules).size)
    await month.close()
  })
}

test.run()
