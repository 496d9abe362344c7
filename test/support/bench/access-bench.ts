// Parties and requests for the tests of access control.

import { decide, explain, type Refused } from '../../../host/access/access-control.ts'
import { checkRegistry } from '../../../host/access/check-registry.ts'
import type { DeviceStatus } from '../../../host/access/parties.ts'
import { srvRow } from '../../../host/catalogue/srv-table.ts'
import { requestIdOf } from '../../../host/duis/request.ts'

const importMpan = '1234567890126'
export const exportMpan = '2000000000006'
export const esme = '00-DB-12-34-56-78-90-A0'
/** A device that has no export MPAN. */
export const importOnly = '00-DB-12-34-56-78-90-A1'
export const at = (text: string) => Date.parse(text)
export const nowMs = at('2026-11-22T08:00Z')
export const readImportProfile = srvRow('4.8.1')!
export const readExportProfile = srvRow('4.8.3')!

export const users = {
  supplier: '90-B3-D5-1F-30-01-00-00',
  network: '90-B3-D5-1F-30-02-00-00',
  mdrA: '90-B3-D5-1F-30-01-00-09',
  mdrB: '90-B3-D5-1F-30-01-00-0A',
  other: '00-DB-12-34-56-78-00-04',
  gas: '90-B3-D5-1F-30-01-00-0B',
  agent: '90-B3-D5-1F-30-01-00-0C',
  both: '90-B3-D5-1F-30-01-00-0D',
  suspended: '90-B3-D5-1F-30-01-00-0E',
}
export type Who = keyof typeof users

function user(who: Who, mpid: string | undefined, list: string[], status = 'active') {
  return { eui: users[who], name: who, mpid, roles: list, status, callback: 'http://127.0.0.1:8081/' }
}

export const row = (role: string, mpid: string, from: string, to?: string, mpan = importMpan) => ({
  mpan,
  role,
  mpid,
  from,
  to,
})

export function registryWith(registrations: ReturnType<typeof row>[], status: DeviceStatus = 'Commissioned') {
  const line = 'tcp://127.0.0.1:4059'
  const checked = checkRegistry({
    users: [
      user('supplier', 'SUPA', ['IS']),
      user('network', 'EELC', ['ED']),
      user('mdrA', 'MDRA', ['MDR']),
      user('mdrB', 'MDRB', ['MDR']),
      user('other', undefined, ['OU']),
      user('gas', 'GASA', ['GS', 'GT']),
      user('agent', 'AGTA', ['RSA']),
      user('both', 'SUPB', ['IS', 'MDR']),
      user('suspended', 'SUPA', ['IS'], 'suspended'),
    ],
    devices: [
      { eui: esme, importMpan, exportMpan, status, line },
      { eui: importOnly, importMpan: '1012345678903', status, line },
    ],
    registrations,
  })
  if (!checked.ok) throw new Error(checked.problems.join('\n'))
  return checked.registry
}

export const usual = registryWith([
  row('IS', 'SUPA', '2020-01-01'),
  row('ED', 'EELC', '2010-01-01'),
  row('MDR', 'MDRA', '2024-01-01'),
])

export function request(who: Who | string, start: string, end: string, target = esme) {
  const originator = users[who as Who] ?? who
  return { requestId: requestIdOf(originator, target, 1000n), period: { startMs: at(start), endMs: at(end) } }
}

export const lastWeek = ['2026-11-14T00:00Z', '2026-11-21T00:00Z'] as const

export function refusal(...given: Parameters<typeof decide>): Refused {
  const decision = decide(...given)
  if (decision.allowed) throw new Error(explain(decision))
  return decision
}
