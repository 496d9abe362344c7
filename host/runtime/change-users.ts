// Adds Users to a state directory, and removes them: key, certificate and row of the registry.

import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { createIdentities } from '../access/new-identities.ts'
import { roles as knownRoles } from '../catalogue/role.ts'
import type { AddedUser, NewUser, RemovedUser, Row } from '../http/control/controlled.ts'
import { addIdentity, reservedNames } from '../pki/test-pki.ts'
import { trustedSigner } from '../pki/trust.ts'
import { CommandError, exitCode } from '../state/errors.ts'
import { readJson, type StatePaths } from '../state/state-directory.ts'
import { changeRegistry } from './registry-file.ts'
import { checkRegistryFile, loadRegistry } from './state-registry.ts'

/** Drawn EUI-64s begin so; no manufacturer has them (access/new-identities.ts). */
const userEuiPrefix = '02-DB-12-35'

/** Role of a User's certificate that signs XML (OU, hexadecimal). */
const certificateRole = '87'

type RegistryFile = { users: Row[]; registrations: { mpid?: unknown }[] }

/** How a field is called in messages: `roles`, or on the command line `--roles`. */
export type NameOf = (field: string) => string

const asItIs: NameOf = (field) => field

function usage(message: string): CommandError {
  return new CommandError(exitCode.usage, message)
}

/** The name of a User is also that of its files. @throws CommandError */
function checkName(name: string): void {
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/.test(name))
    throw usage(`${name} is no name: letters, digits, "-", "_" and ".", at most 64, the first a letter or digit`)
  if (reservedNames.includes(name)) throw usage(`${name} is a name of the DCC's own files: choose another`)
}

/** The row of a new User without its EUI-64. @throws CommandError */
function rowOf({ name, roles, mpid, callback, allowHttpCallback, callbackCa }: NewUser, nameOf: NameOf): Row {
  const wrong = roles.find((one) => !(knownRoles as readonly string[]).includes(one))
  if (roles.length === 0 || wrong !== undefined) {
    const what = wrong === undefined ? ' is missing' : `: ${wrong} is no role`
    throw usage(`${nameOf('roles')}${what}: list one or more of ${knownRoles.join(',')}`)
  }
  if (mpid === undefined && roles.some((role) => role !== 'OU'))
    throw usage(`${nameOf('mpid')} is missing: a User with a role other than OU has one, of 4 letters and digits`)
  return {
    name,
    roles,
    status: 'active',
    ...(mpid !== undefined && { mpid: mpid.toUpperCase() }),
    ...(callback !== undefined && { callback }),
    ...(allowHttpCallback === true && { allowHttpCallback }),
    ...(callbackCa !== undefined && { callbackCa }),
  }
}

/** The registry with the row. @throws CommandError naming the field that is wrong */
function withRow(paths: StatePaths, data: RegistryFile, row: Row, nameOf: NameOf): string {
  const next = { ...data, users: [...data.users, row] }
  const checked = checkRegistryFile(paths, next)
  if (checked.ok) return `${JSON.stringify(next, null, 2)}\n`
  const place = `users[${data.users.length}].`
  const hint = checked.problems.some((problem) => problem.includes('allowHttpCallback'))
  const problems = checked.problems.map((problem) => {
    const [, field, rest] = problem.startsWith(place) ? (/^(\w+)(.*)$/s.exec(problem.slice(place.length)) ?? []) : []
    return (field === undefined ? problem : `${nameOf(field)}${rest}`).replace(/; "allowHttpCallback".*$/, '')
  })
  throw usage(`${problems.join('\n  ')}${hint ? `; ${nameOf('allowHttpCallback')} allows http to other machines` : ''}`)
}

/** EUI-64 of a certificate's holder. @throws CommandError */
function euiOf(certificate: string, nameOf: NameOf): string {
  try {
    return trustedSigner(certificate).eui
  } catch (error) {
    throw usage(`${nameOf('certificate')}: ${(error as Error).message}`)
  }
}

/** @throws CommandError naming the field that is wrong */
export function addUser(paths: StatePaths, user: NewUser, nowMs: number, nameOf: NameOf = asItIs): AddedUser {
  const { name, certificate } = user
  checkName(name)
  const row = rowOf(user, nameOf)
  const certified = certificate === undefined ? undefined : euiOf(certificate, nameOf)
  const files = { key: join(paths.pki, `${name}.key`), certificate: join(paths.pki, `${name}.pem`) }
  return changeRegistry(paths, (change) => {
    const registry = loadRegistry(paths)
    const data = readJson(paths.registry) as RegistryFile
    if (registry.users.some((one) => one.name === name))
      throw usage(`there is a User called ${name}: smets1 user remove ${name} removes it`)
    const eui = user.eui?.toUpperCase() ?? certified ?? createIdentities(registry, randomBytes).eui(userEuiPrefix)
    const text = withRow(paths, data, { ...row, eui, ...(certificate && { certificate }) }, nameOf)
    if (certificate === undefined) addIdentity(paths.pki, { name, eui, role: certificateRole }, { nowMs })
    try {
      change.commit(text)
    } catch (error) {
      if (certificate === undefined) removeFiles(paths, name)
      throw error
    }
    return { name, eui, ...(certificate === undefined && files) }
  })
}

function removeFiles(paths: StatePaths, name: string): void {
  for (const ending of ['key', 'pem']) rmSync(join(paths.pki, `${name}.${ending}`), { force: true })
}

/** Its registrations stay. @throws CommandError when there is no such User */
export function removeUser(paths: StatePaths, name: string): RemovedUser {
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
  return { removed: name, registrations: rows.length, ...(typeof mpid === 'string' && { mpid }) }
}
