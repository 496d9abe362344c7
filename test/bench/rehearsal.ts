// How long rehearsals take, and how much of it is signatures: a night of many meters, and a month.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { rehearseAll } from '../../emulation/rehearsal/parts.ts'
import { readScenario } from '../../emulation/rehearsal/scenario-file.ts'
import type { Done, Task } from './rehearsal-part.ts'
import { twoParties } from './rehearsal-scenario.ts'
import type { Bench } from './row.ts'

const small = { meters: 10_000, days: 1 }
const month = { meters: 3_000, days: 30 }
const large = { meters: 100_000, days: 1 }

async function alone(task: Task): Promise<Done> {
  const child = fork(fileURLToPath(new URL('./rehearsal-part.js', import.meta.url)))
  child.send(task)
  const [done] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`the rehearsal ended with ${code}`))),
  ])
  child.disconnect()
  return done
}

/** Wall time and memory of a rehearsal in parts. */
async function inParts({ meters, days }: Task) {
  const startedMs = performance.now()
  const scenario = readScenario(twoParties(meters, days), 'bench')
  const done = await rehearseAll({ scenario, processes: undefined, progress: () => {}, isCancelled: () => false })
  return { ...done, wallS: (performance.now() - startedMs) / 1000 }
}

const megabytes = (bytes: number) => bytes / 1048576

export const rehearsal: Bench = async (note) => {
  const row = (name: string, value: number, unit: string) => ({ bench: 'rehearsal', name, value, unit })
  const night = await alone(small)
  note(`${small.meters} meters, a day: ${night.processorS.toFixed(1)} s`)
  const ofMonth = await inParts(month)
  note(`${month.meters} meters, a month: ${ofMonth.wallS.toFixed(0)} s`)
  const many = await inParts(large)
  note(`${large.meters} meters, a day: ${many.wallS.toFixed(0)} s`)
  return [
    row('10,000 meters, a day, two parties: responses', night.responses, ''),
    row('  device reads', night.deviceReads, ''),
    row('  processor time', night.processorS, 's'),
    row('  of that, its signatures alone', night.signaturesS, 's'),
    row('  processor time ÷ that of its signatures', night.processorS / night.signaturesS, ''),
    row('  processor time of a meter and day', (night.processorS / small.meters) * 1000, 'ms'),
    row('  memory', megabytes(night.memoryBytes), 'MB'),
    row('  without an answer, or wrong', night.wrong, ''),
    row('3,000 meters, a month', ofMonth.wallS, 's'),
    row('  without an answer, or wrong', ofMonth.measures.unanswered + ofMonth.measures.wrong.length, ''),
    row('100,000 meters, a day', many.wallS, 's'),
    row('  memory of all processes at once', megabytes(many.memoryBytes), 'MB'),
    row('  without an answer, or wrong', many.measures.unanswered + many.measures.wrong.length, ''),
  ]
}
