// Every role x every Service Request Variant x every state of registration x every kind of day, against the documents'
// tables. The tables are written down here once more, from the documents, and what is expected is worked out from them.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { defaultAccessPolicy } from '../../host/access/access-control.ts'
import { checkRegistry } from '../../host/access/check-registry.ts'
import type { Registry } from '../../host/access/parties.ts'
import { dayAfter, dayBefore, settlementDayBounds } from '../../host/access/settlement-day.ts'
import { whatIf } from '../../host/access/what-if.ts'
import { type Role, roles } from '../../host/catalogue/role.ts'
import { srvRow, srvTable } from '../../host/catalogue/srv-table.ts'
import { requestIdOf } from '../../host/duis/request.ts'

const esme = '00-DB-12-34-56-78-90-A0'
const importMpan = '1234567890126'
const exportMpan = '2000000000006'

/**
 * Table 2 of the SECMP0162 preliminary impact assessment (what an MDR may send), Table 3 (what SMETS1 does not have),
 * the base matrix of DUIS for the other roles; GS and GT send theirs to gas meters. Import services go by the import
 * MPAN, export services by the export MPAN.
 */
const tables: { [variant: string]: { may: string; mpan?: 'import' | 'export'; period?: true; notOnSmets1?: true } } = {
  '4.1.1': { may: 'IS ED MDR', mpan: 'import' },
  '4.2': { may: 'ES ED MDR', mpan: 'export' },
  '4.6.1': { may: 'IS MDR', mpan: 'import', period: true },
  '4.6.2': { may: 'ES MDR', mpan: 'export', period: true, notOnSmets1: true },
  '4.8.1': { may: 'IS ED OU MDR', mpan: 'import', period: true },
  '4.8.3': { may: 'ES ED OU MDR', mpan: 'export', period: true },
  '4.17': { may: 'IS ED OU MDR', mpan: 'import', period: true, notOnSmets1: true },
  '5.1': { may: 'IS ES GS ED GT OU MDR' },
  '5.2': { may: 'IS ES GS ED GT OU MDR' },
  '5.3': { may: 'IS ES GS ED GT OU MDR' },
  '8.2': { may: 'IS ES GS RSA ED GT OU MDR' },
}

/** The day on which a change of party takes effect: in winter, in summer, on both days of the clocks. */
const effectiveFrom = ['2026-01-15', '2026-07-01', '2026-03-29', '2026-10-25']

/** States of registration around an EFD, for the role and MPAN in question. `holds`: whether A may ask about a day. */
const states: {
  name: string
  rows(efd: string): { mpid: string; from: string; to?: string }[]
  holds(day: string, efd: string): boolean
}[] = [
  { name: 'nobody', rows: () => [], holds: () => false },
  { name: 'A for good', rows: () => [{ mpid: 'PTYA', from: '2020-01-01' }], holds: () => true },
  { name: 'another party', rows: () => [{ mpid: 'PTYB', from: '2020-01-01' }], holds: () => false },
  {
    name: 'A outgoing, its ETD not given',
    rows: (efd) => [
      { mpid: 'PTYA', from: '2020-01-01' },
      { mpid: 'PTYB', from: efd },
    ],
    holds: (day, efd) => day < efd,
  },
  {
    name: 'A outgoing, with its ETD',
    rows: (efd) => [
      { mpid: 'PTYA', from: '2020-01-01', to: dayBefore(efd) },
      { mpid: 'PTYB', from: efd },
    ],
    holds: (day, efd) => day < efd,
  },
  {
    name: 'A incoming',
    rows: (efd) => [
      { mpid: 'PTYB', from: '2020-01-01' },
      { mpid: 'PTYA', from: efd },
    ],
    holds: (day, efd) => day >= efd,
  },
  {
    name: 'A ended, nobody follows',
    rows: (efd) => [{ mpid: 'PTYA', from: '2020-01-01', to: dayBefore(efd) }],
    holds: (day, efd) => day < efd,
  },
  {
    name: 'A away for one day',
    rows: (efd) => [
      { mpid: 'PTYA', from: '2020-01-01', to: dayBefore(efd) },
      { mpid: 'PTYB', from: efd, to: efd },
      { mpid: 'PTYA', from: dayAfter(efd) },
    ],
    holds: (day, efd) => day !== efd,
  },
]

