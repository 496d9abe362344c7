// The virtual time of `smets1 up`: its flags, when it starts, and what is said of it.

import { type Io, type Options, type OptionTable, textOption, wholeOption } from '../../host/cli/command.ts'
import { programAsTyped } from '../../host/cli/typed.ts'
import { isPkiValidAt, renewTestPki } from '../../host/pki/test-pki.ts'
import { CommandError, exitCode } from '../../host/state/errors.ts'
import { requireClock } from '../../host/state/state-clock.ts'
import { type StatePaths, stateOf } from '../../host/state/state-directory.ts'
import { type MovedClock, scaleMax } from '../bench-clock.ts'
import { instantMs } from '../instants.ts'
import type { VirtualBench } from './virtual-time.ts'

export const clockFlags: OptionTable = [
  'Virtual time',
  ['--virtual-time', 'run meter and bridge in one process, by a clock that smets1 clock moves'],
  [
    '--at <when>',
    'the time that it shows at the start: an instant (2026-07-02T23:50+01:00); the present for a new bench, else where it stood',
  ],
  [
    '--time-scale <n>',
    'run it n times as fast as real time, 1 to 1000000; without --virtual-time: the time of the meter alone, 1 to 3600, except while it is awake',
  ],
]

/** When a bench on virtual time starts; undefined for one in real time. @throws CommandError */
export async function virtualStart(options: Options, paths: StatePaths): Promise<number | undefined> {
  const at = textOption(options, 'at')
  const isVirtual = options.virtualTime === true
  if (at !== undefined && !isVirtual) throw new CommandError(exitCode.usage, '--at is for --virtual-time: add it')
  if (stateOf(paths) === 'whole') requireClock(paths, isVirtual ? 'virtual' : 'real')
  if (!isVirtual) return undefined
  wholeOption(options, 'timeScale', 1, scaleMax)
  const { startOf } = await import('./virtual-time.ts')
  return startOf(paths, at === undefined ? undefined : instantMs(at, '--at'))
}

/** Dates the test PKI anew when the bench starts outside its dates. */
export function datePki({ pki }: StatePaths, virtualMs: number, io: Io): void {
  if (isPkiValidAt(pki, virtualMs)) return
  renewTestPki(pki, { nowMs: virtualMs, isVirtual: true })
  io.stdout(
    `${pki}: certificates made for ${new Date(virtualMs).toISOString().slice(0, 10)}, with the keys of before\n`,
  )
}

/** The clock, line and meter's surroundings of a bench on virtual time. */
export async function virtualBench(paths: StatePaths, nowMs: number, baud: number): Promise<VirtualBench> {
  const { createVirtualBench } = await import('./virtual-time.ts')
  return createVirtualBench(paths, nowMs, baud)
}

/** Sets the speed that was asked for, and says what the clock does. */
export function sayClock(clock: MovedClock, options: Options, io: Io): void {
  const { now, scale } = clock.scale(wholeOption(options, 'timeScale', 1, scaleMax) ?? 0)
  const run = programAsTyped(io.env)
  const speed =
    scale === 0
      ? `stands, but for what a request needs; ${run} clock advance 25h moves it`
      : `runs ${scale} times as fast as real time; ${run} clock stop ends that`
  io.stdout(`\nvirtual time: ${now}, ${speed}\n`)
}
