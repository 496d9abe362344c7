// Reads of a meter over a line with one kind of fault, on the virtual clock: how many complete in time, and whether any
// value is wrong.

import type { LineFaults } from '../../../emulation/line-faults.ts'
import { createRandom, type Random } from '../../../emulation/random.ts'
import type { SimLine } from '../../../emulation/sim-line.ts'
import type { VirtualClock } from '../../../emulation/virtual-clock.ts'
import { createWorld, type SimMeter } from '../../../emulation/world.ts'
import { createDco, type Dco } from '../../../host/dco/sealer.ts'
import { readRegisters } from '../../../host/services/read-registers.ts'
import type { Conversation } from '../../../host/wan/conversation.ts'
import { readDailyReads, readHalfHours } from '../../../host/wan/layouts.ts'
import { defaultLineLimits } from '../../../host/wan/line-limits.ts'
import { createMeterSessions } from '../../../host/wan/meter-session.ts'
import { ReadError } from '../../../host/wan/read-error.ts'
import { createLine } from '../../../host/wan/serial-line.ts'
import { noUsage, type Usage } from '../../../host/wan/usage.ts'
import { dayOfHalfHour } from '../../../protocol/half-hour.ts'
import { decodeAnswer } from '../../../protocol/messages.ts'
import type { RegisterSnapshot } from '../../../protocol/register-snapshot.ts'

const eui = '00-DB-12-34-56-78-90-A0'
const key = createRandom(42).bytes(32)
const endMs = Date.UTC(2026, 10, 22)
const whOf = (halfHour: number) => createRandom(halfHour).below(700)
const monthsDays = 397

/** Faults that happen once in each read, at a moment from the seed. */
export interface Incidents {
  /** One end of the line takes nothing for two seconds. */
  stops?: boolean
  /** The meter restarts in the middle of an answer, and starts again after one to two seconds. */
  reboots?: boolean
}

export const readKinds = ['day', 'daily reads', 'registers', '13 months'] as const
export type ReadKind = (typeof readKinds)[number]

export interface NoisyReads {
  kind: ReadKind
  reads: number
  baud: number
  faults: LineFaults & Incidents
  seed: number
  /** What a read may take, milliseconds. */
  targetMs: number
}

export interface NoisyTally {
  reads: number
  /** Complete within the target time. */
  completed: number
  wrong: number
  /** Asks beyond the one that a clean line takes. */
  repeated: number
  /** The errors of failed reads, with their counts. */
  failed: { [fault: string]: number }
  /** How long each complete read took. */
  tookMs: number[]
  usage: Usage
  /** Bytes of day blocks that came, and how long the reads took in all, milliseconds. */
  payload: number
  readingMs: number
}

export function noNoisyTally(): NoisyTally {
  return {
    reads: 0,
    completed: 0,
    wrong: 0,
    repeated: 0,
    failed: {},
    tookMs: [],
    usage: noUsage(),
    payload: 0,
    readingMs: 0,
  }
}

/** A DCO that counts the bytes of day blocks that it opens. */
export function countingPayload(dco: Dco, count: (bytes: number) => void): Dco {
  return {
    open(id) {
      const session = dco.open(id)
      if (session === undefined) return undefined
      return {
        ...session,
        async openAnswer(answer) {
          const message = await session.openAnswer(answer)
          const decoded = message && decodeAnswer('readProfile', message)
          if (decoded && 'fields' in decoded) count(decoded.fields.blocks.length)
          return message
        },
      }
    },
  }
}

/** Cuts the meter's power inside an answer: the frame with this number, from 0, gets out half once `asked`. */
function rebootIn(
  frame: number,
  asked: () => boolean,
  { line, meter, clock }: { line: SimLine; meter: SimMeter; clock: VirtualClock },
  backAfterMs: number,
): () => void {
  const send = line.send
  let left = frame
  line.send = (bytes) => {
    if (!asked()) return send(bytes)
    if (left === 0) {
      send(bytes.subarray(0, bytes.length >> 1))
      meter.off()
      clock.after(backAfterMs, meter.on)
    } else send(bytes)
    left -= 1
  }
  return () => {
    line.send = send
  }
}