/** Settlement Days asked about, from the first to the last. */
const windows: { name: string; days(efd: string): [string, string] }[] = [
  { name: 'the day before', days: (efd) => [dayBefore(efd), dayBefore(efd)] },
  { name: 'the day itself', days: (efd) => [efd, efd] },
  { name: 'the day after', days: (efd) => [dayAfter(efd), dayAfter(efd)] },
  { name: 'both sides', days: (efd) => [dayBefore(efd), dayAfter(efd)] },
]

function registryFor(
  role: Role,
  mpan: 'import' | 'export',
  rows: { mpid: string; from: string; to?: string }[],
): Registry {
  const registered =
    !['OU', 'GS', 'GT'].includes(role) && !(role === 'IS' && mpan === 'export') && !(role === 'ES' && mpan === 'import')
  const checked = checkRegistry({
    users: ['A', 'B'].map((letter, i) => ({
      eui: `90-B3-D5-1F-30-01-00-0${i}`,
      name: letter,
      mpid: `PTY${letter}`,
      roles: [role],
      status: 'active',
      callback: 'http://127.0.0.1:1/',
    })),
    devices: [{ eui: esme, importMpan, exportMpan, status: 'Commissioned', line: 'default' }],
    registrations: registered
      ? rows.map((row) => ({ mpan: mpan === 'import' ? importMpan : exportMpan, role, ...row }))
      : [],
  })
  if (!checked.ok) throw new Error(checked.problems.join('\n'))
  return checked.registry
}

function expectedCode(
  variant: string,
  role: Role,
  holds: (day: string) => boolean,
  [first, last]: [string, string],
): string {
  const table = tables[variant]!
  if (!table.may.split(' ').includes(role)) return 'E2'
  if (table.mpan === undefined) return 'I99'
  for (let day = first; day <= last; day = dayAfter(day)) {
    if (role !== 'OU' && !holds(day)) return 'E4'
  }
  return table.notOnSmets1 ? 'E11' : 'I99'
}

/** A read of the daily read log is of midnights UTC; the other reads with a period are of half-hours. */
const isOfMidnights = (variant: string) => srvRow(variant)!.channels === undefined

/**
 * The Settlement Days that a closed window targets, in the order in which they are tried. Half-hours: also the day before, of
 * which the first entry is the last half-hour; then without it. Midnights (4.6.1): those that begin at them, but the last,
 * which closes the day before; a single one may be read by either party of a change (assumption).
 */
function targetedDays(variant: string, days: [string, string], startMs: number, endMs: number): [string, string][] {
  if (!isOfMidnights(variant)) return [[dayBefore(days[0]), days[1]], days]
  const found: string[] = []
  for (let day = dayBefore(days[0]); day <= dayAfter(days[1]); day = dayAfter(day)) {
    const midnightMs = Date.parse(`${day}T00:00Z`)
    if (midnightMs >= startMs && midnightMs <= endMs) found.push(day)
  }
  const [first, last] = [found[0]!, found.at(-1)!]
  if (first !== last) return [[first, dayBefore(last)]]
  return [
    [first, first],
    [dayBefore(first), dayBefore(first)],
  ]
}

test('the tables here and the SRV table name the same variants', () => {
  const others = srvTable.filter(({ variant }) => tables[variant] === undefined)
  // Variants beyond table 2 are not for an MDR.
  for (const { variant, roles: may } of others) assert.not.ok(may.includes('MDR'), variant)
  for (const variant of Object.keys(tables)) assert.ok(srvRow(variant), variant)
})

test('every role, variant, state of registration and day is decided as the tables say', () => {
  let cases = 0
  for (const [variant, table] of Object.entries(tables)) {
    const row = srvRow(variant)!
    for (const role of roles) {
      for (const efd of effectiveFrom) {
        for (const state of states) {
          const registry = registryFor(role, table.mpan ?? 'import', state.rows(efd))
          for (const window of windows) {
            const days = window.days(efd)
            const startMs = settlementDayBounds(days[0]).startMs
            const endMs = settlementDayBounds(days[1]).endMs
            const requestId = requestIdOf('90-B3-D5-1F-30-01-00-00', esme, 1n)
            // A read without a period is about the day on which it is sent; one of half-hours is never about that day.
            const asked = table.period ? { requestId, period: { startMs, endMs } } : { requestId }
            const nowMs = table.period ? Date.UTC(2027, 5, 1) : startMs
            const holds = (day: string) => state.holds(day, efd)
            const ways = table.period
              ? targetedDays(variant, days, startMs, endMs)
              : [[days[0], days[0]] as [string, string]]
            // A refusal names a day of the window itself.
            const own = table.period && !isOfMidnights(variant) ? days : ways[0]!
            const targeted = ways.find((way) => expectedCode(variant, role, holds, way) !== 'E4') ?? own
            const said = whatIf(asked, nowMs, registry, row, defaultAccessPolicy)
            const name = `${variant} as ${role}, ${state.name}, EFD ${efd}, ${window.name}`
            const expected = expectedCode(variant, role, holds, targeted)
            assert.is(said.code, expected, `${name}: ${said.text}`)
            assert.is(said.allowed, expected === 'I99', name)
            if (expected === 'E4') {
              let first = targeted[0]
              while (holds(first)) first = dayAfter(first)
              assert.is(said.day, first, name)
              for (const record of said.records) assert.is(record.mpid, 'PTYB', name)
            }
            if (expected === 'I99' && table.mpan !== undefined) {
              assert.equal(said.days, { first: targeted[0], last: targeted[1] }, name)
              for (const record of said.records) assert.is(record.mpid, 'PTYA', name)
              assert.is(said.records.length > 0, role !== 'OU', name)
            }
            cases += 1
          }
        }
      }
    }
  }
  assert.is(cases, 11 * 8 * 4 * 8 * 4)
})

