// smets1 pending: responses that a User has not accepted yet. The bridge may run meanwhile.

import { existsSync } from 'node:fs'
import { type Outgoing, readOutgoing } from '../delivery/outgoing.ts'
import { exitCode } from '../state/errors.ts'
import { openLmdbStore } from '../store/lmdb.ts'
import { type Command, stateOption } from './command.ts'
import { stamp } from './show.ts'

export const pendingCommand: Command = {
  name: 'pending',
  summary: 'list responses that a User has not accepted: waiting for the next attempt, refused (4xx) or given up',
  options: [
    ['--json', 'the responses as JSON'],
    ['--state <dir>', 'the state directory', '.smets1'],
  ],
  examples: ['smets1 pending --json'],
  async run(options, io) {
    const paths = stateOption(options)
    const list: Outgoing[] = []
    if (existsSync(paths.store)) {
      const store = openLmdbStore(paths.store, { outbox: readOutgoing })
      for (const { value } of store.range('outbox', '', '\uffff')) list.push(value)
      await store.close()
    }
    list.sort((a, b) => a.createdMs - b.createdMs)
    if (options.json === true) {
      const rows = list.map(({ body, createdMs, ...row }) => ({
        ...row,
        created: stamp(createdMs),
        bytes: body.length,
      }))
      io.stdout(`${JSON.stringify(rows)}\n`)
    } else if (list.length === 0) io.stdout('every response was delivered\n')
    else {
      for (const { id, url, tries, state, lastProblem, createdMs } of list) {
        const tried = `${tries} ${tries === 1 ? 'try' : 'tries'}`
        io.stdout(
          `${stamp(createdMs)} ${state}, ${tried}${lastProblem && `, the last: ${lastProblem}`}\n  ${id} to ${url}\n`,
        )
      }
    }
    return exitCode.ok
  },
}
