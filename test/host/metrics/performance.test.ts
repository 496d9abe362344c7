// Which answers each performance measure counts.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { measuresOf, type PerformanceRow } from '../../../host/metrics/performance-measures.ts'

const row = (srv: string, kind: string, settlement: boolean, answers: number): PerformanceRow => {
  return { srv, kind, settlement, answers, within: 1, failed: 0, trtMs: 0, tookMsSum: 0, tookMsMax: 0 }
}

test('3.3 counts meter reads for settlement; 5.x and 8.2 count in 3.1, whoever sends them', () => {
  const rows = [
    row('4.8.1', 'onDemand', true, 1),
    row('4.6.1', 'scheduled', true, 10),
    row('4.8.1', 'onDemand', false, 100),
    row('8.2', 'onDemand', true, 1_000),
    row('5.1', 'onDemand', true, 10_000),
    row('N13', 'alert', true, 100_000),
    row('4.8.1', 'alert', true, 1_000_000),
  ]
  assert.equal(
    measuresOf(rows).map(({ measure, answers, within }) => [measure, answers, within]),
    [
      ['3.1', 11_100, 3],
      ['3.2', 1_100_000, 2],
      ['3.3', 11, 2],
    ],
  )
})

test.run()
