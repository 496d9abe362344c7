// The registry of a rehearsal: its parties as Users, its meters as devices, and who is registered for which MPAN.

import type { Registry } from '../../host/access/parties.ts'
import { dayBefore } from '../../host/access/settlement-day.ts'
import { registryOf } from '../registry-of.ts'
import { isOf, type RehearsedMeter } from './population.ts'
import { type Party, rolesOfParty, type Scenario } from './scenario.ts'

/** Before every rehearsal: the Settlement Day on which the first registrations began. */
const longAgo = '2020-01-01'

/** EUI-64 of a party's User, by its place in the scenario. */
export function euiOfParty(place: number): string {
  return `90-B3-D5-1F-31-00-00-${(place + 1).toString(16).padStart(2, '0').toUpperCase()}`
}

/** Where responses to a party go. Nothing listens there: the rehearsal is the User. */
export const callbackOfParty = (name: string) => `http://127.0.0.1:1/${name}`

/** Name of the line of a meter. */
export const lineOfMeter = (eui: string) => `sim:${eui}`

function mpidOf(parties: readonly Party[], party: Party): string {
  const owner = parties.findIndex(({ name }) => name === (party.userOf ?? party.name))
  return `P${String(owner + 1).padStart(3, '0')}`
}

function userRows(parties: readonly Party[]) {
  return parties.map((party, place) => ({
    name: party.name,
    eui: euiOfParty(place),
    ...(party.role !== 'other-user' && { mpid: mpidOf(parties, party) }),
    roles: rolesOfParty[party.role],
    status: 'active',
    callback: callbackOfParty(party.name),
    ...(party.role === 'supplier' && { forSettlement: party.forSettlement }),
  }))
}

type Parties = Pick<Scenario, 'parties' | 'changes'>

/** Who holds a meter's registrations in a role, each from a day on: the first party of the role, until a change. */
function holders({ parties, changes }: Parties, role: Party['role'], meter: RehearsedMeter) {
  const first = parties.find((party) => party.role === role && party.userOf === undefined)
  if (first === undefined) return []
  const held = [{ from: longAgo, party: first }]
  const own = changes.filter((change) => change.role === role && isOf(meter, change.of))
  for (const { to, on } of own.sort((a, b) => (a.on < b.on ? -1 : 1))) {
    const party = parties.find(({ name }) => name === to)
    if (party !== undefined) held.push({ from: on, party })
  }
  return held
}

/**
 * The first and last Settlement Days for which a party is registered for a meter; undefined when it never is. A party that needs
 * no registration has all days.
 */
export function registeredDays(
  scenario: Parties,
  party: Party,
  meter: RehearsedMeter,
): { from: string; to: string } | undefined {
  if (party.role === 'other-user') return { from: longAgo, to: '9999-12-30' }
  const held = holders(scenario, party.role, meter)
  const at = held.findIndex((one) => one.party.name === (party.userOf ?? party.name))
  if (at < 0) return undefined
  const next = held[at + 1]
  return { from: held[at]!.from, to: next === undefined ? '9999-12-30' : dayBefore(next.from) }
}

/** The registry of these meters. */
export function rehearsedRegistry(scenario: Parties, meters: readonly RehearsedMeter[]): Registry {
  const { parties } = scenario
  const registrations: { [name: string]: unknown }[] = []
  for (const role of ['supplier', 'MDR', 'network-operator'] as const) {
    const importRole = role === 'supplier' ? 'IS' : role === 'MDR' ? 'MDR' : 'ED'
    const exportRole = role === 'supplier' ? 'ES' : importRole
    for (const meter of meters) {
      for (const { from, party } of holders(scenario, role, meter)) {
        const mpid = mpidOf(parties, party)
        registrations.push({ mpan: meter.importMpan, role: importRole, mpid, from })
        if (meter.exportMpan !== undefined) registrations.push({ mpan: meter.exportMpan, role: exportRole, mpid, from })
      }
    }
  }
  return registryOf({
    users: userRows(parties),
    devices: meters.map(({ eui, importMpan, exportMpan, cohort, csp }) => ({
      eui,
      importMpan,
      ...(exportMpan !== undefined && { exportMpan }),
      status: 'Commissioned',
      line: lineOfMeter(eui),
      cohort,
      csp,
      s1sp: cohort,
    })),
    registrations,
  })
}
