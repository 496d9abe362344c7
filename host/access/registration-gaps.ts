// Settlement Days on which nobody is registered. A registry may have such gaps; they are reported as warnings.

import { type Device, type RegistrationRole, type Registry, registrationRoles } from './parties.ts'
import { dayAfter, dayBefore } from './settlement-day.ts'

/** Days without a registration. Without `from`: from the beginning. Without `to`: without an end. */
export interface Gap {
  mpan: string
  role: RegistrationRole
  from?: string
  to?: string
}

/**
 * The gaps of these devices: between the records of each MPAN and role; for suppliers and MDRs also MPANs without any record, and the time
 * after the last record: each MPAN always has an associated MDRA (SECMP0162 preliminary impact assessment, requirement 1), and that
 * each has a supplier is assumed.
 */
export function gapsOf(registry: Registry, devices: Iterable<Device> = registry.devices): Gap[] {
  const gaps: Gap[] = []
  for (const { importMpan, exportMpan } of devices) {
    if (importMpan !== undefined) addGaps(registry, importMpan, 'IS', gaps)
    if (exportMpan !== undefined) addGaps(registry, exportMpan, 'ES', gaps)
  }
  return gaps
}

function addGaps(registry: Registry, mpan: string, supplier: 'IS' | 'ES', gaps: Gap[]): void {
  for (const role of registrationRoles) {
    const always = role === supplier || role === 'MDR'
    const records = registry.registrations(mpan, role)
    if (records.length === 0) {
      if (always) gaps.push({ mpan, role })
      continue
    }
    records.forEach(({ until }, index) => {
      const next = records[index + 1]
      if (until === undefined) return
      const from = dayAfter(until)
      if (next === undefined) {
        if (always) gaps.push({ mpan, role, from })
      } else if (next.from > from) gaps.push({ mpan, role, from, to: dayBefore(next.from) })
    })
  }
}

export function textOfGap({ mpan, role, from, to }: Gap): string {
  const days =
    from === undefined
      ? 'on any day'
      : to === undefined
        ? `from ${from} on`
        : from === to
          ? `on ${from}`
          : `from ${from} to ${to}`
  return `nobody is registered as ${role} of MPAN ${mpan} ${days}`
}
