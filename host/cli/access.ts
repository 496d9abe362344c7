// smets1 access: would this be allowed? Decides as the bridge does, and sends nothing.

import { dayMs } from '../../protocol/half-hour.ts'
import type { RegistrationRecord } from '../access/parties.ts'
import { type WhatIf, whatIf } from '../access/what-if.ts'
import { srvRow, srvTable } from '../catalogue/srv-table.ts'
import { accessPolicyOf, readConfig } from '../config/config.ts'
import { requestIdOf } from '../duis/request.ts'
import { loadRegistry } from '../runtime/state-registry.ts'
import { CommandError, exitCode } from '../state/errors.ts'
import { type Command, stateOption, textOption } from './command.ts'
import { nowIn } from './now-in.ts'
import { deviceOption, instantOption, userOption } from './request-options.ts'

function textOfRecord({ role, mpid, mpan, from, until }: RegistrationRecord): string {
  return `${role} ${mpid} of MPAN ${mpan} from ${from}${until === undefined ? '' : ` to ${until}`}`
}

/** The decision, and the rule and the record behind it. */
function textOf({ text, rule, records, days, day }: WhatIf): string {
  const lines = [text, `  rule: ${rule}`]
  for (const record of records) lines.push(`  record: ${textOfRecord(record)}`)
  if (day !== undefined) lines.push(`  settlement day: ${day}`)
  else if (days !== undefined) lines.push(`  settlement days: ${days.first} to ${days.last}`)
  return lines.join('\n')
}

function tableOf(list: readonly WhatIf[]): string {
  const lines = list.map(({ srv, name, code, rule, day }) =>
    [srv.padEnd(6), name.padEnd(36), code.padEnd(4), rule, day ?? ''].join(' ').trimEnd(),
  )
  return lines.join('\n')
}

export const accessCommand: Command = {
  name: 'access',
  summary: 'decide whether a User may read a meter, and show the rule and the record that decide; nothing is sent',
  options: [
    'Who reads what',
    ['--as <user>', 'the User that asks: its name, or an EUI-64', 'supplier'],
    ['--device <eui>', 'EUI-64 of the meter (the first of the registry unless given)'],
    ['--mpan <mpan>', 'the meter with this MPAN'],
    ['--srv <variant>', 'service request variant, or all', '4.8.1'],
    ['--from <when>', 'half-hours that end after this: a date (00:00 UTC) or an instant (yesterday unless given)'],
    ['--to <when>', 'half-hours that end at or before this (today, 00:00 UTC, unless given)'],
    ['--for-settlement', 'decide as for a request with ForSettlement="true"'],
    'Output and state',
    ['--json', 'the decision as JSON; with --srv all, a list'],
    ['--state <dir>', 'the state directory', '.smets1'],
  ],
  examples: [
    'smets1 access --as mdr --from 2026-06-30T23:00Z --to 2026-07-01T23:00Z',
    'smets1 access --as mdr --srv all',
  ],
  async run(options, io) {
    const paths = stateOption(options)
    const registry = loadRegistry(paths)
    const variant = textOption(options, 'srv') ?? '4.8.1'
    const rows = variant === 'all' ? srvTable : [srvRow(variant)].filter((row) => row !== undefined)
    if (rows.length === 0) {
      const known = srvTable.map((one) => one.variant).join(', ')
      throw new CommandError(exitCode.usage, `--srv is one of ${known}, or all, not ${variant}`)
    }
    const today = Math.floor(nowIn(paths) / dayMs) * dayMs
    const period = {
      startMs: instantOption(options, 'from', today - dayMs),
      endMs: instantOption(options, 'to', today),
    }
    const requestId = requestIdOf(userOption(options, registry).eui, deviceOption(options, registry), 0n)
    const policy = accessPolicyOf(readConfig(paths.config, io.env, {}))
    // A read of registers has no period: the day on which it is sent decides.
    const answers = rows.map((row) => {
      const flag = options.forSettlement === true ? { forSettlement: true } : {}
      const request = { requestId, ...flag, ...(row.entriesMax !== undefined && { period }) }
      return whatIf(request, nowIn(paths), registry, row, policy)
    })
    if (options.json === true) io.stdout(`${JSON.stringify(variant === 'all' ? answers : answers[0])}\n`)
    else io.stdout(`${variant === 'all' ? tableOf(answers) : textOf(answers[0]!)}\n`)
    return answers.every(({ allowed }) => allowed) || variant === 'all' ? exitCode.ok : exitCode.failed
  },
}
