// Whether an MDR reads export by its own appointment, or by that of the import MPAN of the same meter.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { registryOf } from '../../../emulation/registry-of.ts'
import { type AccessPolicy, decide, defaultAccessPolicy } from '../../../host/access/access-control.ts'
import { srvRow } from '../../../host/catalogue/srv-table.ts'
import { requestIdOf } from '../../../host/duis/request.ts'
import { dayMs } from '../../../protocol/half-hour.ts'

const mdr = '90-B3-D5-1F-30-01-00-09'
const supplier = '90-B3-D5-1F-30-01-00-00'
const meter = '00-DB-12-34-56-78-90-A0'
const exportOnly = '00-DB-12-34-56-78-90-A1'
const importMpan = '1234567890126'
const exportMpan = '2000000000006'
const otherExport = '1012345678903'

const registry = registryOf({
  users: [
    { eui: mdr, name: 'mdr', mpid: 'MDRA', roles: ['MDR'], status: 'active' },
    { eui: supplier, name: 'supplier', mpid: 'SUPA', roles: ['ES'], status: 'active' },
  ],
  devices: [
    { eui: meter, importMpan, exportMpan, status: 'Commissioned', line: 'default' },
    { eui: exportOnly, exportMpan: otherExport, status: 'Commissioned', line: 'default' },
  ],
  registrations: [
    { mpan: importMpan, role: 'MDR', mpid: 'MDRA', from: '2026-06-01' },
    { mpan: otherExport, role: 'MDR', mpid: 'MDRA', from: '2026-06-01' },
    { mpan: exportMpan, role: 'MDR', mpid: 'MDRB', from: '2020-01-01' },
  ],
})

function asked(user: string, device: string, exportRights: AccessPolicy['exportRights'], day = '2026-07-10'): string {
  const row = srvRow('4.8.3')
  assert.ok(row)
  const startMs = Date.parse(`${day}T00:30Z`)
  const request = { requestId: requestIdOf(user, device, 1n), period: { startMs, endMs: startMs + dayMs / 4 } }
  const decision = decide(request, startMs + 30 * dayMs, registry, row!, { ...defaultAccessPolicy, exportRights })
  return decision.allowed ? 'allowed' : decision.code
}

test('by its own appointment, unless set', () => {
  assert.is(asked(mdr, meter, 'own'), 'E4')
  assert.is(asked(mdr, exportOnly, 'own'), 'allowed')
})

test('by that of the import MPAN of the same meter, for its days; an export MPAN alone has its own', () => {
  assert.is(asked(mdr, meter, 'import'), 'allowed')
  assert.is(asked(mdr, meter, 'import', '2026-05-10'), 'E4')
  assert.is(asked(mdr, exportOnly, 'import'), 'allowed')
  assert.is(asked(supplier, meter, 'import'), 'E4', 'suppliers have export registrations of their own')
})

test.run()
