// Every role, every Service Request to a device, every state of registration: who is allowed, and with which code not.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { esme, exportMpan, exportParties, mpan } from '../../../emulation/bench-parties.ts'
import { decide } from '../../../host/access/access-control.ts'
import { checkRegistry } from '../../../host/access/check-registry.ts'
import { roles } from '../../../host/catalogue/role.ts'
import { srvRow } from '../../../host/catalogue/srv-table.ts'
import { requestIdOf } from '../../../host/duis/request.ts'
import { createBench } from '../../support/bench/checked-bench.ts'
import { eligible, table2 } from '../../support/model/impact-assessment.ts'

const user = '90-B3-D5-1F-30-01-00-00'
// Settlement Days 2026-11-18 to 2026-11-20; registers are read on 2026-11-20.
const nowMs = Date.UTC(2026, 10, 20, 12)
const period = { startMs: Date.UTC(2026, 10, 18), endMs: Date.UTC(2026, 10, 21) }

/** What is registered for one MPAN, and whether it lets the User read the window, and registers on the last day. */
const states: { [name: string]: { rows: [string, string, string?][]; window: boolean; today: boolean } } = {
  nobody: { rows: [], window: false, today: false },
  always: { rows: [['MINE', '2020-01-01']], window: true, today: true },
  'exactly these days': { rows: [['MINE', '2026-11-18', '2026-11-20']], window: true, today: true },
  another: { rows: [['ELSE', '2020-01-01']], window: false, today: false },
  'from the second day': {
    rows: [
      ['ELSE', '2020-01-01'],
      ['MINE', '2026-11-19'],
    ],
    window: false,
    today: true,
  },
  'up to the second day': {
    rows: [
      ['MINE', '2020-01-01'],
      ['ELSE', '2026-11-20'],
    ],
    window: false,
    today: false,
  },
  'with a day between': {
    rows: [
      ['MINE', '2020-01-01', '2026-11-18'],
      ['MINE', '2026-11-20'],
    ],
    window: false,
    today: true,
  },
  'in two records': {
    rows: [
      ['MINE', '2020-01-01', '2026-11-18'],
      ['MINE', '2026-11-19'],
    ],
    window: true,
    today: true,
  },
  'in the future': { rows: [['MINE', '2026-11-21']], window: false, today: false },
  'in the past': { rows: [['MINE', '2020-01-01', '2026-11-17']], window: false, today: false },
}

/** Roles that registration data can name for an import or an export MPAN. */
const registrable = { import: ['IS', 'RSA', 'ED', 'MDR'], export: ['ES', 'RSA', 'ED', 'MDR'] }

function registryOf(role: string, importRows: [string, string, string?][], exportRows: [string, string, string?][]) {
  const rows = (which: string, kind: 'import' | 'export', list: [string, string, string?][]) =>
    registrable[kind].includes(role)
      ? list.map(([mpid, from, to]) => ({ mpan: which, role, mpid, from, ...(to && { to }) }))
      : []
  const checked = checkRegistry({
    users: [
      { eui: user, name: 'asker', mpid: 'MINE', roles: [role], status: 'active', callback: 'http://127.0.0.1:1/' },
    ],
    devices: [{ eui: esme, importMpan: mpan, exportMpan, status: 'Commissioned', line: 'default' }],
    registrations: [...rows(mpan, 'import', importRows), ...rows(exportMpan, 'export', exportRows)],
  })
  if (!checked.ok) throw new Error(checked.problems.join('\n'))
  return checked.registry
}

test('role x SRV x registration of the import and the export MPAN', () => {
  let decisions = 0
  let allowed = 0
  for (const role of roles) {
    for (const [importName, importState] of Object.entries(states)) {
      for (const [exportName, exportState] of Object.entries(states)) {
        const registry = registryOf(role, importState.rows, exportState.rows)
        for (const [variant, list] of Object.entries(eligible)) {
          const isEligible =
            list.split(' ').includes(role) || (role === 'MDR' && table2.some(([one]) => one === variant))
          const isExport = ['4.2', '4.6.2', '4.8.3'].includes(variant)
          const state = isExport ? exportState : importState
          const hasWindow = !['4.1.1', '4.2'].includes(variant)
          const isRegistered =
            role === 'OU' ||
            (registrable[isExport ? 'export' : 'import'].includes(role) && (hasWindow ? state.window : state.today))
          const request = { requestId: requestIdOf(user, esme, 1n), ...(hasWindow && { period }) }
          const decision = decide(request, nowMs, registry, srvRow(variant)!)
          const expected = isEligible ? (isRegistered ? 'I99' : 'E4') : 'E2'
          const name = `${role} ${variant}, import: ${importName}, export: ${exportName}`
          assert.is(decision.allowed ? 'I99' : decision.code, expected, name)
          decisions += 1
          allowed += decision.allowed ? 1 : 0
        }
      }
    }
  }
  assert.is(decisions, 8 * 10 * 10 * 8)
  assert.ok(allowed > 500 && allowed < decisions / 2, `${allowed} of ${decisions}`)
})

test('through the bridge: each read of an eligible party is accepted, of each other one refused with nothing on the line', async () => {
  const b = await createBench({ days: 2, parties: exportParties() })
  const who = { supplier: ['IS', 'ES', 'GS'], 'network-operator': ['ED'], mdr: ['MDR'], 'other-user': ['OU'] } as const
  for (const [name, has] of Object.entries(who)) {
    for (const [variant, list] of Object.entries(eligible)) {
      const mayAsk = has.some(
        (role) => list.split(' ').includes(role) || (role === 'MDR' && table2.some(([one]) => one === variant)),
      )
      const before = b.line.bytes.toDevice
      const { code, why } = await b.ask(name as 'mdr', { serviceReferenceVariant: variant })
      const never = variant === '4.6.2' || variant === '4.17'
      assert.is(code, !mayAsk ? 'E2' : never ? 'E11' : 'I99', `${name} ${variant}: ${why}`)
      if (code !== 'I99') assert.is(b.line.bytes.toDevice, before)
    }
  }
  for (const { response } of b.callbacks) assert.is(response.code, 'I0')
})

test('an export read of a device without an export MPAN: E4, with that reason in the log', async () => {
  const parties = exportParties()
  delete (parties.devices[0] as { exportMpan?: string }).exportMpan
  parties.registrations = parties.registrations.filter((one) => one.mpan === mpan)
  const b = await createBench({ days: 1, parties })
  for (const variant of ['4.2', '4.8.3']) {
    const { code, why } = await b.ask('mdr', { serviceReferenceVariant: variant })
    assert.is(code, 'E4')
    assert.match(why, /not registered for the device as MDR MDRA/)
    assert.match(String(b.log.at(-1)?.reason), /no export MPAN/)
  }
})

test.run()
