// smets1 user: adds, lists and removes Users of a state directory.

import { randomBytes } from 'node:crypto'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { userRows } from '../access/user-rows.ts'
import { roles as knownRoles } from '../catalogue/role.ts'
import { readCertificate, readSigner } from '../pki/key-files.ts'
import { addIdentity, reservedNames } from '../pki/test-pki.ts'
import { checkRegistryFile, loadRegistry } from '../runtime/state-registry.ts'
import { CommandError, exitCode } from '../state/errors.ts'
import { readJson, type StatePaths } from '../state/state-directory.ts'
import { type Command, type Io, type Options, stateOption, textOption } from './command.ts'
import { tableOf } from './dcc-client.ts'
import { createIdentities } from './new-identities.ts'
import { changeRegistry } from './registry-file.ts'
import { euiOption } from './request-options.ts'

/** Drawn EUI-64s begin so; no manufacturer has them (new-identities.ts). */
const userEuiPrefix = '02-DB-12-35'

/** Role of a User's certificate that signs XML (OU, hexadecimal). */
const certificateRole = '87'

type UserRow = { [name: string]: unknown }
type RegistryFile = { users: UserRow[]; registrations: { mpid?: unknown }[] }

function usage(message: string): CommandError {
  return new CommandError(exitCode.usage, message)
}

/** The name of a User, which is also that of its files. @throws CommandError */
function nameOf(name: string | undefined): string {
  if (name === undefined) throw usage('name the User, as in: smets1 user add my-mdr --roles MDR --mpid MDRB')
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/.test(name))
    throw usage(`${name} is no name: letters, digits, "-", "_" and ".", at most 64, the first a letter or digit`)
  if (reservedNames.includes(name)) throw usage(`${name} is a name of the DCC's own files: choose another`)
  return name
}

function rolesOption(options: Options): string[] {
  const given = [options.roles].flat().filter((one) => one !== undefined)
  const found = given
    .flatMap((one) =>
      String(one)
        .toUpperCase()
        .split(/[\s,]+/),
    )
    .filter((one) => one !== '')
  const wrong = found.find((one) => !(knownRoles as readonly string[]).includes(one))
  if (found.length > 0 && wrong === undefined) return found
  const what = wrong === undefined ? ' is missing' : `: ${wrong} is no role`
  throw usage(`--roles${what}: list one or more of ${knownRoles.join(',')}`)
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

/** The row of a new User without its EUI-64. */
function rowOf(name: string, options: Options): UserRow {
  const row: UserRow = { name, roles: rolesOption(options), status: 'active' }
  const mpid = textOption(options, 'mpid')
  if (mpid !== undefined) row.mpid = mpid.toUpperCase()
  else if ((row.roles as string[]).some((role) => role !== 'OU'))
    throw usage('--mpid is missing: a User with a role other than OU has one, of 4 letters and digits')
  const callback = textOption(options, 'callback')
  if (callback !== undefined) row.callback = callback
  if (options.allowHttpCallbacks === true) row.allowHttpCallback = true
  const authority = fileOption(options, 'callbackCa', '--callback-ca')
  if (authority !== undefined) row.callbackCa = authority
  return row
}

/** The registry with the row. @throws CommandError naming the option that is wrong */
function withRow(paths: StatePaths, data: RegistryFile, row: UserRow): string {
  const next = { ...data, users: [...data.users, row] }
  const checked = checkRegistryFile(paths, next)
  if (checked.ok) return `${JSON.stringify(next, null, 2)}\n`
  const place = `users[${data.users.length}].`
  const problems = checked.problems.map((problem) =>
    problem.replace(place, '--').replace('--callbackCa', '--callback-ca'),
  )
  const hint = problems.some((problem) => problem.includes('allowHttpCallback'))
  throw usage(
    `${problems.map((problem) => problem.replace(/; "allowHttpCallback".*$/, '')).join('\n  ')}` +
      (hint ? '; --allow-http-callbacks allows http to other machines' : ''),
  )
}

function add(paths: StatePaths, given: string | undefined, options: Options, io: Io): void {
  const name = nameOf(given)
  const row = rowOf(name, options)
  const file = textOption(options, 'certificate')
  const made = changeRegistry(paths, (change) => {
    const registry = loadRegistry(paths)
    const data = readJson(paths.registry) as RegistryFile
    if (registry.users.some((user) => user.name === name))
      throw usage(`there is a User called ${name}: smets1 user remove ${name} removes it`)
    const eui =
      euiOption(options, 'eui') ??
      (file && readSigner(file).eui) ??
      createIdentities(registry, randomBytes).eui(userEuiPrefix)
    const text = withRow(paths, data, { ...row, eui, ...(file && { certificate: readCertificate(file).toString() }) })
    if (file === undefined) addIdentity(paths.pki, { name, eui, role: certificateRole }, { nowMs: Date.now() })
    try {
      change.commit(text)
    } catch (error) {
      if (file === undefined) removeFiles(paths, name)
      throw error
    }
    return { name, eui }
  })
  const files = { key: join(paths.pki, `${name}.key`), certificate: join(paths.pki, `${name}.pem`) }
  if (options.json === true) {
    io.stdout(`${JSON.stringify({ ...made, ...(file === undefined ? files : { certificate: file }) })}\n`)
    return
  }
  io.stdout(`${name}: EUI-64 ${made.eui}\n`)
  io.stdout(
    file === undefined ? `  key ${files.key}\n  certificate ${files.certificate}\n` : `  certificate of ${file}\n`,
  )
  io.stdout(
    row.callback === undefined
      ? '  no callback: each I99 has a Location, where the response is fetched\n'
      : `  responses are sent to ${row.callback}\n`,
  )
}

function removeFiles(paths: StatePaths, name: string): void {
  for (const ending of ['key', 'pem']) rmSync(join(paths.pki, `${name}.${ending}`), { force: true })
}

function remove(paths: StatePaths, given: string | undefined, options: Options, io: Io): void {
  const name = given ?? ''
  const mpid = changeRegistry(paths, (change) => {
    const data = readJson(paths.registry) as RegistryFile
    const user = data.users.find((one) => one.name === name)
    if (user === undefined) {
      const names = data.users.map((one) => one.name).join(', ')
      throw usage(name === '' ? 'name the User to remove' : `no User is called ${name}; there are ${names}`)
    }
    change.commit(`${JSON.stringify({ ...data, users: data.users.filter((one) => one !== user) }, null, 2)}\n`)
    if (user.certificate === undefined) removeFiles(paths, name)
    return data.users.some((one) => one !== user && one.mpid === user.mpid) ? undefined : user.mpid
  })
  const rows = (readJson(paths.registry) as RegistryFile).registrations.filter((row) => row.mpid === mpid)
  if (options.json === true) io.stdout(`${JSON.stringify({ removed: name })}\n`)
  else io.stdout(`removed ${name}\n`)
  if (mpid !== undefined && rows.length > 0)
    io.stderr(`${rows.length} registrations of ${mpid} stay in ${paths.registry}: no User acts for it now\n`)
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
