// smets1 pending: responses that a User has not taken yet. The bridge may run meanwhile.

import { existsSync } from 'node:fs'
import { readClockRow } from '../delivery/age-clock.ts'
import { type OutboxRow, readBodyRow, readOutboxRow } from '../delivery/outbox-rows.ts'
import { pendingRow } from '../delivery/pending-row.ts'
import { CommandError, exitCode } from '../state/errors.ts'
import type { StatePaths } from '../state/state-directory.ts'
import { readKeyFile } from '../store/key-slots.ts'
import { openLmdbStore } from '../store/lmdb.ts'
import { readText } from '../store/row-reader.ts'
import { openEntry } from '../store/sealed.ts'
import type { Store } from '../store/store.ts'
import { type Command, type Io, type Options, stateOption, textOption } from './command.ts'

const tables = { outbox: readOutboxRow, bodies: readBodyRow, clock: readClockRow, orders: readText }
type PendingStore = Store<{ [Name in keyof typeof tables]: NonNullable<ReturnType<(typeof tables)[Name]>> }>

function list(store: PendingStore | undefined, options: Options, io: Io): void {
  const found = store === undefined ? [] : [...store.range('outbox', '', '\uffff')]
  found.sort((a, b) => a.value.createdMs - b.value.createdMs)
  const rows = found.map(({ key, value }) => pendingRow(key, value))
  const jumpMs = store?.get('clock', 'age')?.jumpMs ?? 0
  if (jumpMs > 0) {
    io.stderr(
      `this machine's clock has gone forward by ${(jumpMs / 3_600_000).toFixed(1)} hours at once: no response is given ` +
        'up by age until smets1 pending --confirm-clock says that the clock is right\n',
    )
  }
  if (options.json === true) io.stdout(`${JSON.stringify(rows)}\n`)
  else if (rows.length === 0) io.stdout('every response was delivered\n')
  for (const { id, url, tries, state, lastProblem, created, bytes } of options.json === true ? [] : rows) {
    const tried = `${tries} ${tries === 1 ? 'try' : 'tries'}`
    const gone = bytes === 0 ? ', its content is destroyed' : ''
    io.stdout(`${created} ${state}, ${tried}${lastProblem && `, the last: ${lastProblem}`}${gone}\n  ${id} to ${url}\n`)
  }
}

function rowNamed(store: PendingStore | undefined, id: string): OutboxRow {
  const row = store?.get('outbox', id)
  if (row === undefined) throw new CommandError(exitCode.usage, `no response ${id} waits: smets1 pending lists them`)
  return row
}

function print(paths: StatePaths, store: PendingStore | undefined, id: string, io: Io): void {
  const { slot } = rowNamed(store, id)
  const sealed = store?.get('bodies', id)?.sealed
  const key = readKeyFile(paths.outboxKeys)
  const plain = slot === 0 || sealed === undefined ? undefined : openEntry(key(slot), sealed, id)
  if (plain === undefined) throw new CommandError(exitCode.failed, `the content of ${id} is destroyed`)
  io.stdout(`${Buffer.from(plain).toString('utf8')}\n`)
}

async function order(store: PendingStore | undefined, text: string, io: Io): Promise<void> {
  if (store === undefined) throw new CommandError(exitCode.usage, 'there is no store yet: no bridge has run here')
  await store.put('orders', text, new Date().toISOString())
  io.stderr('noted: a running bridge does it within a second, otherwise the next one when it starts\n')
}

export const pendingCommand: Command = {
  name: 'pending',
  summary: 'responses that a User has not accepted: waiting for the next attempt, refused (4xx) or given up',
  options: [
    ['--print <id>', 'print the response with this RequestID or ResponseID'],
    ['--retry <id>', 'send this response again now, also one that was refused'],
    ['--discard <id>', 'remove this response; it is never sent'],
    [
      '--confirm-clock',
      'the clock of this machine is right, although it went forward by more than a day at once: responses are given up by age again',
    ],
    ['--json', 'the responses as JSON'],
    ['--state <dir>', 'the state directory', '.smets1'],
  ],
  examples: ['smets1 pending --json', 'smets1 pending --retry 90-B3-…:00-DB-…:1764529200000'],
  async run(options, io) {
    const paths = stateOption(options)
    const store = existsSync(paths.store) ? openLmdbStore(paths.store, tables) : undefined
    try {
      const [shown, retried, discarded] = ['print', 'retry', 'discard'].map((name) => textOption(options, name))
      if (shown !== undefined) print(paths, store, shown, io)
      if (retried !== undefined) rowNamed(store, retried)
      if (discarded !== undefined) rowNamed(store, discarded)
      if (retried !== undefined) await order(store, `retry/${retried}`, io)
      if (discarded !== undefined) await order(store, `discard/${discarded}`, io)
      if (options.confirmClock === true) await order(store, 'confirm-clock', io)
      const isOrder = [shown, retried, discarded].some((one) => one !== undefined) || options.confirmClock === true
      if (!isOrder) list(store, options, io)
      return exitCode.ok
    } finally {
      await store?.close()
    }
  },
}
