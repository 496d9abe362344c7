// smets1 counters: the RequestID counters of each User and target, and how to lower one that is wrong.

import { existsSync } from 'node:fs'
import { counterPairRow, lowerCounter } from '../access/counter-rows.ts'
import { type CounterPair, type CounterStore, counterPairs, readCounterRow } from '../access/request-counters.ts'
import { counterMax } from '../access/used-counters.ts'
import { parseEui } from '../duis/request.ts'
import { loadRegistry } from '../runtime/state-registry.ts'
import { CommandError, exitCode } from '../state/errors.ts'
import type { StatePaths } from '../state/state-directory.ts'
import { openLmdbStore } from '../store/lmdb.ts'
import { type Command, type Io, type Options, stateOption, textOption } from './command.ts'
import { euiOption, userOption } from './request-options.ts'

function partyOption(paths: StatePaths, options: Options): string | undefined {
  const text = textOption(options, 'user')
  return text && (parseEui(text) ?? userOption({ as: text }, loadRegistry(paths)).eui)
}

/** The mark to lower to: a counter, or `now`, the milliseconds of this moment. @throws CommandError */
function markOption(options: Options): bigint | undefined {
  const text = textOption(options, 'lower')
  if (text === undefined) return undefined
  if (text === 'now') return BigInt(Date.now())
  const mark = /^\d{1,20}$/.test(text) ? BigInt(text) : counterMax + 1n
  if (mark <= counterMax) return mark
  throw new CommandError(exitCode.usage, `--lower is "now" or a counter from 0 to 2^64 - 1, not ${text}`)
}

/** `1764529200000 (2025-11-30T19:00:00.000Z)` where the counter can be a time in milliseconds. */
function counterText(counter: string): string {
  const ms = Number(counter)
  const isTime = ms > Date.UTC(2000, 0) && ms < Date.UTC(2100, 0)
  return isTime ? `${counter} (as a time: ${new Date(ms).toISOString()})` : counter
}

function show(pairs: CounterPair[], options: Options, io: Io): void {
  const rows = pairs.map(counterPairRow)
  if (options.json === true) io.stdout(`${JSON.stringify(rows)}\n`)
  else if (rows.length === 0) io.stdout('no counter is kept\n')
  else {
    for (const { user, target, highest, lowest, kept, stillRefused, lowerTo } of rows) {
      io.stdout(`${user} to ${target}\n  highest ${counterText(highest)}, ${kept} kept, lowest ${lowest}\n`)
      if (stillRefused > 0) io.stdout(`  ${stillRefused} RequestIDs above a lowered mark stay refused\n`)
      if (lowerTo !== undefined)
        io.stdout(`  to be lowered to ${counterText(lowerTo)} when the next lower counter comes\n`)
    }
  }
}

async function lower(store: CounterStore, pairs: CounterPair[], mark: bigint, io: Io): Promise<number> {
  const lowering = await lowerCounter(store, pairs, mark, new Date())
  const { user, target, highest, barred, unknownTo } = lowering
  io.stderr(`${user} to ${target}: will be lowered from ${highest} to ${mark} before the bridge refuses a lower counter of
this pair, and recorded in the audit trail then. ${barred} RequestIDs above ${mark} stay refused.\n`)
  if (unknownTo !== undefined) {
    io.stderr(
      `Which counters from ${mark + 1n} to ${unknownTo} were used is no longer known: they will be accepted again.\n`,
    )
  }
  return exitCode.ok
}

export const countersCommand: Command = {
  name: 'counters',
  summary:
    'show the RequestID counters of each User and device, or lower one that is too high for its User to continue',
  options: [
    ['--user <user>', 'counters of this User: its name, or an EUI-64'],
    ['--device <eui>', 'counters for this target device'],
    [
      '--lower <mark>',
      'lower the highest counter of the given User and device to this counter, or to the present time in milliseconds (now)',
    ],
    ['--json', 'the counters as JSON'],
    ['--state <dir>', 'the state directory', '.smets1'],
  ],
  examples: ['smets1 counters --user mdr', 'smets1 counters --user mdr --device 00-DB-12-34-56-78-90-A0 --lower now'],
  async run(options, io) {
    const paths = stateOption(options)
    const user = partyOption(paths, options)
    const target = euiOption(options, 'device')
    const mark = markOption(options)
    const store = existsSync(paths.store) ? openLmdbStore(paths.store, { counters: readCounterRow }) : undefined
    try {
      const of = { ...(user !== undefined && { user }), ...(target !== undefined && { target }) }
      const pairs = store === undefined ? [] : [...counterPairs(store, of)]
      if (mark !== undefined && store !== undefined) return await lower(store, pairs, mark, io)
      show(pairs, options, io)
      return exitCode.ok
    } finally {
      await store?.close()
    }
  },
}
