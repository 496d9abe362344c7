// Devices and registrations in the store: one is read when it is needed, so that a million cost no memory.
//
// Whoever writes holds the lock for changes of the state directory. Each change is noted for the bridge, which may be
// another process: it reads the notes that it has not seen.

import { listOf, oneOf, optional, readNumber, readText, record } from '../store/row-reader.ts'
import type { Batch, Store } from '../store/store.ts'
import { deviceTypes } from './device-details.ts'
import { conventions } from './meter-conventions.ts'
import { type Device, deviceStatuses, type Registration, registrationRoles } from './parties.ts'
import { changeByPlan, type LostDevice } from './registry-changes.ts'
import type { RowPlan } from './registry-plan.ts'
import { type MpanRow, premisesOf, type RegistryRows, supplyDays } from './registry-rows.ts'

/** What a change has done, for the log and for the bridge. */
export interface RegistryChange {
  /** `registry.json`, `import`, or a message's id. */
  from: string
  /** Devices that were there before, and are others now, or have other registrations. */
  devices: string[]
  lost: LostDevice[]
  /** Devices added, altered and removed, and MPANs with other registrations: of the whole change, in its first note. */
  added: number
  altered: number
  removed: number
  mpans: number
  /** Registration messages that were judged with it, also such as changed nothing. */
  messages?: JudgedMessage[]
}

export interface JudgedMessage {
  eventId: string
  registrationId: string
  version: number
  outcome: string
  code?: string
}

/** `head`: the number of the last change. `registrations`: how many there are. `file`: the SHA-256 of `registry.json` as it
 * was last read. `unfinished`: where a change of many parts came from, until its last part is written. */
type RegistryNote = string | number

export type RegistryTables = {
  /** By EUI-64. */
  devices: Device
  /** By MPAN. */
  mpans: MpanRow
  /** EUI-64s by premises, `uprn/UPRN/EUI` and `address/POSTCODE/ADDRESS/EUI`; and MPANs by days on which the supplier may
   * change, `supply/DAY/MPAN`. */
  registryIndex: string
  registryNotes: RegistryNote
  /** By number, in 12 digits. */
  registryChanges: RegistryChange
  /** The rows of `registry.json` as it was last read, as JSON: `devices/EUI`, `registrations/MPAN ROLE FROM`. */
  fileRows: string
}

const readDetail = optional(readText)

const readStoredDevice = record<Device>({
  eui: readText,
  importMpan: readDetail,
  exportMpan: readDetail,
  status: oneOf(deviceStatuses),
  line: readText,
  stamps: optional(oneOf(conventions.stamps)),
  averagePower: optional(oneOf(conventions.averagePower)),
  type: optional(oneOf(deviceTypes)),
  manufacturer: readDetail,
  model: readDetail,
  smetsVersion: readDetail,
  firmware: readDetail,
  commissioned: readDetail,
  uprn: readDetail,
  postcode: readDetail,
  addressId: readDetail,
  s1sp: readDetail,
  cohort: readDetail,
  csp: readDetail,
})

export const registryTables = {
  devices: readStoredDevice,
  mpans: record<MpanRow>({
    eui: readText,
    kind: oneOf(['import', 'export']),
    registrations: listOf(
      record<Omit<Registration, 'mpan'>>({
        role: oneOf(registrationRoles),
        mpid: readText,
        from: readText,
        to: readDetail,
      }),
    ),
  }),
  registryIndex: readText,
  registryNotes: (value: unknown) => readText(value) ?? readNumber(value),
  registryChanges: record<RegistryChange>({
    from: readText,
    devices: listOf(readText),
    lost: listOf(record<LostDevice>({ eui: readText, why: readText })),
    added: readNumber,
    altered: readNumber,
    removed: readNumber,
    mpans: readNumber,
    messages: optional(
      listOf(
        record<JudgedMessage>({
          eventId: readText,
          registrationId: readText,
          version: readNumber,
          outcome: readText,
          code: readDetail,
        }),
      ),
    ),
  }),
  fileRows: readText,
}

export type RegistryStore = Store<RegistryTables>

/** The rows in a store. */
export function storedRows(store: RegistryStore): RegistryRows {
  function* keysUnder(prefix: string, after = ''): Iterable<string> {
    const from = after === '' ? prefix : `${prefix}${after}\0`
    for (const { key } of store.range('registryIndex', from, `${prefix}\uffff`)) yield key.slice(prefix.length)
  }
  return {
    device: (eui) => store.get('devices', eui),
    mpan: (mpan) => store.get('mpans', mpan),
    at: (premises) => [...keysUnder(premises)],
    *devices() {
      for (const { value } of store.range('devices', '', '\uffff')) yield value
    },
    deviceCount: () => store.count('devices'),
    supplyChanges: (day, after) => keysUnder(`supply/${day}/`, after),
  }
}

/** The number of the last change; 0 before the first. */
export function headOf(store: RegistryStore): number {
  const head = store.get('registryNotes', 'head')
  return typeof head === 'number' ? head : 0
}

/** Where a large change came from that was killed before its last part was written; undefined when there is none. */
export function unfinishedChange(store: RegistryStore): string | undefined {
  const from = store.get('registryNotes', 'unfinished')
  return typeof from === 'string' ? from : undefined
}

/** Registrations in the store. */
export function registrationCount(store: RegistryStore): number {
  const count = store.get('registryNotes', 'registrations')
  return typeof count === 'number' ? count : 0
}

const changeKey = (number: number) => `${number}`.padStart(12, '0')

