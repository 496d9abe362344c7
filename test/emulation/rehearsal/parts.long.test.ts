// A population in parts, each in a process of its own.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { builtInScenarios } from '../../../emulation/rehearsal/built-in.ts'
import type { Measures } from '../../../emulation/rehearsal/measures.ts'
import { partsOf, rehearseAll } from '../../../emulation/rehearsal/parts.ts'
import type { Scenario } from '../../../emulation/rehearsal/scenario.ts'
import { readScenario } from '../../../emulation/rehearsal/scenario-file.ts'

function scenarioOf(meters: number, days = 1): Scenario {
  const text = builtInScenarios['table-5-c']!
  return readScenario({ ...text, days, population: { ...text.population, meters } }, 'test')
}

const answered = ({ requests }: Measures) => [...requests.values()].reduce((sum, counts) => sum + counts.answered, 0)
const quiet = { processes: 2, progress: () => {}, isCancelled: () => false }

test('the number of parts comes from the scenario: memory, then time, unless rates are shared', () => {
  assert.is(partsOf(scenarioOf(9_000)), 1)
  assert.is(partsOf(scenarioOf(100_000)), 10)
  assert.is(partsOf(scenarioOf(3_000, 30)), 3)
  assert.is(partsOf(scenarioOf(500, 365)), 7)
  const limited = scenarioOf(3_000, 30)
  const { IOC } = limited.population.cohorts
  const cohorts = { ...limited.population.cohorts, IOC: { ...IOC!, rate: 10_000 } }
  assert.is(partsOf({ ...limited, population: { ...limited.population, cohorts } }), 1)
})

test('processes give what one process gives, with progress up to the end', async () => {
  const scenario = scenarioOf(12)
  const alone = await rehearseAll({ ...quiet, scenario })
  const shares: number[] = []
  const together = await rehearseAll({ ...quiet, scenario, parts: 3, progress: (share) => shares.push(share) })
  assert.equal([together.parts, together.begun], [3, 3])
  assert.is(answered(together.measures), answered(alone.measures))
  assert.equal(together.measures.completeness, alone.measures.completeness)
  assert.is(together.measures.usage.sessions, alone.measures.usage.sessions)
  assert.is(shares.at(-1), 1)
  assert.ok(shares.every((share, i) => i === 0 || share >= (shares[i - 1] ?? 0)))
})

test('ended early, what the running parts have done is kept, and no other is begun', async () => {
  let share = 0
  const ended = await rehearseAll({
    scenario: scenarioOf(6, 8),
    parts: 3,
    processes: 1,
    progress(done) {
      share = done
    },
    isCancelled: () => share > 0.01,
  })
  assert.is(ended.begun, 1)
  assert.ok(answered(ended.measures) > 0)
  assert.ok(ended.measures.hours < 8 * 24)
})

test('what goes wrong in a part ends the rehearsal with its message', async () => {
  const scenario = scenarioOf(6)
  const party = scenario.parties.find(({ name }) => name === 'mdr')
  const asks = [{ ...party!.asks[0]!, srv: '4.17' }]
  const broken = { ...scenario, parties: [{ ...party!, asks }] }
  try {
    await rehearseAll({ ...quiet, scenario: broken, parts: 2 })
    assert.unreachable('it cannot be scheduled')
  } catch (error) {
    assert.match((error as Error).message, /cannot schedule 4\.17: E\d+/)
  }
})

test.run()
