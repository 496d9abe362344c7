// smets1 access: would this be allowed? Decides as the bridge does, and sends nothing.

import { dayMs } from '../../protocol/half-hour.ts'
import { decide, defaultAccessPolicy, explain } from '../access/access-control.ts'
import { loadRegistry, readConfig } from '../config.ts'
import { requestIdOf } from '../duis/request.ts'
import { srvRow, srvTable } from '../srv/srv-table.ts'
import { type Command, CommandError, exitCode, stateOption, textOption } from './command.ts'
import { deviceOption, instantOption, userOption } from './request-options.ts'

export const accessCommand: Command = {
  name: 'access',
  summary: 'say whether a User may read a meter for a window, which rule and record decide; nothing is sent',
  options: [
    ['--as <user>', 'User that asks: its name, or an EUI-64', 'supplier'],
    ['--srv <variant>', 'service request variant', '4.8.1'],
    ['--device <eui>', 'EUI-64 of the meter (the first of the registry unless given)'],
    ['--mpan <mpan>', 'the meter with this MPAN'],
    ['--from <when>', 'half-hours that end after this: a date (its 00:00Z) or an instant (yesterday unless given)'],
    ['--to <when>', 'half-hours that end by this (today, 00:00Z, unless given)'],
    ['--state <dir>', 'the state directory', '.smets1'],
    ['--json', 'the decision as JSON'],
  ],
  examples: ['smets1 access --as mdr --from 2026-06-30T23:00Z --to 2026-07-01T23:00Z'],
  async run(options, io) {
    const paths = stateOption(options)
    const registry = loadRegistry(paths.registry)
    const variant = textOption(options, 'srv') ?? '4.8.1'
    const row = srvRow(variant)
    if (row === undefined || row.endpoint !== 'serviceS') {
      const known = srvTable.filter((one) => one.endpoint === 'serviceS').map((one) => one.variant)
      throw new CommandError(exitCode.usage, `--srv is a request to a meter: ${known.join(', ')}, not ${variant}`)
    }
    const today = Math.floor(Date.now() / dayMs) * dayMs
    const period = {
      startMs: instantOption(options, 'from', today - dayMs),
      endMs: instantOption(options, 'to', today),
    }
    const requestId = requestIdOf(userOption(options, registry).eui, deviceOption(options, registry), 0n)
    const policy = { ...defaultAccessPolicy, codes: readConfig(paths.config, io.env, {}).codes }
    const decision = decide({ requestId, period }, Date.now(), registry, row, policy)
    if (options.json === true) io.stdout(`${JSON.stringify(decision)}\n`)
    else io.stdout(`${explain(decision)}\n`)
    return decision.allowed ? exitCode.ok : exitCode.failed
  },
}
