// Imports into the store, where a registry of a million devices is. `registry.json` says all that the store says as long as
// it is small; of a larger registry it has the Users, and the rows that are edited by hand.

import { createHash } from 'node:crypto'
import { createProblems, type FileRows, readFileRows } from '../access/check-registry.ts'
import { collectRows, importChange } from '../access/import-change.ts'
import { combineRows, type Kind, type Rows, type TakeRow } from '../access/import-rows.ts'
import type { Device, Registration } from '../access/parties.ts'
import { gapsOf, textOfGap } from '../access/registration-gaps.ts'
import { lastRows, noteFile } from '../access/registry-file-change.ts'
import { afterPlan, type Places, planChange, type RowChange, type RowPlan } from '../access/registry-plan.ts'
import { createRegistry, mpansOf, type RegistryRows } from '../access/registry-rows.ts'
import {
  addedRegistrations,
  type RegistryStore,
  registrationCount,
  storedRows,
  writePlan,
} from '../access/registry-store.ts'
import { settlementDayOf } from '../access/settlement-day.ts'
import type { ImportOptions, ImportOutcome } from '../http/control/controlled.ts'
import { type StatePaths, writeFileWhole } from '../state/state-directory.ts'
import { tryChange } from './hold-state.ts'
import { clearUp, currentRows } from './registry-file.ts'
import { openRegistryStore, takeRegistryFile } from './state-registry.ts'

/** Devices up to which `registry.json` has all rows. */
const fileDevicesMax = 10_000

/** What is to be imported. */
export interface ImportSource {
  /** Gives each row to `take`; adds what is wrong to `problems`. */
  read(problems: string[], take: TakeRow): void
  /** More rows than are to be in `registry.json`: they go to the store, also where no bridge has made one. */
  isLarge?: boolean
  /** Called with the number of rows that are read, and then written. */
  progress?(done: number, of?: number): void
}

/** Reads, checks and writes, while nobody else changes the registry. A running bridge follows within a second. */
export function importToStore(paths: StatePaths, source: ImportSource, options: ImportOptions): Promise<ImportOutcome> {
  return tryChange(paths, async () => {
    clearUp(paths)
    const store = openRegistryStore(paths)
    const nowMs = Date.now()
    await takeRegistryFile(paths, store, nowMs)
    const found = prepare(paths, store, source, options)
    const { outcome } = found
    if (!outcome.ok || outcome.dryRun) return outcome
    const text = `${JSON.stringify({ users: found.users, ...found.fileRows }, null, 2)}\n`
    const sha256 = createHash('sha256').update(text).digest('hex')
    const last = lastRows(store)
    // The file first: a bridge that reads it before the rest is written makes the same of it, as far as it is complete.
    writeFileWhole(paths.registry, text)
    await writePlan(store, found.plan, {
      from: 'import',
      day: settlementDayOf(nowMs),
      last: (batch) => noteFile(batch, found.fileRows, sha256, last),
      ...(source.progress && { progress: source.progress }),
    })
    return outcome
  })
}

interface Prepared {
  outcome: ImportOutcome
  users: object[]
  plan: RowPlan
  /** Devices and registrations of the new `registry.json`. */
  fileRows: Pick<FileRows, 'devices' | 'registrations'>
}

