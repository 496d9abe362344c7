// Who is registered on a bench: the Users of the reference test data set, and one meter.

import { type TestIdentityName, testIdentities } from '../host/pki/test-pki.ts'

export const esme = '00-DB-12-34-56-78-90-A0'
export const mpan = '1234567890126'

/** Address of a User that is a part of the bench. Nothing listens there. */
export const callbackOf = (name: string) => `http://127.0.0.1:1/${name}`

function userOf(name: TestIdentityName, roles: string[], mpid?: string) {
  const { eui } = testIdentities[name]
  return { name, eui, ...(mpid && { mpid }), roles, status: 'active', callback: callbackOf(name) }
}

/** The registry of a bench, to be changed by a test before it is used. */
export function testParties() {
  return {
    users: [
      userOf('supplier', ['IS', 'GS'], 'SUPA'),
      userOf('network-operator', ['ED'], 'NETA'),
      userOf('mdr', ['MDR'], 'MDRA'),
      userOf('other-user', ['OU']),
    ] as { [name: string]: unknown }[],
    devices: [{ eui: esme, importMpan: mpan, status: 'Commissioned', line: 'default' }],
    registrations: [
      { mpan, role: 'IS', mpid: 'SUPA', from: '2020-01-01' },
      { mpan, role: 'ED', mpid: 'NETA', from: '2020-01-01' },
      { mpan, role: 'MDR', mpid: 'MDRA', from: '2020-01-01' },
    ] as { [name: string]: unknown }[],
  }
}

export const exportMpan = '1012345678903'

/** The same, with an export MPAN for which the supplier, the network operator and the MDR are registered too. */
export function exportParties() {
  const parties = testParties()
  Object.assign(parties.devices[0]!, { exportMpan })
  Object.assign(parties.users[0]!, { roles: ['IS', 'ES', 'GS'] })
  const from = '2020-01-01'
  parties.registrations.push(
    { mpan: exportMpan, role: 'ES', mpid: 'SUPA', from },
    { mpan: exportMpan, role: 'ED', mpid: 'NETA', from },
    { mpan: exportMpan, role: 'MDR', mpid: 'MDRA', from },
  )
  return parties
}
