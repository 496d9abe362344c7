// smets1 user: adds, lists and removes Users of a state directory.

import { readFileSync } from 'node:fs'
import { userRows } from '../access/user-rows.ts'
import { roles as knownRoles } from '../catalogue/role.ts'
import type { NewUser } from '../http/control/controlled.ts'
import { readCertificate, readSigner } from '../pki/key-files.ts'
import { addUser, removeUser } from '../runtime/change-users.ts'
import { loadRegistry } from '../runtime/state-registry.ts'
import { CommandError, exitCode } from '../state/errors.ts'
import type { StatePaths } from '../state/state-directory.ts'
import { type Command, type Io, kebab, type Options, stateOption, textOption } from './command.ts'
import { tableOf } from './dcc-client.ts'
import { nowIn } from './now-in.ts'
import { euiOption } from './request-options.ts'

function usage(message: string): CommandError {
  return new CommandError(exitCode.usage, message)
}

function rolesOption(options: Options): string[] {
  const given = [options.roles].flat().filter((one) => one !== undefined)
  const roles = given.flatMap((one) =>
    String(one)
      .toUpperCase()
      .split(/[\s,]+/),
  )
  return roles.filter((one) => one !== '')
}

/** A file's text. @throws CommandError naming the option */
function fileOption(options: Options, name: string, flag: string): string | undefined {
  const path = textOption(options, name)
  if (path === undefined) return undefined
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw usage(`${flag}: ${path} cannot be read: ${(error as Error).message}`)
  }
}

/** `--callback-ca` of the field `callbackCa`. */
function flagOf(field: string): string {
  const name = field === 'allowHttpCallback' ? 'allowHttpCallbacks' : field
  return `--${kebab(name)}`
}

function add(paths: StatePaths, name: string | undefined, options: Options, io: Io): void {
  if (name === undefined) throw usage('name the User, as in: smets1 user add my-mdr --roles MDR --mpid MDRB')
  const [mpid, eui, callback] = [
    textOption(options, 'mpid'),
    euiOption(options, 'eui'),
    textOption(options, 'callback'),
  ]
  const callbackCa = fileOption(options, 'callbackCa', '--callback-ca')
  const file = textOption(options, 'certificate')
  // An error of the certificate names its file.
  if (file !== undefined) readSigner(file)
  const user: NewUser = {
    name,
    roles: rolesOption(options),
    ...(mpid !== undefined && { mpid }),
    ...(eui !== undefined && { eui }),
    ...(callback !== undefined && { callback }),
    ...(options.allowHttpCallbacks === true && { allowHttpCallback: true }),
    ...(callbackCa !== undefined && { callbackCa }),
    ...(file !== undefined && { certificate: readCertificate(file).toString() }),
  }
  const added = addUser(paths, user, nowIn(paths), flagOf)
  if (options.json === true) {
    io.stdout(`${JSON.stringify({ ...added, ...(file !== undefined && { certificate: file }) })}\n`)
    return
  }
  io.stdout(`${name}: EUI-64 ${added.eui}\n`)
  io.stdout(
    file === undefined ? `  key ${added.key}\n  certificate ${added.certificate}\n` : `  certificate of ${file}\n`,
  )
  io.stdout(
    callback === undefined
      ? '  no callback: each I99 has a Location, where the response is fetched\n'
      : `  responses are sent to ${callback}\n`,
  )
}

function remove(paths: StatePaths, given: string | undefined, options: Options, io: Io): void {
  const { removed, mpid, registrations } = removeUser(paths, given ?? '')
  if (options.json === true) io.stdout(`${JSON.stringify({ removed })}\n`)
  else io.stdout(`removed ${removed}\n`)
  if (mpid !== undefined && registrations > 0)
    io.stderr(`${registrations} registrations of ${mpid} stay in ${paths.registry}: no User acts for it now\n`)
}

function list(paths: StatePaths, options: Options, io: Io): void {
  const rows = userRows(loadRegistry(paths))
  if (options.json === true) io.stdout(`${JSON.stringify(rows)}\n`)
  else io.stdout(rows.length === 0 ? 'no Users\n' : tableOf(rows.map((row) => ({ ...row }))))
}

const actions = {
  add,
  list: (paths: StatePaths, _name: string | undefined, options: Options, io: Io) => list(paths, options, io),
  remove,
}

export const userCommand: Command = {
  name: 'user',
  argument: '<action> [name]',
  summary: 'add, list or remove Users: key, certificate and row of the registry (action: add, list, remove)',
  options: [
    'For add',
    ['--roles <list>', `roles, joined by commas: ${knownRoles.join(', ')}`],
    ['--mpid <id>', 'market participant id, 4 letters and digits; needed for every role but OU'],
    ['--eui <eui>', 'its EUI-64 (that of its certificate, or a new one, unless given)'],
    ['--certificate <file>', 'the certificate (PEM) of a key that you have; without it, key and certificate are made'],
    'Where responses go',
    ['--callback <url>', 'address to which they are sent; without it they are fetched from a mailbox'],
    ['--allow-http-callbacks', 'let it be http to another machine; anybody on the way can read the responses'],
    ['--callback-ca <file>', 'authority (PEM) of its https certificate, if Node does not know it'],
    'Output and state',
    ['--json', 'the result as JSON'],
    ['--state <dir>', 'the state directory', '.smets1'],
  ],
  examples: [
    'smets1 user add my-mdr --roles MDR --mpid MDRA',
    'smets1 user add shop --roles IS,ES --mpid SUPA --certificate shop.pem --callback https://10.0.0.5/duis --callback-ca ca.pem',
    'smets1 user list',
    'smets1 user remove my-mdr',
  ],
  async run(options, io) {
    const [action = '', name] = options.argument as string[]
    if (!Object.hasOwn(actions, action)) throw usage(`user does ${Object.keys(actions).join(', ')}, not ${action}`)
    if (action === 'list' && name !== undefined) throw usage(`user list takes no name: leave "${name}" out`)
    actions[action as keyof typeof actions](stateOption(options), name, options, io)
    return exitCode.ok
  },
}
