// Rehearsals of small populations: what is asked, answered and counted.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { builtInScenarios } from '../../../emulation/rehearsal/built-in.ts'
import { addMeasures, type Measures, noMeasures } from '../../../emulation/rehearsal/measures.ts'
import { createPopulation } from '../../../emulation/rehearsal/population.ts'
import { rehearse } from '../../../emulation/rehearsal/rehearsal.ts'
import { type Report, reportOf } from '../../../emulation/rehearsal/report.ts'
import type { Scenario } from '../../../emulation/rehearsal/scenario.ts'
import { readScenario } from '../../../emulation/rehearsal/scenario-file.ts'
import type { ScenarioText } from '../../../emulation/rehearsal/scenario-text.ts'

function scenarioOf(name: string, meters: number, more: Partial<ScenarioText> = {}): Scenario {
  const text = builtInScenarios[name]
  if (text === undefined) throw new Error(name)
  return readScenario({ ...text, ...more, population: { ...text.population, ...more.population, meters } }, name)
}

function reportFrom(scenario: Scenario, measures: Measures, parts = 1): Report {
  const cohorts = new Map<string, number>()
  for (const { cohort } of createPopulation(scenario)) cohorts.set(cohort, (cohorts.get(cohort) ?? 0) + 1)
  return reportOf(scenario, measures, parts, cohorts)
}

async function reportOn(scenario: Scenario): Promise<Report> {
  return reportFrom(scenario, await rehearse({ scenario, part: 0, parts: 1 }))
}

const sum = <Row>(rows: readonly Row[], of: (row: Row) => number) => rows.reduce((total, row) => total + of(row), 0)

test('the same seed gives the same report, another one another', async () => {
  const scenario = scenarioOf('no-cache', 10)
  const first = await reportOn(scenario)
  assert.equal(await reportOn(scenario), first)
  assert.not.equal(await reportOn({ ...scenario, seed: 2 }), { ...first, seed: 2 })
  assert.is(first.unanswered, 0)
  assert.equal(first.users.wrong, [])
})

test('without a cache every request reads the meter; with it the second party wakes none', async () => {
  const without = await reportOn(scenarioOf('no-cache', 10))
  const asked = sum(without.requests, ({ requests }) => requests)
  assert.is(without.deviceReads, asked)
  assert.is(without.cache.hitShare, 0)
  const cached = await reportOn(scenarioOf('no-cache', 10, { bridge: { cachePolicy: 'both-days' } }))
  const monthly = sum(
    cached.requests.filter(({ srv }) => srv === '4.1.1' || srv === '4.2'),
    ({ requests }) => requests,
  )
  assert.is(cached.deviceReads, (asked - monthly) / 2 + monthly)
  assert.is(cached.cache.deviceReadsSaved, (asked - monthly) / 2)
  assert.is(cached.cache.hitShare, 0.5)
})

test('all of a day is delivered, and the runs of settlement have it', async () => {
  const report = await reportOn(scenarioOf('no-cache', 5, { days: 16 }))
  const day = report.completeness.find(
    ({ day, kind, channel }) => day === '2026-11-22' && kind === 'utc' && channel === 'import',
  )
  assert.is(day?.wanted, 5 * 48)
  assert.is(day?.delivered, 5 * 48)
  assert.equal(day?.runs, [
    { name: 'SF', date: '2026-12-01', share: 1 },
    { name: 'RF', date: '2027-03-22' },
  ])
  assert.ok(report.performance.every(({ answers, within }) => within === answers))
})

test('in the night of a summer change of MDR the UTC day before has 46 + 2 half-hours', async () => {
  const report = await reportOn(scenarioOf('change-of-mdr-night', 6))
  const row = (party: string, service: string, srv = '4.8.1') =>
    report.requests.find((one) => one.party === party && one.service === service && one.srv === srv)
  assert.is(row('mdr-out', 'on demand')?.inTime, 6)
  assert.is(row('mdr-in', 'on demand')?.inTime, 6)
  const whole = report.completeness.filter(({ day, kind }) => kind === 'utc' && day === '2026-07-14')
  assert.ok(whole.length > 0 && whole.every(({ wanted, delivered }) => wanted === delivered))
  assert.is(
    sum(report.requests, ({ refused, failed }) => refused + failed),
    0,
  )
})

