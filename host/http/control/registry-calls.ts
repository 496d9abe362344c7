// Calls that change Users, devices and registrations: what `smets1 user` and `smets1 import` do.

import { type Call, CallError, call, needed } from './call.ts'
import type { Controlled, Row } from './controlled.ts'
import { anyObject, eui, flag, listOf, object, text, whole } from './shape.ts'

const filesOf = ({ registryFiles }: Controlled) =>
  needed(registryFiles, 'this bench has no registry file: its parties are those of its program')

const count = whole(0, Number.MAX_SAFE_INTEGER)
const pem = text({ maxLength: 16_384, description: 'PEM' })
const name = text({ minLength: 1, maxLength: 64 })
const rows = (what: string) => listOf(anyObject(), { maxItems: 1_000_000, description: what })

const userAdd = call({
  name: 'user-add',
  method: 'POST',
  path: '/users',
  scope: 'operate',
  summary: 'add a User: key, certificate and row of the registry; without a callback it has a mailbox',
  input: object(
    { name, roles: listOf(text(), { minItems: 1, maxItems: 10, examples: [['MDR']] }) },
    {
      mpid: text({ description: '4 letters and digits; needed for every role but OU' }),
      eui,
      certificate: pem,
      callback: text(),
      allowHttpCallback: flag({ description: 'its callback may be http to another machine' }),
      callbackCa: pem,
    },
  ),
  output: object({ name: text(), eui: text() }, { key: text(), certificate: text() }),
  run: (controlled, input) => filesOf(controlled).addUser(input),
})

const userRemove = call({
  name: 'user-remove',
  method: 'DELETE',
  path: '/users/{name}',
  scope: 'operate',
  summary: 'remove a User; registrations of its market participant stay',
  input: object({ name }),
  output: object({ removed: text(), registrations: count }, { mpid: text() }),
  run: (controlled, input) => filesOf(controlled).removeUser(input.name),
})

const counts = object({ users: count, devices: count, registrations: count })

const registryImport = call({
  name: 'registry-import',
  method: 'POST',
  path: '/registry',
  scope: 'operate',
  summary: 'import Users, devices and registrations into the registry, all or nothing, as `smets1 import` does',
  bodyBytesMax: 64 * 1024 * 1024,
  input: object(
    {},
    {
      users: rows('rows as in the registry'),
      devices: rows('rows as in the registry'),
      registrations: rows('rows as in the registry'),
      merge: flag({ description: 'add rows, or replace rows with the same key; else all rows of a kind are replaced' }),
      dryRun: flag({ description: 'say what would be imported and what is wrong; change nothing' }),
      strict: flag({ description: 'refuse registrations with gaps' }),
    },
  ),
  output: object(
    { ok: flag(), dryRun: flag(), given: counts, problems: listOf(text()), gaps: listOf(text()) },
    { registry: counts },
  ),
  async run(controlled, { merge = false, dryRun = false, strict = false, ...given }) {
    const outcome = await filesOf(controlled).importRows(given, { merge, dryRun, strict })
    // What is imported is all of it; a trial run tells.
    if (outcome.ok || outcome.dryRun) return outcome
    const why = outcome.problems.length > 0 ? outcome.problems : outcome.gaps.map((gap) => `gap: ${gap}`)
    throw new CallError(400, `nothing imported: ${why.slice(0, 100).join('; ')}`)
  },
})

const deviceChange = call({
  name: 'device-change',
  method: 'PUT',
  path: '/devices/{eui}',
  scope: 'operate',
  summary: 'change fields of a device in the registry, such as its status; the others stay',
  input: object({ eui, fields: anyObject({ examples: [{ status: 'Suspended' }] }) }),
  output: object({ eui: text(), changed: listOf(text()) }),
  async run(controlled, { eui: given, fields }) {
    const wanted = given.toUpperCase()
    const device = controlled.env.parties.registry().device(wanted)
    if (device === undefined) throw new CallError(404, `the registry has no device ${wanted}`)
    const row: Row = { ...device, ...fields, eui: wanted }
    const outcome = await filesOf(controlled).importRows({ devices: [row] }, { merge: true })
    if (!outcome.ok) throw new CallError(400, outcome.problems.slice(0, 10).join('; '))
    return { eui: wanted, changed: Object.keys(fields) }
  },
})

export const registryCalls: readonly Call[] = [userAdd, userRemove, registryImport, deviceChange]
