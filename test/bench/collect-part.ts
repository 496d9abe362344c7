// A part of the bench "collect", in a process of its own: a collector with its own meters and bridge.

import { dayMs } from '../../protocol/half-hour.ts'
import { createMonth } from '../support/bench/collector-world.ts'

export interface Task {
  meters: number
  seed: number
}

export interface Done {
  same: number
  wrong: number
  /** Half-hours of meters that never answered again, and others. */
  silent: number
  lost: number
  onDemand: number
  processorS: number
}

const start = '2026-10-01'
const change = '2026-10-15'
const endMs = Date.parse('2026-11-01T00:00Z')

async function collect({ meters, seed }: Task): Promise<Done> {
  const month = await createMonth({ meters, days: 31, seed, start, silent: 0.05, change })
  await month.open().take(month.agreements())
  // The last day's runs, and half a day for what is asked again.
  await month.until(endMs + 1.5 * dayMs)
  const { same, wrong, missing } = month.compare(endMs)
  const lost = missing.filter(({ agreement }) => !month.isSilentFrom(agreement.device, endMs)).length
  const onDemand = month.sent.filter(({ srv }) => srv.startsWith('4.')).length
  await month.close()
  const { user, system } = process.cpuUsage()
  return { same, wrong, silent: missing.length - lost, lost, onDemand, processorS: (user + system) / 1e6 }
}

process.on('message', (task: Task) => {
  collect(task).then((done) => process.send?.(done))
})
