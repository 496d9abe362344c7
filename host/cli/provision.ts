// smets1 provision: gives meters an identity and a key, and makes them known to the DCO and to the registry.

import { randomBytes } from 'node:crypto'
import { mkdirSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { mpanOf } from '../access/mpan.ts'
import { createIdentities, euiAfter, euiPrefix, mpanAfter, mpanPrefix } from '../access/new-identities.ts'
import { type Registry, registrationRoles, registryLimits } from '../access/parties.ts'
import { isDate } from '../access/settlement-day.ts'
import type { StampConvention } from '../catalogue/read-window.ts'
import { parseEui } from '../duis/request.ts'
import { newState } from '../runtime/hold-state.ts'
import { loadRegistry } from '../runtime/state-registry.ts'
import { CommandError, ConfigurationError, exitCode } from '../state/errors.ts'
import { type StatePaths, stateOf, statePaths } from '../state/state-directory.ts'
import { type Command, type Io, type Options, portOption, textOption, wholeOption } from './command.ts'
import { fillParties } from './new-parties.ts'
import { progressOf } from './progress.ts'
import { type NewMeter, type ProvisionParts, provisionMeters, rotateKey, settingsName } from './provision-meters.ts'
import { registeredFrom } from './test-registry.ts'

/** What the command needs of the board side, which writes the settings files. */
export interface SettingsSide {
  newMeterFlags: Command['options']
  newSettings(options: Options): ProvisionParts['install']
  /** The stamps of the meters' half-hours; undefined when the options do not say. */
  stampsOf(options: Options): StampConvention | undefined
  nextKeySettings: ProvisionParts['install']
}

function wrong(message: string): CommandError {
  return new CommandError(exitCode.usage, message)
}

function euiOption(options: Options, name: string): string | undefined {
  const text = textOption(options, name)
  const eui = text === undefined ? undefined : parseEui(text)
  if (text !== undefined && eui === undefined) {
    throw wrong(`--${name} is an EUI-64, eight pairs as in 00-DB-12-34-56-78-90-A0, not ${text}`)
  }
  return eui
}

/** Values of a flag that may be given again. */
function listOption(options: Options, name: string): string[] {
  const value = options[name]
  return (Array.isArray(value) ? value : [value]).flatMap((one) => textOption({ [name]: one }, name) ?? [])
}

function prefixOption(options: Options): string {
  const prefix = (textOption(options, 'prefix') ?? euiPrefix).toUpperCase()
  if (!/^[0-9A-F]{2}(-[0-9A-F]{2}){1,6}$/.test(prefix)) {
    throw wrong(`--prefix is the first two to seven pairs of an EUI-64, as in ${euiPrefix}, not ${prefix}`)
  }
  return prefix
}

/** The first 12 digits of an MPAN, `new` or `none`; undefined when not given. @throws CommandError, also for a wrong check digit */
function mpanOption(options: Options, name: 'importMpan' | 'exportMpan'): string | undefined {
  const text = textOption(options, name)
  if (text === undefined || text === 'new' || text === 'none') return text
  const flag = name === 'importMpan' ? '--import-mpan' : '--export-mpan'
  if (!/^\d{12,13}$/.test(text)) {
    throw wrong(`${flag} is 12 digits, or 13 with the check digit, or new, or none; not ${text}`)
  }
  const right = mpanOf(text.slice(0, 12))
  if (text.length === 13 && text !== right) {
    throw wrong(`${flag}: the check digit of ${text} is wrong; after ${text.slice(0, 12)} it is ${right[12]}`)
  }
  return text.slice(0, 12)
}

function registrationsOption(options: Options): NewMeter['registrations'] {
  return listOption(options, 'register').map((text) => {
    const [role = '', mpid = '', ...more] = text.split('=')
    if (!registrationRoles.some((one) => one === role) || !/^[A-Za-z0-9]{4}$/.test(mpid) || more.length > 0) {
      throw wrong(`--register is ROLE=MPID, as in IS=SUPA; roles are ${registrationRoles.join(', ')}; not ${text}`)
    }
    return { role, mpid: mpid.toUpperCase() }
  })
}

/** The meters that the options ask for. @throws CommandError, RangeError */
function plan(options: Options, registry: Registry, stamps: StampConvention | undefined): NewMeter[] {
  const count = wholeOption(options, 'count', 1, registryLimits.devices) ?? 1
  const eui = euiOption(options, 'eui')
  const prefix = prefixOption(options)
  const mpans = { importMpan: mpanOption(options, 'importMpan'), exportMpan: mpanOption(options, 'exportMpan') }
  const registrations = registrationsOption(options)
  const from = textOption(options, 'from') ?? registeredFrom
  if (!isDate(from)) throw wrong(`--from is a date, as in ${registeredFrom}, not ${from}`)
  if (eui !== undefined && options.prefix !== undefined)
    throw wrong('--prefix is for EUI-64s that are drawn: not with --eui')
  if (options.replace === true && eui === undefined)
    throw wrong('--replace needs --eui: the meter that gets another key')
  const identities = createIdentities(registry, randomBytes)
  const line = portOption(options, 'line')
  const place: Pick<NewMeter, 'cohort' | 's1sp' | 'csp'> = {}
  for (const name of ['cohort', 's1sp', 'csp'] as const) {
    const text = textOption(options, name)
    if (text !== undefined) place[name] = text
  }
  return Array.from({ length: count }, (_, i) => {
    const own = eui === undefined ? identities.eui(prefix) : euiAfter(eui, i)
    const known = registry.device(own)
    const meter: NewMeter = {
      eui: own,
      registrations,
      from,
      ...(line && { line }),
      ...place,
      ...(stamps && { stamps }),
    }
    for (const name of ['importMpan', 'exportMpan'] as const) {
      // A device that is in the registry stays as it is there.
      const wanted = mpans[name] ?? (known === undefined ? 'new' : 'none')
      if (wanted === 'none') continue
      meter[name] = wanted === 'new' ? identities.mpan() : mpanAfter(wanted, i)
    }
    return meter
  })
}

/** Directory of the settings files, made for its owner alone. @throws CommandError when others may look into it */
function settingsDirectory(directory: string): string {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const mode = statSync(directory).mode & 0o777
  if ((mode & 0o077) !== 0) {
    throw wrong(
      `${directory} will hold keys and others may look into it (mode ${mode.toString(8)}): chmod 700 ${directory}`,
    )
  }
  return directory
}

function rotate(paths: StatePaths, options: Options, side: SettingsSide, io: Io): number {
  const mine = ['state', 'rotate', 'out', 'json', '--']
  if (Object.keys(options).some((name) => !mine.includes(name) && options[name] !== undefined)) {
    throw wrong('--rotate changes a key and nothing else: leave the other options out')
  }
  if (stateOf(paths) === 'absent') throw wrong(`${paths.root} is not there, so it has no keys to rotate`)
  const euis = listOption(options, 'rotate').map((eui) => euiOption({ rotate: eui }, 'rotate')!)
  const directory = settingsDirectory(resolve(textOption(options, 'out') ?? paths.meters))
  const settingsOf = (eui: string) => join(directory, settingsName(eui))
  for (const eui of euis) {
    rotateKey(paths, eui, { randomBytes, settingsOf, install: side.nextKeySettings })
    if (options.json !== true) {
      io.stdout(
        `${eui}: its next key is in ${settingsOf(eui)}; the present one stays valid until the meter has used the next\n`,
      )
    }
  }
  if (options.json === true) {
    const meters = euis.map((eui) => ({ eui, settings: settingsOf(eui) }))
    io.stdout(`${JSON.stringify({ ok: true, rotated: true, meters })}\n`)
  }
  return exitCode.ok
}

function reportMeters(
  meters: readonly NewMeter[],
  registry: Registry,
  settingsOf: (eui: string) => string,
  options: Options,
  io: Io,
): void {
  const known = meters.map(({ eui }) => {
    const { importMpan, exportMpan } = registry.device(eui)!
    return { eui, importMpan, exportMpan, settings: settingsOf(eui) }
  })
  if (options.json === true) {
    io.stdout(`${JSON.stringify({ ok: true, meters: known })}\n`)
    return
  }
  for (const { eui, importMpan, exportMpan, settings } of known) {
    const mpans = [importMpan && `import ${importMpan}`, exportMpan && `export ${exportMpan}`].filter(Boolean)
    io.stdout(`${eui}${mpans.length > 0 ? `  MPAN ${mpans.join(', ')}` : ''}  ${settings}\n`)
  }
  const isRegistered = known.some(({ importMpan, exportMpan }) =>
    [importMpan, exportMpan].some((mpan) =>
      mpan === undefined ? false : registrationRoles.some((role) => registry.registrations(mpan, role).length > 0),
    ),
  )
  if (!isRegistered) {
    io.stdout('nobody is registered yet: --register IS=SUPA (again for others), or smets1 import --merge\n')
  }
}

/** The command; the board side is handed in by `main.ts`. */
export function provisionCommand(side: SettingsSide): Command {
  return {
    name: 'provision',
    summary: 'make identity and key for new meters, or the next key for an existing meter',
    options: [
      'Which meters',
      ['--eui <eui>', 'EUI-64 of the meter; with --count, of the first'],
      ['--prefix <pairs>', `first pairs of random EUI-64s (${euiPrefix} unless given, which no real meter has)`],
      ['--count <n>', 'number of meters (1 unless given)'],
      [
        '--import-mpan <mpan>',
        `MPAN of active import: 12 digits, or 13 with the check digit; with --count, of the first meter; none; or new: random, beginning with ${mpanPrefix} (new unless given)`,
      ],
      ['--export-mpan <mpan>', 'the same for active export'],
      'Registrations',
      [
        '--register <role=mpid>',
        `who is registered, as in IS=SUPA; may be given again; roles: ${registrationRoles.join(', ')}`,
      ],
      ['--from <date>', `first Settlement Day of these registrations (${registeredFrom} unless given)`],
      'Another key for an existing meter',
      ['--replace', 'give the meter --eui another key at once; use --rotate for a meter in service'],
      ['--rotate <eui>', 'the next key of this meter, used once the meter has it; may be given again'],
      'Line and settings',
      ['--line <url>', 'the line of the meter (the line of the bridge unless given)'],
      ['--cohort <name>', 'cohort of the meter; a cohort shares one limit on sessions'],
      ['--s1sp <name>', 'S1SP of the meter; windows and retries can differ by cohort, S1SP and CSP'],
      ['--csp <name>', 'CSP whose WAN the meter is on'],
      ['--out <dir>', 'directory for the settings files (meters/ in the state directory unless given)'],
      ...side.newMeterFlags,
      'Output and state',
      ['--json', 'what was made, as JSON; keys are never printed'],
      ['--state <dir>', 'the state directory; created with a test PKI and test Users if missing', '.smets1'],
    ],
    examples: [
      'smets1 provision --eui 00-DB-12-34-56-78-90-A1 --import-mpan 200000000001 --register IS=SUPA --register MDR=MDRA',
      'smets1 provision --count 1000 --out fleet --register IS=SUPA --line tcp://127.0.0.1:7000',
      'smets1 provision --rotate 00-DB-12-34-56-78-90-A0',
    ],
    async run(options, io) {
      const paths = statePaths(textOption(options, 'state') ?? '.smets1')
      if (options.rotate !== undefined) return rotate(paths, options, side, io)
      const install = orUsage(() => side.newSettings(options))
      const out = textOption(options, 'out')
      let made: NewMeter[] = []
      const shown = progressOf(io, 'meters')
      const provision = (at: StatePaths) => {
        made = orUsage(() => plan(options, loadRegistry(at), side.stampsOf(options)))
        const directory = settingsDirectory(out === undefined ? at.meters : resolve(out))
        provisionMeters(at, made, {
          randomBytes,
          replace: options.replace === true,
          settingsOf: (eui) => join(directory, settingsName(eui)),
          install,
          done: (count) => shown(count, made.length),
        })
      }
      if (stateOf(paths) === 'absent') {
        await newState(paths, async (at) => {
          await fillParties(at)
          provision(at)
        })
        io.stderr(`${paths.root}: new, with a test PKI and test Users\n`)
      } else provision(paths)
      const directory = out === undefined ? paths.meters : resolve(out)
      reportMeters(made, loadRegistry(paths), (eui) => join(directory, settingsName(eui)), options, io)
      return exitCode.ok
    },
  }
}

/** What the user got wrong is said without a stack, whoever found it. */
function orUsage<T>(act: () => T): T {
  try {
    return act()
  } catch (error) {
    if (error instanceof CommandError || error instanceof ConfigurationError) throw error
    throw wrong((error as Error).message)
  }
}