/** Changes with a number above this one. */
export function* changesAfter(
  store: RegistryStore,
  number: number,
): Iterable<{ number: number; change: RegistryChange }> {
  for (const { key, value } of store.range('registryChanges', changeKey(number + 1), '\uffff')) {
    yield { number: Number(key), change: value }
  }
}

/** Forgets changes that the bridge has followed. */
export function forgetChanges(store: RegistryStore, numbers: readonly number[]): Promise<void> {
  return store.write((batch) => {
    for (const number of numbers) batch.remove('registryChanges', changeKey(number))
  })
}

type RegistryBatch = Batch<RegistryTables>
type Step<Row> = { before: Row | undefined; after: Row | undefined }

function writeIndex(batch: RegistryBatch, before: readonly string[], after: readonly string[]): void {
  for (const key of before) if (!after.includes(key)) batch.remove('registryIndex', key)
  for (const key of after) if (!before.includes(key)) batch.put('registryIndex', key, '')
}

function writeDevice(batch: RegistryBatch, eui: string, { before, after }: Step<Device>): void {
  if (after === undefined) batch.remove('devices', eui)
  else batch.put('devices', eui, after)
  const keysOf = (device: Device | undefined) => (device ? premisesOf(device).map((key) => `${key}${eui}`) : [])
  writeIndex(batch, keysOf(before), keysOf(after))
}

function writeMpan(batch: RegistryBatch, mpan: string, { before, after }: Step<MpanRow>): void {
  if (after === undefined) batch.remove('mpans', mpan)
  else batch.put('mpans', mpan, after)
  const keysOf = (row: MpanRow | undefined) =>
    supplyDays(row?.registrations ?? []).map((day) => `supply/${day}/${mpan}`)
  writeIndex(batch, keysOf(before), keysOf(after))
}

/** Rows that are written in one transaction. A plan of more is written in several. */
const rowsAtOnce = 2_000
/** Devices that one note names. */
const devicesPerNote = 200

export interface PlanWriting {
  from: string
  /** The Settlement Day of today. */
  day: string
  messages?: JudgedMessage[]
  /** What is written with the last part of the plan. */
  last?(batch: RegistryBatch): void
  /** Called after each transaction. */
  progress?(done: number, of: number): void
}

/** Writes a plan, and notes the change. Resolves when all is on disk. Nobody else may write the registry meanwhile. */
export async function writePlan(store: RegistryStore, plan: RowPlan, options: PlanWriting): Promise<RegistryChange> {
  const { from, day, messages, last, progress } = options
  const { lost, devices = [] } = changeByPlan(storedRows(store), plan, day)
  const judged = messages === undefined ? {} : { messages }
  const change = { from, devices: [...devices], lost: [...lost], ...countsOf(plan), ...judged }
  const rows = plan.devices.size + plan.mpans.size
  let done = 0
  const part = async (writes: readonly ((batch: RegistryBatch) => void)[]) => {
    done += writes.length
    await store.write((batch) => {
      for (const write of writes) write(batch)
      if (done < rows) return
      if (rows > 0 || messages !== undefined) noteChange(batch, headOf(store), change)
      batch.remove('registryNotes', 'unfinished')
      batch.put('registryNotes', 'registrations', registrationCount(store) + addedRegistrations(plan))
      last?.(batch)
    })
    progress?.(done, rows)
  }
  if (rows > rowsAtOnce) await store.put('registryNotes', 'unfinished', from)
  let writes: ((batch: RegistryBatch) => void)[] = []
  for (const write of writesOf(plan)) {
    writes.push(write)
    if (writes.length < rowsAtOnce) continue
    await part(writes)
    writes = []
  }
  if (writes.length > 0 || rows === 0) await part(writes)
  return change
}

/** In the order of their keys, which is what the store writes fastest. */
function* writesOf({ devices, mpans }: RowPlan): Iterable<(batch: RegistryBatch) => void> {
  for (const eui of [...devices.keys()].sort()) {
    const step = devices.get(eui)
    if (step !== undefined) yield (batch) => writeDevice(batch, eui, step)
  }
  for (const mpan of [...mpans.keys()].sort()) {
    const step = mpans.get(mpan)
    if (step !== undefined) yield (batch) => writeMpan(batch, mpan, step)
  }
}

function countsOf({ devices, mpans }: RowPlan) {
  const counts = { added: 0, altered: 0, removed: 0, mpans: mpans.size }
  for (const { before, after } of devices.values()) {
    if (before === undefined) counts.added += 1
    else if (after === undefined) counts.removed += 1
    else counts.altered += 1
  }
  return counts
}

/** How many more registrations there are after a plan. */
export function addedRegistrations({ mpans }: RowPlan): number {
  let count = 0
  for (const { before, after } of mpans.values())
    count += (after?.registrations.length ?? 0) - (before?.registrations.length ?? 0)
  return count
}

function noteChange(batch: RegistryBatch, head: number, change: RegistryChange): void {
  const losses = new Map(change.lost.map((one) => [one.eui, one]))
  let number = head
  for (let at = 0; at === 0 || at < change.devices.length; at += devicesPerNote) {
    const devices = change.devices.slice(at, at + devicesPerNote)
    const counts = at === 0 ? {} : { added: 0, altered: 0, removed: 0, mpans: 0, messages: [] }
    number += 1
    const lost = devices.flatMap((eui) => losses.get(eui) ?? [])
    batch.put('registryChanges', changeKey(number), { ...change, ...counts, devices, lost })
  }
  batch.put('registryNotes', 'head', number)
}