test('to the half-hour: the outgoing party gets nothing of the day from local midnight on, the incoming nothing before', () => {
  const halfHourMs = 1800000
  for (const efd of effectiveFrom) {
    const changeMs = settlementDayBounds(efd).startMs
    for (const [variant, table] of Object.entries(tables)) {
      if (!table.period || isOfMidnights(variant)) continue
      const state = states.find(({ name }) => name === 'A incoming')!
      const registry = registryFor('MDR', table.mpan!, state.rows(efd))
      const incoming = '90-B3-D5-1F-30-01-00-00'
      const outgoing = '90-B3-D5-1F-30-01-00-01'
      const done = table.notOnSmets1 ? 'service' : 'registration'
      const ask = (eui: string, startMs: number, endMs: number) => {
        const requestId = requestIdOf(eui, esme, 1n)
        return whatIf(
          { requestId, period: { startMs, endMs } },
          Date.UTC(2027, 0, 1),
          registry,
          srvRow(variant)!,
          defaultAccessPolicy,
        )
      }
      assert.is(ask(outgoing, changeMs - halfHourMs, changeMs).rule, done)
      assert.is(ask(outgoing, changeMs, changeMs + halfHourMs).code, 'E4', `${variant} ${efd}`)
      assert.is(ask(outgoing, changeMs - halfHourMs, changeMs + halfHourMs).day, efd)
      assert.is(ask(incoming, changeMs - halfHourMs, changeMs).code, 'E4')
      assert.is(ask(incoming, changeMs, changeMs + halfHourMs).rule, done)
    }
  }
})

test('an MDR with a registration of the import MPAN only gets nothing of the export MPAN, and the other way round', () => {
  for (const [variant, table] of Object.entries(tables)) {
    if (table.mpan === undefined) continue
    const other = table.mpan === 'import' ? 'export' : 'import'
    const registry = registryFor('MDR', other, [{ mpid: 'PTYA', from: '2020-01-01' }])
    const request = {
      requestId: requestIdOf('90-B3-D5-1F-30-01-00-00', esme, 1n),
      period: { startMs: Date.UTC(2026, 5, 1), endMs: Date.UTC(2026, 5, 2) },
    }
    assert.is(
      whatIf(request, Date.UTC(2026, 6, 1), registry, srvRow(variant)!, defaultAccessPolicy).code,
      'E4',
      variant,
    )
  }
})

test('a window that ends before it begins is refused in the what-if as the bridge refuses it', () => {
  const requestId = requestIdOf('90-B3-D5-1F-30-01-00-00', esme, 1n)
  const registry = registryFor('MDR', 'import', [{ mpid: 'PTYA', from: '2020-01-01' }])
  const period = { startMs: Date.UTC(2026, 5, 2), endMs: Date.UTC(2026, 5, 1) }
  const said = whatIf({ requestId, period }, Date.UTC(2026, 6, 1), registry, srvRow('4.8.1')!, defaultAccessPolicy)
  assert.is(said.code, 'E49')
  assert.is(said.rule, 'message')
  assert.not.ok(said.allowed)
  const none = { ...period, endMs: period.startMs }
  const codes = { ...defaultAccessPolicy.codes, period: 'E48' }
  const ask = (window: typeof period) =>
    whatIf({ requestId, period: window }, 0, registry, srvRow('4.8.1')!, { ...defaultAccessPolicy, codes }).code
  assert.equal([ask(period), ask(none)], ['E48', 'I99'])
})

test.run()
