// A meter with a year behind it on a real interpreter, and the commands of a bridge.

import { randomBytes } from 'node:crypto'
import { dayMs, dayOfHalfHour, halfHourOf } from '../../../protocol/half-hour.ts'
import type { Answer, Ask, MessageName } from '../../../protocol/messages.ts'
import { decodeSnapshots } from '../../../protocol/register-snapshot.ts'
import { boardEui, type RecordedFlash } from '../sim/board-flash.ts'
import { until } from '../until.ts'
import { askUntil, type EspruinoRun, runBundle } from './interpreter.ts'

/** Wakes the meter, asks, and waits for the whole answer. @throws Error for a refusal, or when nothing comes */
export async function ask<N extends MessageName>(run: EspruinoRun, name: N, fields: Ask<N>): Promise<Answer<N>[]> {
  const { asker } = run
  asker.wake(boardEui, new Uint8Array(randomBytes(8)))
  await until(asker.awake, 'awake')
  const stopped = () => run.said().includes('stopped: ')
  const isOver = () => asker.answers(name) !== undefined || asker.refusal() !== undefined || stopped()
  const request = () => asker.request(name, fields)
  const isOnce = name === 'takeBilling' || name === 'setClock' || name === 'writeSettings'
  if (isOnce) {
    request()
    await until(isOver, `answer to ${name}`, 400000)
  } else await askUntil(run, request, isOver, `answer to ${name}`, 400000)
  if (stopped()) throw new Error(run.said().slice(run.said().lastIndexOf('stopped: ')).trim())
  const answers = asker.answers(name)
  if (answers === undefined) throw new Error(`${name} is refused with ${asker.refusal()}`)
  return answers
}

export type Recorded = RecordedFlash & { firstDay: number }

/** The commands, by name; each returns what is wrong, if anything. */
export const commands: { [name: string]: (run: EspruinoRun, flash: Recorded, days: number) => Promise<string> } = {
  async 'a day'(run, flash, days) {
    return readDays(run, flash, flash.firstDay + days - 1, 1)
  },
  async 'a part of a day'(run, flash, days) {
    return readHalfHours(run, flash, (flash.firstDay + days - 2) * 48 + 40, 12)
  },
  async 'daily reads'(run, flash) {
    const parts = await ask(run, 'readDailyReads', { firstDay: 0, count: 65536 })
    const reads = parts.flatMap(({ snapshots }) => decodeSnapshots(snapshots)!)
    const right = reads.every(({ number, registers }) => registers[0] === registerAt(flash, number))
    return reads.length === 14 && right ? '' : `${reads.length} daily reads, right: ${right}`
  },
  async registers(run, flash) {
    const [part] = await ask(run, 'readRegisters', {})
    const wh = decodeSnapshots(part!.snapshots)![0]!.registers[0]!
    return wh >= registerAt(flash, 65535) ? '' : `the register is ${wh}`
  },
  async clock(run) {
    const [part] = await ask(run, 'readClock', {})
    return Math.abs(part!.utcMs - Date.now()) < 60000 ? '' : `the time is ${part!.utcMs}`
  },
  async inventory(run) {
    const [part] = await ask(run, 'readInventory', {})
    return part!.importDays >= 397 ? '' : `${part!.importDays} days`
  },
  async events(run) {
    const parts = await ask(run, 'readEvents', { log: 1, firstSequence: 0 })
    return parts[0]!.entries.length > 0 ? '' : 'no events'
  },
  async 'self-test'(run) {
    const [part] = await ask(run, 'selfTest', {})
    return part!.faults === 0 ? '' : `faults ${part!.faults}`
  },
  async 'clock set'(run) {
    const [part] = await ask(run, 'setClock', { utcMs: Date.now(), confirmed: 1 })
    return Math.abs(part!.stepMs) < 60000 ? '' : `it stepped by ${part!.stepMs} ms`
  },
  async 'billing entry'(run) {
    const [part] = await ask(run, 'takeBilling', { cause: 4 })
    return part!.number > 0 ? '' : 'it has no number'
  },
  async 'settings written'(run) {
    const [read] = await ask(run, 'readSettings', {})
    const [part] = await ask(run, 'writeSettings', { version: read!.version, settings: read!.settings })
    return part!.version === read!.version + 1 ? '' : `version ${part!.version} after ${read!.version}`
  },
  async '13 months'(run, flash, days) {
    return readDays(run, flash, flash.firstDay, days)
  },
  // Last: the day that it ends stays in the logs.
  async 'a day ended'(run) {
    const midnightMs = (dayOfHalfHour(halfHourOf(Date.now())) + 1) * dayMs
    const [part] = await ask(run, 'setClock', { utcMs: midnightMs, confirmed: 1 })
    const [back] = await ask(run, 'setClock', { utcMs: Date.now(), confirmed: 1 })
    return part!.stepMs > 0 && back!.stepMs < 0 ? '' : `steps of ${part!.stepMs} and ${back!.stepMs} ms`
  },
}

function registerAt({ truth }: Recorded, day: number): number {
  let wh = 0
  for (const [halfHour, value] of truth) if (halfHour < day * 48) wh += value
  return wh
}

async function readHalfHours(run: EspruinoRun, { truth }: Recorded, first: number, count: number): Promise<string> {
  await ask(run, 'readProfile', { channel: 0, firstHalfHour: first, count })
  const read = new Map<number, number>()
  for (const { day, wh } of run.asker.days()!) for (const [i, one] of wh.entries()) read.set(day * 48 + i, one)
  for (let halfHour = first; halfHour < first + count; halfHour++) {
    if (read.get(halfHour) !== truth.get(halfHour))
      return `half-hour ${halfHour % 48} of day ${Math.floor(halfHour / 48)} is wrong`
  }
  return ''
}

function readDays(run: EspruinoRun, flash: Recorded, firstDay: number, count: number): Promise<string> {
  return readHalfHours(run, flash, firstDay * 48, count * 48)
}

/** JavaScript that takes variables until only so many are left to everything together, rest included. */
function ballast(variables: number): string {
  return `let rest=process.memory().usage;print("rest",rest);let a=[];while(process.memory().free>${variables}-rest)for(let i=0;i<10;i++)a.push(0);print("left");`
}

export interface Trial {
  /** Variables in use when the meter has started and waits. */
  rest: number
  /** What went wrong; '' when every command was answered rightly. */
  fault: string
}

/** Runs commands on a meter that has so many variables in all. */
export async function tryWithin(
  program: string,
  code: string,
  flash: Recorded,
  days: number,
  variables: number,
  names: readonly string[],
): Promise<Trial> {
  const run = await runBundle(program, code, flash, 'storage', ballast(variables))
  let rest = 0
  try {
    rest = Number((await run.says(/rest (\d+)\s/, 60000))[1])
    await run.says(/left/, 60000)
    for (const name of names) {
      const fault = await commands[name]!(run, flash, days)
      if (fault !== '') return { rest, fault: `${name}: ${fault}` }
    }
    return { rest, fault: run.said().includes('MEMORY') ? 'out of memory' : '' }
  } catch (error) {
    return { rest, fault: (error as Error).message }
  } finally {
    await run.end()
  }
}
