// The settlement collector: a bad month of 1,000 meters on virtual time. 5 % of them are silent for days, 10 % change their
// agent, and the clocks change in October. Two collectors, each with half of the meters, run at once on two cores.

import type { Done, Task } from './collect-part.ts'
import type { Bench } from './row.ts'
import { share } from './share.ts'

const parts: readonly Task[] = [
  { meters: 500, seed: 20 },
  { meters: 500, seed: 21 },
]

export const collect: Bench = async (note) => {
  const row = (name: string, value: number, unit: string) => ({ bench: 'collect', name, value, unit })
  const startedMs = performance.now()
  note('1,000 meters, a month')
  const done: Done[] = []
  await share<Task, Done>(new URL('./collect-part.js', import.meta.url), parts, (one) => done.push(one))
  const wallS = (performance.now() - startedMs) / 1000
  const total = (field: keyof Done) => done.reduce((sum, one) => sum + one[field], 0)
  return [
    row('1,000 meters, a month: wall time', wallS, 's'),
    row('  processor time', total('processorS'), 's'),
    row('  half-hours kept', total('same'), ''),
    row('  wrong', total('wrong'), ''),
    row('  missing: their meter never answered again', total('silent'), ''),
    row('  missing although they could be had', total('lost'), ''),
    row('  reads on demand', total('onDemand'), ''),
  ]
}
