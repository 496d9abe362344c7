// Where each half-hour of a response came from, from the bridge's line to the table, the CSV and the JSON.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { midnight } from '../../../emulation/bench.ts'
import { exportParties } from '../../../emulation/bench-parties.ts'
import { readSources, sourceRuns, sourcesLine } from '../../../host/cli/read-sources.ts'
import { dataCsv, dataJson, dataTable } from '../../../host/cli/show-response.ts'
import { dayMs, halfHourMs } from '../../../protocol/half-hour.ts'
import { createBench } from '../../support/bench/checked-bench.ts'

test('half-hours from the meter and from the cache, of two channels, and daily reads', async () => {
  const b = await createBench({ days: 4, parties: exportParties(), othersOf: () => [3, 4, 5] })
  const ask = async (name: 'supplier' | 'mdr', variant: string, startMs: number) => {
    await b.ask(name, { serviceReferenceVariant: variant, period: { startMs, endMs: midnight } })
    const { response, explanation } = b.callbacks.at(-1)!
    return { response, sources: readSources(explanation) }
  }
  for (const variant of ['4.8.1', '4.8.3']) {
    await ask('supplier', variant, midnight - dayMs)
    const { response, sources } = await ask('mdr', variant, midnight - dayMs - 2 * halfHourMs)
    assert.equal([...sources.keys()].sort(), response.entries!.map(({ stampMs }) => stampMs).sort())
    assert.is(sourcesLine(sources), '2 from the meter, 49 from the cache')
    const rows = dataCsv(response, sources).trim().split('\n')
    assert.match(rows[0]!, /^timestamp,.*,source$/)
    assert.match(rows[2]!, /,meter$/)
    assert.match(rows[3]!, /,cache$/)
    const { entries } = dataJson(response, sources) as { entries: { source: string }[] }
    assert.equal([entries[1]!.source, entries[2]!.source], ['meter', 'cache'])
    assert.equal(sourceRuns(sources), [
      '  2026-11-20T23:00:00Z to 2026-11-20T23:30:00Z: 2 from the meter\n',
      '  2026-11-21T00:00:00Z to 2026-11-22T00:00:00Z: 49 from the cache\n',
    ])
  }
  await ask('supplier', '4.6.1', midnight - dayMs)
  const { response, sources } = await ask('mdr', '4.6.1', midnight - 2 * dayMs)
  assert.is(sourcesLine(sources), '1 from the meter, 2 from the cache')
  assert.match(dataCsv(response, sources), /2026-11-20T00:00:00Z,.*,meter\n2026-11-21T00:00:00Z,.*,cache\n/)
})

test('stamps at the start of the half-hour: sources, table and CSV by the stamps of the response', async () => {
  const parties = exportParties()
  Object.assign(parties.devices[0]!, { stamps: 'start' })
  const b = await createBench({ days: 4, parties })
  await b.ask('supplier', { period: { startMs: midnight - dayMs - 4 * halfHourMs, endMs: midnight - dayMs } })
  const { response, explanation } = b.callbacks[0]!
  const sources = readSources(explanation, 'start')
  const stamps = response.entries!.map(({ stampMs }) => stampMs)
  assert.equal([stamps.length, stamps[0], stamps.at(-1)], [5, midnight - dayMs - 4 * halfHourMs, midnight - dayMs])
  assert.equal([...sources.keys()].sort(), stamps)
  assert.match(dataCsv(response, sources), /2026-11-20T22:00:00Z,\d+,meter\n/)
  const table = dataTable(response, 'start')
  assert.match(table, /2026-11-21 00:00 to 00:30: \d+ Wh; [\s\S]*2026-11-20 .*4 of 48/)
  assert.match(table, /Wh by start of half-hour[\s\S]*\n {2}20:00 /)
})

test('nothing known: the shapes stay as they were; a line that was cut off ends early', () => {
  assert.is(readSources(undefined).size, 0)
  assert.is(readSources('allowed: because').size, 0)
  assert.is(readSources('sources: active-import 2026-11-21T00:00:00.000Z 3m2c1').size, 5)
  assert.is(readSources('sources: active-import nonsense 3m; ; x').size, 0)
  assert.is(dataCsv({ entries: [{ stampMs: midnight, wh: 1 }] }), 'timestamp,wh\n2026-11-22T00:00:00Z,1\n')
})

test.run()
