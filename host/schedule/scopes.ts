// Settings that differ by party and by part of the estate: windows and retries. A scope names for whom a setting is:
//
//   default              everybody else
//   MDR                  traffic for settlement (windows), or a User Role (retries)
//   NAME                 devices of an S1SP
//   csp:NAME             devices of a CSP
//   cohort:NAME          devices of a cohort
//   MDR/NAME, …          both: a role, then one of the three above
//
// The most specific scope that has a setting applies: with the role before without, cohort before S1SP before CSP.

import { type DeviceDetails, deviceDefaults } from '../access/device-details.ts'
import { roles } from '../catalogue/role.ts'

type Placed = Pick<DeviceDetails, 's1sp' | 'csp' | 'cohort'>

/** The scopes that a device and a role fall under, the most specific first. */
export function scopesOf(role: string | undefined, { s1sp = deviceDefaults.s1sp, csp, cohort }: Placed): string[] {
  const places = [
    ...(cohort === undefined ? [] : [`cohort:${cohort}`]),
    s1sp,
    ...(csp === undefined ? [] : [`csp:${csp}`]),
  ]
  const ofRole = role === undefined ? [] : [...places.map((place) => `${role}/${place}`), role]
  return [...ofRole, ...places, 'default']
}

/** What applies, or undefined when nothing does. */
export function inScope<T>(settings: { [scope: string]: T }, scopes: readonly string[]): T | undefined {
  const found = scopes.find((scope) => Object.hasOwn(settings, scope))
  return found === undefined ? undefined : settings[found]
}

/** Names of a scope that no device of a registry has, in words; none when it can apply. */
export function unknownScope(scope: string, devices: readonly Placed[]): string | undefined {
  const [first = '', ...rest] = scope.split('/')
  const isRole = roles.some((role) => role === first)
  if (scope === 'default' || (isRole && rest.length === 0)) return undefined
  const place = isRole ? rest.join('/') : scope
  const [, kind, name = place] = /^(csp|cohort):(.*)$/.exec(place) ?? []
  const names = new Set(
    devices.flatMap((device) => {
      const value =
        kind === 'csp' ? device.csp : kind === 'cohort' ? device.cohort : (device.s1sp ?? deviceDefaults.s1sp)
      return value === undefined ? [] : [value]
    }),
  )
  if (names.has(name)) return undefined
  const what = kind === 'csp' ? 'CSP' : kind === 'cohort' ? 'cohort' : 'S1SP'
  return `no device has the ${what} "${name}"; there ${names.size === 0 ? 'is none' : `are ${[...names].sort().join(', ')}`}`
}
