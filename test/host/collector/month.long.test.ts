// A bad month: meters silent for days, a change of agent, the October change of clocks. Every half-hour that could be had is there,
// and the others are listed.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { settlementDayBounds } from '../../../host/access/settlement-day.ts'
import { missingOfDay } from '../../../host/collector/export.ts'
import { createValues } from '../../../host/collector/values.ts'
import { dayMs, halfHourMs } from '../../../protocol/half-hour.ts'
import { createMonth, type Exchange } from '../../support/bench/collector-world.ts'

/** On demand only after the schedule had its turn: a read of a day goes out after the day's run. */
function assertScheduledFirst(sent: readonly Exchange[]): void {
  const reads = sent.filter(({ srv }) => srv === '4.8.1' || srv === '4.8.3')
  for (const { period, atMs } of reads) {
    const [, to = ''] = period.split(' ')
    assert.ok(atMs > Date.parse(to), `${period} was asked for before its end`)
  }
}

test('a bad month of 12 meters', async () => {
  const change = '2026-10-15'
  const month = await createMonth({ meters: 12, days: 31, seed: 3, start: '2026-10-01', silent: 0.25, change })
  const collector = month.open()
  const agreements = month.agreements()
  await collector.take(agreements)
  const endMs = Date.parse('2026-11-03T12:00Z')
  await month.until(endMs)
  const { same, wrong, missing } = month.compare(Date.parse('2026-11-01T00:00Z'))
  assert.is(wrong, 0)
  assert.ok(same > 12 * 30 * 48, `${same} half-hours`)

  // Only the meter that was silent from before its change of agent on lacks half-hours: those of its last days.
  const lost = month.meters.find((meter) => month.isLeaving(meter))!
  const changeMs = settlementDayBounds(change).startMs
  const mpans = [lost.importMpan, lost.exportMpan]
  assert.ok(missing.length > 0 && missing.length <= 2 * 96)
  for (const { agreement, startMs } of missing) {
    assert.ok(mpans.includes(agreement.mpan), JSON.stringify(agreement))
    assert.ok(startMs >= changeMs - 2 * dayMs && startMs < changeMs, new Date(startMs).toISOString())
  }
  const values = createValues(month.store, { key: month.key })
  const listed = [...collector.works()].flatMap(({ row }) =>
    values
      .daysOf(row, 'settlement', Date.parse('2026-11-01T00:00Z'))
      .flatMap((day) => missingOfDay(row.agreement, 'settlement', day)),
  )
  assert.is(
    listed.reduce((sum, one) => sum + one.missing, 0),
    missing.length,
  )
  for (const { why } of listed) assert.match(why, /^not read: (E\d+|no response|CommandFailure|DSPScheduleRemoval)$/)

  assertScheduledFirst(month.sent)
  // 50 periods on 25 October, each with its value.
  const [work] = [...collector.works()].filter(({ row }) => row.agreement.to === undefined)
  const days = values.daysOf(work!.row, 'settlement', endMs)
  assert.is(days.find(({ date }) => date === '2026-10-25')?.values.filter(({ wh }) => wh !== null).length, 50)
  // The agreement began at local midnight: the UTC day before has two half-hours of ours.
  const utc = values.daysOf(work!.row, 'utc', endMs)
  assert.is(utc[0]?.values.length, (Date.parse(utc[1]!.date) - work!.startMs) / halfHourMs)
  const [november] = values.monthsOf(work!.row, endMs).filter(({ to }) => to === '2026-11-01')
  assert.equal([november?.missing, november?.differenceWh], [0, 0])
  await month.close()
})

test.run()