function prepare(paths: StatePaths, store: RegistryStore, source: ImportSource, options: ImportOptions): Prepared {
  const how = options.merge === true ? 'merge' : 'replace'
  const { note: noteRow, list } = createProblems()
  // `devices.csv:3.eui` is shown as `devices.csv:3 eui`.
  const spaced = (text: string) => text.replace(/(:\d+|\])\.(\w+)/g, '$1 $2')
  const note = (place: string, problem: string) => noteRow(spaced(place), spaced(problem))
  const base = storedRows(store)
  const read = readRows(source, note)
  const { rows } = read
  const current = currentRows(paths)
  const { data, places: userPlaces } = combineRows({ ...current, devices: [], registrations: [] }, [read.users], how)
  const { note: noteUser, list: userProblems } = createProblems()
  const { users } = readFileRows({ users: data.users, devices: [], registrations: [] }, noteUser)
  for (const problem of userProblems()) note(...placeOfUser(problem, userPlaces.users))
  const change = importChange(rows, base, how, note)
  const euis = new Map(users.map(({ eui }, index) => [eui, userPlaces.users[index] ?? 'a User']))
  const places: Places = { ...rows.places, user: (eui) => euis.get(eui) }
  const plan = planChange(base, change, places, note)
  const problems = [...read.problems, ...list()]
  const after = afterPlan(base, plan)
  const fileRows = problems.length > 0 ? { devices: [], registrations: [] } : rowsOfFile(current, change, after)
  const registry = problems.length > 0 ? undefined : createRegistry(users, after)
  const registrations = registrationCount(store) + addedRegistrations(plan)
  const counts = registry && { users: users.length, devices: after.deviceCount(), registrations }
  const isWhole = how === 'replace' || after.deviceCount() <= fileDevicesMax
  const looked = isWhole ? after.devices() : affectedDevices(plan, after)
  const gaps = registry === undefined ? [] : gapsOf(registry, looked).map(textOfGap)
  const ok = problems.length === 0 && !(options.strict === true && gaps.length > 0)
  return {
    outcome: {
      ok,
      dryRun: options.dryRun === true,
      problems,
      gaps,
      given: rows.given,
      ...(counts && { registry: counts }),
    },
    users: data.users,
    plan,
    fileRows,
  }
}

/** `users[3].eui: …` with the file's line instead of the index. */
function placeOfUser(problem: string, places: readonly string[]): [place: string, problem: string] {
  const [, index = '', field = '', text = problem] = /^users\[(\d+)\](?:\.(\w+))?: (.*)$/s.exec(problem) ?? []
  return [`${places[Number(index)] ?? 'users'} ${field}`.trim(), text]
}

function readRows(source: ImportSource, note: (place: string, problem: string) => void) {
  const problems: string[] = []
  const users: Rows = { users: [], devices: [], registrations: [] }
  const { take, rows } = collectRows(note, (_kind, row, place) => users.users.push({ row, place }))
  let count = 0
  source.read(problems, (kind: Kind, row, place) => {
    take(kind, row, place)
    count += 1
    if (count % 10_000 === 0) source.progress?.(count)
  })
  return { rows, users, problems }
}

/** What `registry.json` is to have of devices and registrations. */
function rowsOfFile(current: Rows, change: RowChange, after: RegistryRows): Prepared['fileRows'] {
  const registrationsOf = (device: Device): Registration[] =>
    mpansOf(device).flatMap(([mpan]) => (after.mpan(mpan)?.registrations ?? []).map((row) => ({ mpan, ...row })))
  if (after.deviceCount() <= fileDevicesMax) {
    const devices = [...after.devices()]
    return { devices, registrations: devices.flatMap(registrationsOf) }
  }
  // Rows of the file that are not imported, and are still as the file has them.
  const { note } = createProblems()
  const pick = (kind: Kind) => current[kind].map(({ row }) => row)
  const left = readFileRows({ users: [], devices: pick('devices'), registrations: pick('registrations') }, note)
  return {
    devices: left.devices.filter(({ eui }) => !change.devices.has(eui)),
    registrations: left.registrations.filter(({ mpan, role, from }) => {
      const isGiven = change.registrations.get(mpan)?.some((row) => row.role === role && row.from === from)
      return !isGiven && after.mpan(mpan) !== undefined
    }),
  }
}

/** The devices whose registrations may have gaps because of the change. */
function affectedDevices({ devices, mpans }: RowPlan, after: RegistryRows): Device[] {
  const euis = new Set<string>(devices.keys())
  for (const { after: row } of mpans.values()) if (row !== undefined) euis.add(row.eui)
  return [...euis].flatMap((eui) => after.device(eui) ?? [])
}
