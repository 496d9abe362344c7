// The parties of a new bench: the identities of the reference test data set, its meter, and who is registered for it.

import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'
import { testIdentities } from '../pki/test-pki.ts'

/** The ESME of the reference test data set, and MPANs with a right check digit. */
export const testDevice = { eui: '00-DB-12-34-56-78-90-A0', importMpan: '1234567890126', exportMpan: '2000000000006' }

/** Registered from here on, so that readings of any age may be read. */
export const registeredFrom = '2000-01-01'

/** Who is registered for it. */
export const testRegistrations = [
  { role: 'IS', mpid: 'SUPA' },
  { role: 'ES', mpid: 'SUPA' },
  { role: 'ED', mpid: 'NETA' },
  { role: 'MDR', mpid: 'MDRA' },
] as const

const users = [
  { name: 'supplier', mpid: 'SUPA', roles: ['IS', 'ES', 'GS'] },
  { name: 'network-operator', mpid: 'NETA', roles: ['ED'] },
  { name: 'mdr', mpid: 'MDRA', roles: ['MDR'] },
  { name: 'other-user', roles: ['OU'] },
] as const

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

/**
 * Ports for callbacks, free at this moment: anywhere in a range that systems do not give to outgoing connections, so that
 * benches on one machine hardly meet.
 */
async function callbackPorts(count: number): Promise<number[]> {
  const ports = new Set<number>()
  for (let tries = 0; ports.size < count && tries < 1000; tries++) {
    const port = randomInt(18000, 28000)
    if (await isFree(port)) ports.add(port)
  }
  if (ports.size < count) throw new Error('no free ports for callbacks between 18000 and 28000')
  return [...ports]
}

/** The registry file of a new bench before it has a meter, as JSON: its Users. */
export async function testRegistry(): Promise<string> {
  const ports = await callbackPorts(users.length)
  const registry = {
    users: users.map((user, i) => ({
      ...user,
      eui: testIdentities[user.name].eui,
      status: 'active',
      callback: `http://127.0.0.1:${ports[i]}/duis/${user.name}`,
    })),
    devices: [],
    registrations: [],
  }
  return `${JSON.stringify(registry, null, 2)}\n`
}