/** Everything that is read in a kind, and what it must be. */
function readOf(kind: ReadKind, first: number, end: number, random: Random, expected: { [kind: string]: unknown }) {
  const today = dayOfHalfHour(end)
  const registersOf = ({ registers, matrix }: RegisterSnapshot) => ({ registers, matrix })
  const isAsExpected = (what: unknown) => {
    expected[kind] ??= what
    return JSON.stringify(expected[kind]) === JSON.stringify(what) ? 0 : 1
  }
  if (kind === 'registers') {
    return async (conversation: Conversation) => isAsExpected(registersOf(await readRegisters(conversation)))
  }
  if (kind === 'daily reads') {
    return async (conversation: Conversation) => isAsExpected(await readDailyReads(conversation, today - 13, 14))
  }
  const days = kind === 'day' ? 1 : monthsDays
  const from = kind === 'day' ? first + random.below((end - first) / 48) * 48 : first
  return async (conversation: Conversation) => {
    const readings = await readHalfHours(conversation, 0, from, days * 48)
    return readings.filter(({ halfHour, wh }, i) => halfHour !== from + i || wh !== whOf(halfHour)).length
  }
}

/** Reads, one after the other, in sessions of their own. The same job gives the same tally. */
export async function noisyReads(job: NoisyReads): Promise<NoisyTally> {
  const { kind, baud, seed, faults } = job
  const days = kind === '13 months' ? monthsDays : 20
  const world = createWorld({ seed, days, eui, key, baud, endMs, whOf })
  const { clock, line, meter, random } = world
  clock.set(endMs + 600000)
  meter.meter().step()
  const tally = noNoisyTally()
  const dco = countingPayload(createDco({ key: () => key }, createRandom(seed + 1).bytes), (bytes) => {
    tally.payload += bytes
  })
  const bridgeLine = createLine('sim:', line.openPort, { ...defaultLineLimits, baud }, clock)
  const sessions = createMeterSessions({ dco, timing: clock })
  const expected: { [kind: string]: unknown } = {}
  async function read(): Promise<number> {
    const startMs = clock.nowMs()
    const task = { deadlineMs: startMs + job.targetMs, usage: tally.usage }
    const work = readOf(kind, world.first, world.end, random, expected)
    tally.wrong += await clock.run(sessions.withSession(bridgeLine, eui, task, work))
    return clock.nowMs() - startMs
  }

  // The expected values come from a read without faults.
  if (kind === 'registers' || kind === 'daily reads') await read()
  tally.usage = noUsage()
  tally.payload = 0
  line.faults = faults
  for (let i = 0; i < job.reads; i++) {
    let mend = () => {}
    const asksBefore = tally.usage.asks
    const frame = kind === '13 months' ? random.below(100) : kind === 'daily reads' ? random.below(4) : 0
    const asked = () => tally.usage.asks > asksBefore
    if (faults.reboots) mend = rebootIn(frame, asked, world, 1000 + random.below(1000))
    if (faults.stops) {
      const way = random.below(2) === 0 ? 'toDevice' : 'toHost'
      clock.after(random.below(kind === '13 months' ? 2000 : 60), () => line.stall(way, 2000))
    }
    tally.reads += 1
    const startMs = clock.nowMs()
    try {
      tally.tookMs.push(await read())
      tally.completed += 1
    } catch (error) {
      if (!(error instanceof ReadError)) throw error
      tally.failed[error.fault] = (tally.failed[error.fault] ?? 0) + 1
    }
    tally.readingMs += clock.nowMs() - startMs
    tally.repeated += tally.usage.asks - asksBefore - 1
    mend()
    await clock.pass(faults.reboots || faults.stops ? 3000 : 50)
  }
  return tally
}
