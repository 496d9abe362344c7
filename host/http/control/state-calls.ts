// Calls that show the state of a bench: what the commands print with `--json`.

import { counterPairRow } from '../../access/counter-rows.ts'
import type { Device } from '../../access/parties.ts'
import { counterPairs } from '../../access/request-counters.ts'
import { userRows } from '../../access/user-rows.ts'
import { parseEui } from '../../duis/request.ts'
import { scheduleRow } from '../../schedule/schedule-row.ts'
import { version } from '../../state/version.ts'
import { type Call, CallError, call } from './call.ts'
import type { Controlled } from './controlled.ts'
import { anyObject, decimal, eui, flag, instant, listOf, object, page, text, whole } from './shape.ts'

const count = whole(0, Number.MAX_SAFE_INTEGER)
const nothing = object({})
const none = listOf(anyObject())

/** The EUI-64 of a User that is given by name or EUI-64. @throws CallError */
export function userNamed({ env }: Controlled, name: string): string {
  const { users } = env.parties.registry()
  const user = users.find((one) => one.name === name || one.eui === name.toUpperCase())
  const found = user?.eui ?? parseEui(name)
  if (found !== undefined) return found
  throw new CallError(404, `no User is called ${name}; there are ${users.map((one) => one.name).join(', ')}`)
}

const versionCall = call({
  name: 'version',
  method: 'GET',
  path: '/version',
  scope: 'read',
  summary: 'version of this program and of Node',
  input: nothing,
  output: object({ version: text(), node: text() }),
  run: () => ({ version, node: process.version }),
})

const statusCall = call({
  name: 'status',
  method: 'GET',
  path: '/status',
  scope: 'read',
  summary: 'whether the bridge runs, since when, its clock, and what is unanswered and undelivered',
  input: nothing,
  output: object(
    {
      version: text(),
      startedAt: instant,
      now: instant,
      upMs: decimal(0, Number.MAX_SAFE_INTEGER),
      users: count,
      devices: count,
      schedules: count,
      unanswered: count,
      pending: count,
      messages: count,
    },
    { url: text({ description: 'where DUIS is served' }), line: text() },
  ),
  run({ bridge, env, config, messages, startedMs }) {
    const nowMs = env.timing.nowMs()
    const { users, deviceCount } = env.parties.registry()
    const url = bridge.served?.url
    const line = config.lineUrl
    return {
      version,
      startedAt: new Date(startedMs).toISOString(),
      now: new Date(nowMs).toISOString(),
      upMs: Math.max(0, nowMs - startedMs),
      users: users.length,
      devices: deviceCount(),
      schedules: env.disk.store.count('schedules'),
      unanswered: env.disk.store.count('accepted'),
      pending: bridge.delivery.pending().length,
      messages: messages.count(),
      ...(url !== undefined && { url }),
      ...(line !== undefined && { line }),
    }
  },
})

const partiesCall = call({
  name: 'parties',
  method: 'GET',
  path: '/parties',
  scope: 'read',
  summary: 'Users of the registry, as `smets1 user list --json` prints them',
  input: nothing,
  output: none,
  run: ({ env }) => userRows(env.parties.registry()).map((row) => ({ ...row })),
})

/** `12*********26`. */
const masked = (mpan: string) => `${mpan.slice(0, 2)}${'*'.repeat(Math.max(0, mpan.length - 4))}${mpan.slice(-2)}`

/** A device with its MPANs masked, unless they were asked for. */
export function shownDevice(device: Device, withMpans: boolean): { [name: string]: unknown } {
  const { importMpan, exportMpan } = device
  if (withMpans) return { ...device }
  return {
    ...device,
    ...(importMpan !== undefined && { importMpan: masked(importMpan) }),
    ...(exportMpan !== undefined && { exportMpan: masked(exportMpan) }),
  }
}

/** Rows of a list that may be long. */
function rowsOf<Row>(list: Iterable<Row>, offset: number, limit: number): Row[] {
  const rows: Row[] = []
  let index = 0
  for (const row of list) {
    if (index >= offset + limit) break
    if (index >= offset) rows.push(row)
    index += 1
  }
  return rows
}

const devicesCall = call({
  name: 'devices',
  method: 'GET',
  path: '/devices',
  scope: 'read',
  summary: 'devices of the registry; their MPANs are masked unless asked for',
  isPersonal: (input) => 'mpans' in input && input.mpans === true,
  input: object({}, { ...page, mpans: flag({ description: 'show MPANs' }) }),
  output: object({ total: count, devices: none }),
  run({ env }, { limit = 100, offset = 0, mpans = false }) {
    const { devices, deviceCount } = env.parties.registry()
    return { total: deviceCount(), devices: rowsOf(devices, offset, limit).map((one) => shownDevice(one, mpans)) }
  },
})

const schedulesCall = call({
  name: 'schedules',
  method: 'GET',
  path: '/schedules',
  scope: 'read',
  summary: 'DCC schedules of all Users, or of one, with the rows of `smets1 schedule list --json` and their owner',
  input: object({}, { ...page, user: text({ description: 'name or EUI-64' }), device: eui }),
  output: object({ total: count, schedules: none }),
  run(controlled, { limit = 100, offset = 0, user, device }) {
    const owner = user && userNamed(controlled, user)
    const wanted = device?.toUpperCase()
    const { schedules } = controlled.bridge.schedules
    const isAll = owner === undefined && wanted === undefined
    const found = isAll ? [] : [...(wanted === undefined ? schedules.all() : schedules.of(wanted, owner))]
    const own = found.filter((one) => owner === undefined || one.owner === owner)
    const rows = isAll ? rowsOf(schedules.all(), offset, limit) : own.slice(offset, offset + limit)
    return {
      total: isAll ? schedules.count() : own.length,
      schedules: rows.map((one) => ({ ...scheduleRow(one.id, one.details), owner: one.owner })),
    }
  },
})

const countersCall = call({
  name: 'counters',
  method: 'GET',
  path: '/counters',
  scope: 'read',
  summary: 'RequestID counters by User and target, as `smets1 counters --json` prints them',
  input: object({}, { ...page, user: text({ description: 'name or EUI-64' }), device: eui }),
  output: object({ total: count, counters: none }),
  run(controlled, { limit = 100, offset = 0, user, device }) {
    const owner = user && userNamed(controlled, user)
    const target = device?.toUpperCase()
    const of = { ...(owner !== undefined && { user: owner }), ...(target !== undefined && { target }) }
    const pairs = [...counterPairs(controlled.env.disk.store, of)]
    return {
      total: pairs.length,
      counters: pairs.slice(offset, offset + limit).map((pair) => ({ ...counterPairRow(pair) })),
    }
  },
})

export const stateCalls: readonly Call[] = [
  versionCall,
  statusCall,
  partiesCall,
  devicesCall,
  schedulesCall,
  countersCall,
]
