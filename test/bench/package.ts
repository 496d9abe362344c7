// How long a test waits for a bench of smets1/testing: medians, each process of its own (cold), and in a process that has started one.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { PackageTimes } from './package-part.ts'
import { type Bench, quantile, type Row } from './row.ts'

const processes = 5

async function timesOf(): Promise<PackageTimes> {
  const child = fork(new URL('./package-part.js', import.meta.url))
  const [times] = await once(child, 'message')
  return times
}

export const packageBench: Bench = async () => {
  const all: PackageTimes[] = []
  for (let i = 0; i < processes; i++) all.push(await timesOf())
  const row = (name: string, values: number[]): Row => ({
    bench: 'package',
    name,
    value: quantile(values, 0.5),
    unit: 'ms',
  })
  const cold = all.flatMap(({ starts }) => starts.slice(0, 1))
  const warm = all.flatMap(({ starts }) => starts.slice(1))
  return [
    row(
      'import smets1/testing',
      all.map(({ importMs }) => importMs),
    ),
    row(
      'startBench, first of a process',
      cold.map(({ startMs }) => startMs),
    ),
    row(
      'startBench to the first answer, first of a process',
      cold.map(({ answerMs }) => answerMs),
    ),
    row(
      'startBench, further ones',
      warm.map(({ startMs }) => startMs),
    ),
    row(
      'startBench to the first answer, further ones',
      warm.map(({ answerMs }) => answerMs),
    ),
  ]
}
