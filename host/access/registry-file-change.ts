// `registry.json` is the way to edit by hand. What differs from how it was last read is a change of the registry; rows that
// it does not have, and did not have, came in another way and stay.

import type { Batch, Store } from '../store/store.ts'
import { changeOf, createProblems, type FileRows, readFileRows } from './check-registry.ts'
import { type Device, type Registration, type Registry, registrationRoles, type User } from './parties.ts'
import { addRegistration, afterPlan, planChange, type RowChange, type RowPlan } from './registry-plan.ts'
import { createRegistry, type RegistryRows } from './registry-rows.ts'
import type { RegistryTables } from './registry-store.ts'

/** The rows of the file as it was last read, as JSON by key. */
export type LastRows = ReadonlyMap<string, string>

export interface FileChange {
  users: User[]
  plan: RowPlan
  /** The registry once the change is written. */
  registry: Registry
  /** Notes the rows of the file as they are now. */
  note(batch: Batch<RegistryTables>): void
}

const deviceKey = ({ eui }: Device) => `devices/${eui}`
const registrationKey = ({ mpan, role, from }: Registration) => `registrations/${mpan} ${role} ${from}`

/** The same text for the same row, whatever the order of its fields. */
const textOf = (row: object) =>
  JSON.stringify(Object.fromEntries(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1))))

function textsOf({ devices, registrations }: Pick<FileRows, 'devices' | 'registrations'>): Map<string, string> {
  const texts = new Map<string, string>()
  for (const row of devices) texts.set(deviceKey(row), textOf(row))
  for (const row of registrations) texts.set(registrationKey(row), textOf(row))
  return texts
}

function noteTexts(batch: Batch<RegistryTables>, now: LastRows, last: LastRows): void {
  for (const key of last.keys()) if (!now.has(key)) batch.remove('fileRows', key)
  for (const [key, text] of now) if (text !== last.get(key)) batch.put('fileRows', key, text)
}

/** Notes the rows of a file that is written to agree with the store. */
export function noteFile(
  batch: Batch<RegistryTables>,
  rows: Pick<FileRows, 'devices' | 'registrations'>,
  sha256: string,
  last: LastRows,
): void {
  noteTexts(batch, textsOf(rows), last)
  batch.put('registryNotes', 'file', sha256)
}

/** The rows as they were last read. */
export function lastRows(store: Store<RegistryTables>): LastRows {
  return new Map([...store.range('fileRows', '', '\uffff')].map(({ key, value }) => [key, value]))
}

/** The change that the file makes to `base`, or what is wrong with it. */
export function fileChange(
  data: unknown,
  base: RegistryRows,
  last: LastRows,
): { ok: true; change: FileChange } | { ok: false; problems: string[] } {
  const { note, list } = createProblems()
  const rows = readFileRows(data, note)
  const { change: whole, places } = changeOf(rows, note)
  const now = textsOf(rows)
  const isChanged = (key: string) => now.get(key) !== last.get(key)
  const change: RowChange = { devices: new Map(), registrations: new Map() }
  for (const [eui, row] of whole.devices) if (row && isChanged(deviceKey(row))) change.devices.set(eui, row)
  for (const row of rows.registrations) {
    // Two rows with the same key are compared by the plan.
    if (row.mpan !== '' && (isChanged(registrationKey(row)) || isDoubled(row, whole))) addRegistration(change, row)
  }
  for (const key of last.keys()) if (!now.has(key)) remove(key, change)
  const plan = planChange(base, change, places, note)
  const after = afterPlan(base, plan)
  for (const row of rows.registrations) {
    if (row.mpan === '' || isChanged(registrationKey(row)) || after.mpan(row.mpan) !== undefined) continue
    note(`${places.registration(row)}.mpan`, `no device has MPAN ${row.mpan}; add it or drop the row`)
  }
  if (list().length > 0) return { ok: false, problems: list() }
  return {
    ok: true,
    change: {
      users: rows.users,
      plan,
      registry: createRegistry(rows.users, after),
      note(batch) {
        noteTexts(batch, now, last)
      },
    },
  }
}

function isDoubled(row: Registration, { registrations }: RowChange): boolean {
  return (registrations.get(row.mpan) ?? []).some(
    (one) => one !== row && one.role === row.role && one.from === row.from,
  )
}

/** A row that was in the file, and is in it no more. */
function remove(key: string, change: RowChange): void {
  const [kind = '', name = ''] = key.split('/')
  if (kind === 'devices') {
    change.devices.set(name, undefined)
    return
  }
  const [mpan = '', roleName, from = ''] = name.split(' ')
  const role = registrationRoles.find((one) => one === roleName)
  if (role !== undefined) addRegistration(change, { mpan, role, from, removed: true })
}
