// What imported files change of a registry in the store.

import { readDevice, readRegistration } from './check-registry.ts'
import type { Note } from './fields.ts'
import type { Kind, TakeRow } from './import-rows.ts'
import type { Device, Registration } from './parties.ts'
import { addRegistration, noChange, type Places, type RowChange } from './registry-plan.ts'
import { mpansOf, type RegistryRows } from './registry-rows.ts'

/** Rows that are right by themselves, and where they come from. */
export interface ImportedRows {
  devices: Device[]
  registrations: Registration[]
  places: Pick<Places, 'device' | 'registration'>
  /** Rows of each kind in the files, wrong ones included. */
  given: { [kind in Kind]: number }
}

/** Collects devices and registrations; what is wrong with a row by itself is noted. Users go to `takeUser`. */
export function collectRows(note: Note, takeUser: TakeRow): { take: TakeRow; rows: ImportedRows } {
  const devices: Device[] = []
  const registrations: Registration[] = []
  const devicePlaces: string[] = []
  const registrationPlaces: string[] = []
  const given = { users: 0, devices: 0, registrations: 0 }
  return {
    take(kind, row, place) {
      given[kind] += 1
      // `devices.csv:3.eui` is shown as `devices.csv:3 eui`.
      const noteField: Note = (at, problem) => note(at.replace(`${place}.`, `${place} `), problem)
      if (kind === 'users') takeUser(kind, row, place)
      else if (kind === 'devices') {
        devices.push(readDevice(row, place, noteField))
        devicePlaces.push(place)
      } else {
        registrations.push(readRegistration(row, place, noteField))
        registrationPlaces.push(place)
      }
    },
    rows: {
      devices,
      registrations,
      given,
      places: {
        device: (row) => devicePlaces[devices.indexOf(row)] ?? '',
        registration: (row) => registrationPlaces[registrations.indexOf(row)] ?? '',
      },
    },
  }
}

/** The change. `replace`: rows of a kind that the files have replace all others of it. */
export function importChange(
  { devices, registrations, places }: ImportedRows,
  base: RegistryRows,
  how: 'replace' | 'merge',
  note: Note,
): RowChange {
  const change = noChange()
  for (const device of devices) {
    const other = change.devices.get(device.eui)
    if (other !== undefined)
      note(
        `${places.device(device)} eui`,
        `${device.eui} is already that of ${places.device(other)}; give each its own`,
      )
    change.devices.set(device.eui, device)
  }
  for (const row of registrations) if (row.mpan !== '') addRegistration(change, row)
  if (how === 'merge') return change
  for (const device of base.devices()) {
    if (devices.length > 0 && !change.devices.has(device.eui)) change.devices.set(device.eui, undefined)
    if (registrations.length === 0) continue
    for (const [mpan] of mpansOf(device)) {
      // A removal yields to a row of the files with the same key.
      for (const { role, from } of base.mpan(mpan)?.registrations ?? [])
        addRegistration(change, { mpan, role, from, removed: true })
    }
  }
  return change
}
