// A rehearsal of the SMETS1 part of table 5 at 1 : 10,000 agrees with the forecast.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { forecast } from '../../../emulation/forecast/forecast.ts'
import { scenarios } from '../../../emulation/forecast/parameters.ts'
import { builtInScenarios } from '../../../emulation/rehearsal/built-in.ts'
import { type Measures, readKey } from '../../../emulation/rehearsal/measures.ts'
import { rehearse } from '../../../emulation/rehearsal/rehearsal.ts'
import { readScenario } from '../../../emulation/rehearsal/scenario-file.ts'
import type { ScenarioText } from '../../../emulation/rehearsal/scenario-text.ts'
import { tableFiveScale } from '../../../emulation/rehearsal/table-five.ts'

/** One attempt for each read, and one daily export read, as the SMETS1 figures have it. */
function expected(name: 'A' | 'B' | 'C', cacheShare: number) {
  const figures = forecast({ ...scenarios[name], attempts: 1, cacheShare })
  return {
    requests: figures.smets1RequestsPerDay / tableFiveScale,
    deviceReads: figures.smets1DeviceReadsPerDay / tableFiveScale,
  }
}

function within(found: number, wanted: number, what: string): void {
  const off = Math.abs(found - wanted) / wanted
  assert.ok(
    off <= 0.005,
    `${what}: ${found} rehearsed, ${wanted.toFixed(1)} forecast, ${(off * 100).toFixed(2)} % apart`,
  )
}

const settlementRequests = ({ requests }: Measures) =>
  [...requests].reduce((sum, [key, counts]) => (readKey(key).settlement ? sum + counts.requests : sum), 0)

for (const name of ['A', 'B', 'C'] as const) {
  test(`table 5, scenario ${name}, without another party that reads the same meters`, async () => {
    const label = `table-5-${name.toLowerCase()}`
    const measures = await rehearse({ scenario: readScenario(builtInScenarios[label], label), part: 0, parts: 1 })
    const { requests, deviceReads } = expected(name, 0)
    within(settlementRequests(measures), requests, 'requests')
    within(measures.usage.sessions, deviceReads, 'device reads')
  })
}

test('a supplier that reads 32 % of the meters for itself leaves those reads to the cache', async () => {
  const text = builtInScenarios['table-5-b']!
  const own: ScenarioText['parties'] = [
    {
      name: 'supplier-itself',
      role: 'supplier',
      userOf: 'supplier',
      asks: [
        { srv: '4.8.1', of: ['MOC'] },
        { srv: '4.8.3', of: ['MOC', 'export'] },
      ],
    },
  ]
  const scenario = readScenario({ ...text, parties: [...text.parties, ...own] }, 'with its own')
  const measures = await rehearse({ scenario, part: 0, parts: 1 })
  const additional = settlementRequests(measures)
  const all = [...measures.requests.values()].reduce((sum, counts) => sum + counts.requests, 0)
  const { requests, deviceReads } = expected('B', 0.32)
  within(additional, requests, 'requests')
  // Which of two parties comes first is chance: what both of them need is read once.
  within(measures.usage.sessions - (all - additional), deviceReads, 'device reads')
})

test.run()
