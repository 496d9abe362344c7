// The settlement collector: a bad month of 1,000 meters on virtual time. 5 % of them are silent for days, 10 % change their
// agent, and the clocks change in October.

import { dayMs } from '../../protocol/half-hour.ts'
import { createMonth } from '../support/bench/collector-world.ts'
import type { Bench } from './row.ts'

const meters = 1000
const start = '2026-10-01'
const change = '2026-10-15'

export const collect: Bench = async (note) => {
  const row = (name: string, value: number, unit: string) => ({ bench: 'collect', name, value, unit })
  const startedMs = performance.now()
  const month = await createMonth({ meters, days: 31, seed: 20, start, silent: 0.05, change })
  const preparedS = (performance.now() - startedMs) / 1000
  note(`${meters} meters made in ${preparedS.toFixed(0)} s`)
  const collector = month.open()
  await collector.take(month.agreements())
  const endMs = Date.parse('2026-11-01T00:00Z')
  // The last day's runs, and a day for what is asked again.
  let days = 0
  await month.until(endMs + 1.5 * dayMs, () => {
    const passed = Math.floor((month.clock.nowMs() - Date.parse(start)) / dayMs)
    if (passed > days) note(`day ${passed}, ${((performance.now() - startedMs) / 1000).toFixed(0)} s`)
    days = Math.max(days, passed)
  })
  const wallS = (performance.now() - startedMs) / 1000
  const { same, wrong, missing } = month.compare(endMs)
  const silent = new Set(month.meters.filter(({ eui }) => month.isSilentFrom(eui, endMs)).map(({ eui }) => eui))
  const unexplained = missing.filter(({ agreement }) => !silent.has(agreement.device))
  const reads = month.sent.filter(({ srv }) => srv.startsWith('4.'))
  await month.close()
  return [
    row('1,000 meters, a month: wall time', wallS, 's'),
    row('  half-hours kept', same, ''),
    row('  wrong', wrong, ''),
    row('  missing: their meter never answered again', missing.length - unexplained.length, ''),
    row('  missing although they could be had', unexplained.length, ''),
    row('  reads on demand', reads.length, ''),
  ]
}
