// The line with everything that can go wrong on it: reads that complete in time, wrong values, what the line carries.
//
// npm run bench -- line: everything, on every core. LINE=frames (or reads, emulated) does that part alone.

import type { LineFaults } from '../../emulation/line-faults.ts'
import { defaultLineLimits } from '../../host/wan/line-limits.ts'
import { addUsage } from '../../host/wan/usage.ts'
import { addCorruptTally, noCorruptTally } from '../support/attacks/corrupt-frames.ts'
import {
  type Incidents,
  type NoisyReads,
  type NoisyTally,
  noNoisyTally,
  type ReadKind,
  readKinds,
} from '../support/sim/noisy-reads.ts'
import { emulatedMonths } from './line-emulated.ts'
import type { Done, Task } from './line-part.ts'
import { type Bench, quantile, type Row } from './row.ts'
import { share } from './share.ts'

const part = new URL('./line-part.js', import.meta.url)

const noise: { [name: string]: LineFaults } = {
  'no noise': {},
  'bit errors 1e-5': { bitErrors: 1e-5 },
  'bit errors 1e-4': { bitErrors: 1e-4 },
  'bit errors 1e-3': { bitErrors: 1e-3 },
}
const others: { [name: string]: LineFaults & Incidents } = {
  'bursts at 1 byte in 1,000': { bursts: 1e-3 },
  '1 byte in 1,000 lost': { loss: 1e-3 },
  '1 byte in 1,000 doubled': { double: 1e-3 },
  '1 frame in 20 late': { delays: 0.05 },
  'a reader stops for 2 s': { stops: true },
  'the meter restarts in its answer': { reboots: true },
}

/** What all bytes of 13 months take on a clean line. */
const monthsMs = (baud: number) => (27_700 * 10_000) / baud
const onDemandMs = 16_000

type ReadTask = { row: string } & NoisyReads

function readTasks(): ReadTask[] {
  const tasks: ReadTask[] = []
  let seed = 0
  const add = (name: string, faults: LineFaults & Incidents, baud: number, kind: ReadKind, reads: number) => {
    const targetMs = kind === '13 months' ? onDemandMs + 2 * monthsMs(baud) : onDemandMs
    // So few to a task that no midnight passes: what is read must stay the same.
    const each = kind === '13 months' ? 10 : 1000
    for (let done = 0; done < reads; done += each) {
      seed += 1
      const row = `${baud.toLocaleString('en')} baud, ${name}: ${kind}`
      tasks.push({ row, kind, reads: Math.min(each, reads - done), baud, faults, seed, targetMs })
    }
  }
  for (const baud of [9600, 115200, 921600]) {
    for (const [name, faults] of Object.entries(noise)) {
      const share = name === 'bit errors 1e-4' ? 10 : 1
      for (const kind of readKinds) add(name, faults, baud, kind, kind === '13 months' ? 10 * share : 5000 * share)
    }
  }
  for (const [name, faults] of Object.entries(others)) {
    for (const kind of readKinds) add(name, faults, 115200, kind, kind === '13 months' ? 20 : 5000)
  }
  return tasks
}

function addReads(to: NoisyTally, from: NoisyTally): void {
  to.reads += from.reads
  to.completed += from.completed
  to.wrong += from.wrong
  to.repeated += from.repeated
  to.payload += from.payload
  to.readingMs += from.readingMs
  to.tookMs.push(...from.tookMs)
  addUsage(to.usage, from.usage)
  for (const [fault, count] of Object.entries(from.failed)) to.failed[fault] = (to.failed[fault] ?? 0) + count
}

const row = (name: string, value: number, unit = ''): Row => ({ bench: 'line', name, value, unit })

/** Rows of one kind of read over a line of one speed with one kind of fault. */
function rowsOf(name: string, baud: number, tally: NoisyTally): Row[] {
  const { usage, readingMs, tookMs } = tally
  const rows = [
    row(`${name}, in time`, tally.completed, `of ${tally.reads}`),
    row(`${name}, asks repeated`, tally.repeated),
  ]
  if (!name.endsWith(readKinds[3])) return rows
  const total = usage.bytesIn + usage.bytesOut
  const possible = (readingMs * baud) / 10_000
  rows.push(
    row(`${name}, bytes a second of the line's`, (total / possible) * 100, '%'),
    row(`${name}, payload a second of the line's`, (tally.payload / possible) * 100, '%'),
  )
  return tookMs.length === 0 ? rows : [...rows, row(`${name}, time, median`, quantile(tookMs, 0.5) / 1000, 's')]
}

