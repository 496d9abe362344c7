// smets1 who: who holds each role of an MPAN on a day, by which record, and what that lets them read.

import { existsSync } from 'node:fs'
import { isMpan } from '../access/mpan.ts'
import { type RegistrationRecord, type RegistrationRole, type Registry, registrationRoles } from '../access/parties.ts'
import { registryTables } from '../access/registry-store.ts'
import { isDate, settlementDayOf } from '../access/settlement-day.ts'
import { readConfig } from '../config/config.ts'
import { feedTables, rowKey } from '../feed/feed-store.ts'
import { loadRegistry } from '../runtime/state-registry.ts'
import { CommandError, exitCode } from '../state/errors.ts'
import type { StatePaths } from '../state/state-directory.ts'
import { openLmdbStore } from '../store/lmdb.ts'
import { type Command, type Options, stateOption, textOption } from './command.ts'

const usage = (why: string) => new CommandError(exitCode.usage, why)

interface Holder {
  mpan: string
  role: RegistrationRole
  mpid: string
  from: string
  until?: string
  /** Users that act for it. */
  users: string[]
  /** The record: `registry.json`, an import, or a message. */
  by: string
}

function dayOption(options: Options, name: string): string | undefined {
  const day = textOption(options, name)
  if (day !== undefined && !isDate(day)) throw usage(`--${name} is a Settlement Day, YYYY-MM-DD, not ${day}`)
  return day
}

/** Says by which record a row stands in the registry. */
function openSources(paths: StatePaths) {
  const store = existsSync(paths.store) ? openLmdbStore(paths.store, { ...registryTables, ...feedTables }) : undefined
  return {
    of(record: RegistrationRecord): string {
      const id = store?.get('feedRows', rowKey(record))
      const message = id === undefined ? undefined : store?.get('feedRegistrations', id)
      if (message !== undefined) return `message ${message.eventId}, version ${message.version} of registration ${id}`
      const isOfFile = store === undefined || store.get('fileRows', `registrations/${rowKey(record)}`) !== undefined
      return isOfFile ? 'registry.json' : 'an import'
    },
    close: async () => store?.close(),
  }
}

function holdersOf(
  registry: Registry,
  mpan: string,
  days: { from: string; to: string },
  by: (record: RegistrationRecord) => string,
): Holder[] {
  return registrationRoles.flatMap((role) =>
    registry
      .registrations(mpan, role)
      .filter(({ from, until }) => from <= days.to && (until === undefined || until >= days.from))
      .map((record) => {
        const { mpid, from, until } = record
        const acting = registry.users.filter((user) => user.mpid === mpid && user.roles.includes(role))
        const users = acting.map(({ name, status }) => (status === 'active' ? name : `${name} (${status})`))
        return { mpan, role, mpid, from, ...(until !== undefined && { until }), users, by: by(record) }
      }),
  )
}

function lineOf({ role, mpid, from, until, users, by }: Holder): string {
  const span = until === undefined ? `from ${from} on` : `${from} to ${until}`
  return `  ${role.padEnd(3)} ${mpid}  ${span.padEnd(24)}  ${users.join(', ') || 'no User acts for it'}; by ${by}`
}

export const whoCommand: Command = {
  name: 'who',
  summary: 'who holds each role of an MPAN on a Settlement Day, or over time, and by which record',
  options: [
    ['--mpan <mpan>', 'the MPAN, import or export'],
    ['--day <day>', 'the Settlement Day (today unless given)'],
    ['--from <day>', 'the timeline from this Settlement Day on'],
    ['--to <day>', 'to this one'],
    ['--json', 'the holders as JSON'],
    ['--state <dir>', 'the state directory', '.smets1'],
  ],
  examples: [
    'smets1 who --mpan 1234567890126 --day 2026-12-10',
    'smets1 who --mpan 1234567890126 --from 2026-01-01 --to 2027-06-30',
  ],
  async run(options, io) {
    const paths = stateOption(options)
    const mpan = textOption(options, 'mpan') ?? ''
    if (!isMpan(mpan)) throw usage(mpan === '' ? 'name the MPAN with --mpan' : `${mpan} is no MPAN: 13 digits`)
    const day = dayOption(options, 'day') ?? settlementDayOf(Date.now())
    const [first, last] = [dayOption(options, 'from'), dayOption(options, 'to')]
    const isTimeline = first !== undefined || last !== undefined
    const days = isTimeline ? { from: first ?? '1996-01-01', to: last ?? '2099-12-31' } : { from: day, to: day }
    const registry = loadRegistry(paths)
    const device = registry.deviceByMpan(mpan)
    if (device === undefined) throw usage(`no device has the MPAN ${mpan}`)
    const sources = openSources(paths)
    const holders = holdersOf(registry, mpan, days, sources.of)
    await sources.close()
    const { exportRights } = readConfig(paths.config, io.env, {})
    const isExport = device.exportMpan === mpan
    const follows = isExport && exportRights === 'import' && device.importMpan !== undefined
    if (options.json === true) {
      const rights = follows ? { exportRightsOf: device.importMpan } : {}
      io.stdout(`${JSON.stringify({ mpan, device: device.eui, ...days, ...rights, holders })}\n`)
      return exitCode.ok
    }
    const when = isTimeline ? `Settlement Days ${days.from} to ${days.to}` : `Settlement Day ${day}`
    io.stdout(`${isExport ? 'export' : 'import'} MPAN ${mpan} of ${device.eui}, ${when}\n`)
    for (const holder of holders) io.stdout(`${lineOf(holder)}\n`)
    if (!holders.some(({ role }) => role === 'MDR')) io.stdout('  MDR nobody: reads by an MDR are refused\n')
    if (follows)
      io.stdout(`  MDRs may read it by their appointment to import MPAN ${device.importMpan} (exportRights)\n`)
    return exitCode.ok
  },
}
