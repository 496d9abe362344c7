// The parties of a new bench: the identities of the reference test data set, one meter, and who is registered for it.

import { createServer } from 'node:net'
import { testIdentities } from './test-pki.ts'

/** The ESME of the reference test data set, and an MPAN with a right check digit. */
export const testDevice = { eui: '00-DB-12-34-56-78-90-A0', importMpan: '1234567890126' }

/** Registered from here on, so that readings of any age may be read. */
const from = '2000-01-01'

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

/** Ports for callbacks: free ones from 8181 on. */
async function callbackPorts(count: number): Promise<number[]> {
  const ports: number[] = []
  for (let port = 8181; ports.length < count && port < 9181; port++) if (await isFree(port)) ports.push(port)
  if (ports.length < count) throw new Error('no free ports for callbacks between 8181 and 9180')
  return ports
}

/** The registry file of a new bench, as JSON. */
export async function testRegistry(): Promise<string> {
  const ports = await callbackPorts(users.length)
  const registry = {
    users: users.map((user, i) => ({
      ...user,
      eui: testIdentities[user.name].eui,
      status: 'active',
      callback: `http://127.0.0.1:${ports[i]}/duis/${user.name}`,
    })),
    devices: [{ ...testDevice, status: 'Commissioned', line: 'default' }],
    registrations: [
      { mpan: testDevice.importMpan, role: 'IS', mpid: 'SUPA', from },
      { mpan: testDevice.importMpan, role: 'ED', mpid: 'NETA', from },
      { mpan: testDevice.importMpan, role: 'MDR', mpid: 'MDRA', from },
    ],
  }
  return `${JSON.stringify(registry, null, 2)}\n`
}
