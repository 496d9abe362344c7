// Scenario files: what is read, and what is refused with its place.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { builtInScenarios } from '../../../emulation/rehearsal/built-in.ts'
import { parseCompare, withKey } from '../../../emulation/rehearsal/overrides.ts'
import { parseScenarioFile, readScenario, scenarioBytesMax } from '../../../emulation/rehearsal/scenario-file.ts'

const read = (text: string) => readScenario(parseScenarioFile(text, 'mine.yaml'), 'mine.yaml')

const whole = `
name: mine
start: 2026-07-01
days: 3
population:
  meters: 100
  cohorts:
    FOC: { share: 70%, csp: north, rate: 90 }
    MOC: { share: 0.3 }
  export: 25%
  consent: { half-hourly: 90%, monthly: 10% }
  unreachable: 1%
parties:
  - name: big-supplier
    role: supplier
    forSettlement: true
    asks:
      - { set: settlement, of: [MOC], period: settlement-day }
  - name: retriever
    role: MDR
    askAgain: { times: 2, after: 90m }
    asks:
      - { srv: 4.2, of: [export], every: month, at: "09:00", within: 2h }
      - { srv: 4.8.1, as: on-demand, period: 7 days }
timetable: dated
bridge: { cachePolicy: utc-day, schedule: { windows: { MDR: 13h } } }
`

test('a file is read with its shares, durations and sets', () => {
  const scenario = read(whole)
  assert.is(scenario.population.cohorts.FOC?.share, 0.7)
  assert.is(scenario.population.cohorts.MOC?.csp, 'CSP')
  assert.is(scenario.population.exportTakeUp, 0.25)
  const [supplier, mdr] = scenario.parties
  assert.equal(
    supplier?.asks.map(({ srv, of, every }) => [srv, of.join('+'), every]),
    [
      ['4.8.1', 'MOC+half-hourly', 'day'],
      ['4.6.1', 'MOC+daily', 'day'],
      ['4.8.3', 'MOC+export', 'day'],
      ['4.1.1', 'MOC+half-hourly', 'month'],
      ['4.1.1', 'MOC+monthly', 'month'],
      ['4.2', 'MOC+export', 'month'],
    ],
  )
  assert.equal(mdr?.askAgain, { times: 2, afterMs: 5_400_000 })
  assert.is(mdr?.asks[0]?.srv, '4.2')
  assert.is(mdr?.asks[0]?.atMs, 9 * 3_600_000)
  assert.equal(mdr?.asks[1]?.period, { days: 7 })
  assert.is(mdr?.forSettlement, true)
})

test('every built-in scenario is right, also as JSON', () => {
  for (const [name, value] of Object.entries(builtInScenarios)) {
    assert.is(readScenario(JSON.parse(JSON.stringify(value)), name).name, name)
  }
})

const refused: readonly (readonly [what: string, change: (text: string) => string, message: RegExp])[] = [
  [
    'a share too much',
    (text) => text.replace('70%', '80%'),
    /population\.cohorts: the shares sum up to 110 %, not 100 %/,
  ],
  [
    'a name that is none',
    (text) => text.replace('of: [MOC]', 'of: [MOK]'),
    /parties\[0\] \(big-supplier\)\.asks\[0\]\.of: no meters are called "MOK"; there are FOC, MOC/,
  ],
  ['a key that does not exist', (text) => text.replace('days: 3', 'day: 3'), /additional properties: day/],
  ['a window that is none', (text) => text.replace('MDR: 13h', 'MDR: 25h'), /\/bridge\/schedule\/windows\/MDR/],
  ['a window of no length', (text) => text.replace('MDR: 13h', 'MDR: "06:00-06:00"'), /bridge: schedule: windows/],
  [
    'a window of a cohort that is none',
    (text) => text.replace('MDR: 13h', '"cohort:X": 13h'),
    /no device has the cohort "X"; there are FOC, MOC/,
  ],
  [
    'a role that may not',
    (text) => text.replace('role: MDR', 'role: other-user'),
    /other-user is a role that may not send 4\.2/,
  ],
  ['a date that is none', (text) => text.replace('2026-07-01', '2026-02-30'), /start: 2026-02-30 is no date/],
  [
    'a fault after the end',
    (text) => `${text}faults: [{ kind: unreachable, from: 3d, for: 1h }]\n`,
    /faults\[0\]\.from: it begins after the end of the rehearsal, which has 3 days/,
  ],
  [
    'a change that takes effect after the end',
    (text) => `${text}changes: [{ role: MDR, to: retriever, on: 2026-07-05 }]\n`,
    /changes\[0\]\.on: 2026-07-05 begins after the end of the rehearsal; it has 3 days from 2026-07-01/,
  ],
  [
    'what cannot be scheduled',
    (text) => text.replace('srv: 4.8.1, as: on-demand, period: 7 days', 'srv: 4.1.1, as: schedule'),
    /4\.1\.1 cannot be scheduled/,
  ],
]

for (const [what, change, message] of refused) {
  test(`refused: ${what}`, () => {
    assert.throws(
      () => read(change(whole)),
      (error: Error) => message.test(error.message) || assert.unreachable(error.message),
    )
  })
}

test('a change takes effect at local midnight: in summer an hour before the last UTC day ends', () => {
  const changed = read(`${whole}changes: [{ role: MDR, to: retriever, on: 2026-07-04 }]\n`)
  assert.is(changed.changes.length, 1)
})

test('refused at once: a queue that can never drain', () => {
  const text = whole.replace('meters: 100', 'meters: 10000').replace('rate: 90', 'rate: 1')
  assert.throws(
    () => read(text),
    /the queue of cohort FOC can never drain: \d+ reads of meters a day at least, and its rate of 1 sessions a minute lets 1440 through/,
  )
  assert.is(read(whole.replace('rate: 90', 'rate: 1')).population.cohorts.FOC?.rate, 1)
})

test('hostile files: too large, too many aliases, neither YAML nor JSON, no map', () => {
  assert.throws(() => parseScenarioFile(' '.repeat(scenarioBytesMax + 1), 'big'), /larger than/)
  const bomb = `a: &a [x, x]\n${Array.from({ length: 30 }, (_, i) => `b${i}: &b${i} [*${i === 0 ? 'a' : `b${i - 1}`}, *${i === 0 ? 'a' : `b${i - 1}`}]`).join('\n')}`
  assert.throws(() => parseScenarioFile(bomb, 'bomb'), /neither YAML nor JSON: Excessive alias count/)
  assert.throws(() => parseScenarioFile('{"a": ', 'cut'), /cut: neither YAML nor JSON/)
  assert.throws(() => read('[1, 2]'), /must be object/)
  assert.throws(() => read('null'), /must be object/)
})

test('--compare takes a key and values, and puts them where the file has them', () => {
  assert.equal(parseCompare('cachePolicy=off,both-days'), { key: 'cachePolicy', values: ['off', 'both-days'] })
  assert.throws(() => parseCompare('cachePolicy=off'), /KEY one of cachePolicy/)
  assert.throws(() => parseCompare('nothing=1,2'), /KEY one of cachePolicy/)
  const value = parseScenarioFile(whole, 'mine.yaml')
  const scenario = readScenario(withKey(withKey(value, 'window', '8h'), 'scheduled', '50%'), 'mine.yaml')
  assert.equal(scenario.bridge.schedule?.windows, { MDR: '8h', default: '8h' })
  assert.is(scenario.scheduled, 0.5)
  assert.throws(() => readScenario(withKey(value, 'export', 'many'), 'mine.yaml'), /population\/export/)
})

test.run()
