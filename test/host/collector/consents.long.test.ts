// What is asked at each level of consent, and at the end of an agreement; bad signatures; values that no connection carries.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openDays, openRegisters } from '../../../host/collector/kept.ts'
import type { Agreement } from '../../../host/collector/portfolio.ts'
import { createMonth } from '../../support/bench/collector-world.ts'

test('half-hourly, daily, monthly, none; an end with its closing registers', async () => {
  const month = await createMonth({ meters: 5, days: 3, seed: 4, start: '2026-10-30', silent: 0 })
  const collector = month.open()
  const imports = month.agreements().filter(({ direction }) => direction === 'import')
  const consents = ['H', 'D', 'M', 'N', 'H'] as const
  const agreements = imports.map((one, i): Agreement => {
    const agreement: Agreement = { ...one, consent: consents[i] ?? 'H', from: '2026-10-30' }
    return i === 4 ? { ...agreement, to: '2026-10-30' } : agreement
  })
  await collector.take(agreements)
  await month.until(Date.parse('2026-11-02T12:00Z'))
  const [half, daily, monthly, none, ended] = agreements.map(({ mpan }) => ({
    days: [...openDays(month.store, { key: month.key }, mpan)].length,
    registers: openRegisters(month.store, { key: month.key }, mpan).map(({ stampMs }) =>
      new Date(stampMs).toISOString(),
    ),
  }))
  assert.equal(half?.registers.length, 3)
  assert.equal([half?.days, daily?.days, monthly?.days, none?.days, ended?.days], [3, 0, 0, 0, 1])
  assert.equal(daily?.registers, ['2026-10-30T00:00:00.000Z', '2026-10-31T00:00:00.000Z', '2026-11-01T00:00:00.000Z'])
  assert.is(monthly?.registers.length, 1)
  assert.match(monthly?.registers[0] ?? '', /^2026-11-01T0[0-5]:/)
  assert.equal(none?.registers, [])
  assert.equal(ended?.registers, ['2026-10-30T00:00:00.000Z', '2026-10-31T00:00:00.000Z'])
  const onDemand = month.sent.filter(({ srv }) => /^4\./.test(srv)).map(({ srv, device }) => [srv, device])
  assert.equal(onDemand, [
    ['4.6.1', agreements[4]?.device],
    ['4.1.1', agreements[2]?.device],
  ])
  // A portfolio without the end does not take it back.
  await collector.take(agreements.slice(4).map(({ to: _, ...open }) => open))
  assert.is([...collector.works()][4]?.row.agreement.to, '2026-10-30')
  // No schedule goes on after an end.
  const schedules = [...month.bridge.schedules.schedules.all()].map(({ details }) => details)
  assert.equal(
    schedules.filter(({ deviceEui }) => deviceEui === agreements[4]?.device),
    [],
  )
  await month.close()
})

test('a response that was changed on its way is refused, and nothing of it is kept', async () => {
  const month = await createMonth({ meters: 1, days: 2, seed: 5, start: '2026-11-03', silent: 0 })
  const collector = month.open()
  await collector.take(month.agreements())
  let refused = 0
  month.onTheWay((xml) => {
    if (!xml.includes('PrimaryValue>') || refused > 0) return xml
    refused += 1
    return xml.replace(/PrimaryValue>(\d+)</, 'PrimaryValue>9$1<')
  })
  await month.until(Date.parse('2026-11-06T12:00Z'))
  assert.is(refused, 1)
  assert.ok(month.events.some(({ event }) => event === 'response refused'))
  const { wrong, missing } = month.compare(Date.parse('2026-11-05T00:00Z'))
  assert.equal([wrong, missing], [0, []])
  await month.close()
})

test('a value that no connection carries is kept and flagged', async () => {
  const month = await createMonth({ meters: 1, days: 2, seed: 6, start: '2026-11-03', silent: 0 })
  const collector = month.open(undefined, { flagAboveWh: 30 })
  await collector.take(month.agreements())
  await month.until(Date.parse('2026-11-05T12:00Z'))
  const { wrong, missing } = month.compare(Date.parse('2026-11-05T00:00Z'))
  assert.equal([wrong, missing], [0, []])
  const days = [...collector.works()].flatMap(({ row }) => [
    ...openDays(month.store, { key: month.key }, row.agreement.mpan),
  ])
  const flags = days.flatMap(({ kept }) => kept.flags)
  assert.ok(flags.length > 10)
  assert.ok(flags.every(({ why, wh }) => why === 'more than a connection carries' && wh > 30))
  await month.close()
})

test.run()