test('a change of supplier: each asks while it is registered, and none is refused', async () => {
  const report = await reportOn(scenarioOf('change-of-supplier-night', 8))
  assert.is(
    sum(report.requests, ({ refused, failed }) => refused + failed),
    0,
  )
  assert.ok(report.requests.some(({ party }) => party === 'supplier-b'))
})

test('meters that are not reached are tried again, counted, and their day is late or missing', async () => {
  const report = await reportOn(scenarioOf('wan-outage-at-midnight', 8))
  assert.ok(report.retries > 0)
  assert.is(report.unanswered, 0)
  const foc = report.wan.find(({ cohort }) => cohort === 'FOC')
  const moc = report.wan.find(({ cohort }) => cohort === 'MOC')
  assert.ok((foc?.smsPerMeterMonth ?? 0) > 5 * (moc?.smsPerMeterMonth ?? 0))
})

test('a meter that never answers: its requests fail with an alert after a day, and are counted', async () => {
  const text = builtInScenarios['no-cache']!
  const population = { ...text.population, unreachable: 0.25 }
  const report = await reportOn(scenarioOf('no-cache', 4, { population }))
  assert.is(
    sum(
      report.requests.filter(({ srv }) => srv === '4.8.1'),
      ({ failed }) => failed,
    ),
    2,
  )
  const days = report.completeness.filter(({ kind, channel }) => kind === 'utc' && channel === 'import')
  assert.is(sum(days, ({ delivered }) => delivered) / sum(days, ({ wanted }) => wanted), 0.75)
  assert.ok(report.codes.some(({ code }) => code === 'alert'))
})

test('the models of the WAN and of the DCO: what they delay and hold back is counted, and scaled with the meters', async () => {
  const slow: Partial<ScenarioText> = {
    wan: { all: { smsDelayMs: 3000, latencyMs: 100 }, csps: { 'CSP-FOC': { callsPerSecond: 1 } } },
    dco: { latencyMs: 4100 },
  }
  const report = await reportOn({ ...scenarioOf('window-not-uniform', 10, slow), ratedMeters: 200 })
  assert.is(report.dco.meanSeconds, 4.1)
  assert.is(report.dco.over4Seconds, report.dco.calls)
  assert.ok(report.dco.mostAtOnce > 3)
  assert.is(report.unitCosts.dcoSeconds, 4.1)
  // One a second for 200 meters is one in 20 s for 10.
  const [held] = report.heldBack
  assert.is(held?.limit, 'calls')
  assert.ok((held?.longestSeconds ?? 0) > 20)
  assert.ok(report.requests.every(({ failed }) => failed === 0))
  assert.ok((report.wan.at(-1)?.meanContextSeconds ?? 0) > 4)
})

test('parts of a population add up to the whole', async () => {
  const scenario = scenarioOf('no-cache', 12)
  const whole = await reportOn(scenario)
  const measures = noMeasures()
  for (const part of [0, 1, 2]) addMeasures(measures, await rehearse({ scenario, part, parts: 3 }))
  const parts = reportFrom(scenario, measures, 3)
  const totals = (report: Report) =>
    report.requests.map(({ srv, party, requests, inTime }) => [srv, party, requests, inTime])
  assert.equal(totals(parts), totals(whole))
  assert.equal(parts.completeness, whole.completeness)
  assert.is(parts.deviceReads, whole.deviceReads)
  assert.equal(parts.performance, whole.performance)
  assert.match(parts.notes.join(' '), /rehearsed in 3 parts/)
})

test('ended early, what is done is kept', async () => {
  const scenario = scenarioOf('no-cache', 5, { days: 3 })
  let hours = 0
  const measures = await rehearse({
    scenario,
    part: 0,
    parts: 1,
    progress(done) {
      hours = done
    },
    isCancelled: () => hours >= 4,
  })
  assert.is(measures.hours, 4)
  const report = reportFrom(scenario, measures)
  assert.ok(sum(report.requests, ({ requests }) => requests) > 0)
  assert.is(report.hours, 4)
})

test.run()