async function reads(note: (text: string) => void): Promise<Row[]> {
  const tasks = readTasks()
  // In the order of the tasks, whichever is done first.
  const tallies = new Map(tasks.map(({ row, baud }) => [row, { baud, tally: noNoisyTally() }]))
  let ready = 0
  await share(part, tasks, (done: Done, task) => {
    if (!('reads' in done)) return
    addReads(tallies.get(task.row)!.tally, done.reads)
    ready += 1
    if (ready % Math.ceil(tasks.length / 10) === 0) note(`reads: ${ready} of ${tasks.length} parts`)
    if (done.reads.wrong > 0) note(`WRONG VALUES: ${JSON.stringify(task)}`)
  })
  const all = noNoisyTally()
  for (const { tally } of tallies.values()) addReads(all, tally)
  if (all.wrong > 0) process.exitCode = 1
  const rows = [...tallies].flatMap(([name, { baud, tally }]) => rowsOf(name, baud, tally))
  return [...rows, row('reads in all', all.reads), row('reads in all, wrong values', all.wrong)]
}

async function frames(note: (text: string) => void): Promise<Row[]> {
  const each = 250_000
  const parts = (of: 'frames' | 'packets', count: number) =>
    Array.from({ length: count / each }, (_, i) => ({ row: of, seed: i + 1, count: each }))
  const tallies = { frames: noCorruptTally(), packets: noCorruptTally() }
  const tasks: Task[] = [...parts('frames', 10_000_000), ...parts('packets', 2_000_000)]
  await share(part, tasks, (done: Done, task) => {
    if (!('corrupt' in done) || !('count' in task)) return
    addCorruptTally(tallies[task.row], done.corrupt)
    if (done.corrupt.accepted > 0) note(`ACCEPTED: ${JSON.stringify(task)}`)
  })
  if (tallies.frames.accepted + tallies.packets.accepted > 0) process.exitCode = 1
  return Object.entries(tallies).flatMap(([of, tally]) => {
    const name = of === 'frames' ? 'spoilt frames' : 'spoilt packets with a good CRC'
    return [
      row(name, tally.frames),
      row(`${name}: passed the CRC`, tally.passedCrc),
      row(`${name}: stopped by the seal`, tally.stoppedBySeal),
      row(`${name}: no ask or answer, so without a value`, tally.withoutValue),
      row(`${name}: accepted`, tally.accepted),
    ]
  })
}

async function emulated(note: (text: string) => void): Promise<Row[]> {
  const rows: Row[] = []
  for (const baud of [9600, 115200]) {
    note(`13 months from an emulated board at ${baud} baud, in real time`)
    const { tookMs, bytes, payload, wrong } = await emulatedMonths({ ...defaultLineLimits, baud })
    const name = `${baud.toLocaleString('en')} baud, emulated board, 13 months`
    if (wrong > 0) process.exitCode = 1
    rows.push(
      row(`${name}: time`, tookMs / 1000, 's'),
      row(`${name}: share of the time in which the line is busy`, ((bytes * 10_000) / baud / tookMs) * 100, '%'),
      row(`${name}: payload as a share of all bytes`, (payload / bytes) * 100, '%'),
      row(`${name}: half-hours missing or wrong`, wrong),
    )
  }
  return rows
}

export const line: Bench = async (note) => {
  const parts = { emulated, frames, reads }
  const { LINE } = process.env
  const wanted = LINE === undefined ? Object.values(parts) : [parts[LINE as keyof typeof parts]]
  if (wanted[0] === undefined) throw new Error(`LINE is one of ${Object.keys(parts).join(', ')}, not "${LINE}"`)
  const rows: Row[] = []
  for (const one of wanted) rows.push(...(await one!(note)))
  return rows
}
