// A log of requests that really arrived: what is read, what is refused, and that it is asked again at its times.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { rehearseCommand } from '../../../emulation/cli/rehearse.ts'
import { readArrivals } from '../../../emulation/rehearsal/arrivals.ts'
import { mpanOf } from '../../../host/access/mpan.ts'
import { runCommand } from '../../support/bench/run-command.ts'

const directory = mkdtempSync(join(tmpdir(), 'smets1-arrivals-'))
test.after(() => rmSync(directory, { recursive: true, force: true }))

const [one, two] = [mpanOf('200000000001'), mpanOf('200000000002')]

const log = `time,SRV,User,MPAN,from,to
2025-03-02T23:59:58Z,4.8.1,mdr,${one},,
2025-03-01T00:31:07.250Z,4.8.1,supplier,${one},2025-02-28T00:00Z,2025-03-01T00:00Z
2025-03-01 10:00:00+01:00,4.2,mdr,${two},,
2025-03-01T12:00:00Z,8.2,supplier,${two},,
`

test('times, zones, windows and meters are read; what no meter answers is left out', () => {
  const arrivals = readArrivals(log, 'log.csv')
  assert.is(arrivals.meters, 2)
  assert.equal(arrivals.exporting, [1])
  assert.is(arrivals.days, 2)
  assert.is(arrivals.firstDay, Date.UTC(2025, 2, 1) / 86_400_000)
  assert.is(arrivals.skipped, 1)
  assert.equal(
    arrivals.requests.map(({ day, srv, party, meter }) => [day, srv, party, meter]),
    [
      [0, '4.8.1', 'supplier', 0],
      [0, '4.2', 'mdr', 1],
      [1, '4.8.1', 'mdr', 0],
    ],
  )
  assert.is(new Date(arrivals.requests[1]?.atMs ?? 0).toISOString(), '2025-03-01T09:00:00.000Z')
})

test('wrong lines are named with what is wrong', () => {
  const bad = `${log}yesterday,4.8.1,mdr,${one}\n2025-03-01T00:00Z,4.99,mdr,${one}\n2025-03-01T00:00Z,4.8.1,mdr,12\n`
  assert.throws(
    () => readArrivals(bad, 'log.csv'),
    /line 6: "yesterday" is no time.*\n.*line 7: "4\.99".*\n.*line 8: "12" is no MPAN/s,
  )
  assert.throws(() => readArrivals('when,what\n', 'log.csv'), /no column time, srv, user, mpan/)
  assert.throws(() => readArrivals('time,SRV,User,MPAN\n', 'log.csv'), /no request to a meter/)
})

test('the log is rehearsed: each request on its day and at its hour', async () => {
  const path = join(directory, 'log.csv')
  writeFileSync(path, log)
  const run = await runCommand(rehearseCommand, {
    argument: 'arrivals',
    arrivals: path,
    json: true,
    csv: join(directory, 'out'),
  })
  assert.is(run.code, 0, run.err)
  const report = JSON.parse(run.out)
  assert.is(report.meters, 2)
  assert.is(report.days, 2)
  assert.equal(
    report.requests.map(({ srv, party, requests, inTime }: { [name: string]: unknown }) => [
      srv,
      party,
      requests,
      inTime,
    ]),
    [
      ['4.2', 'mdr', 1, 1],
      ['4.8.1', 'mdr', 1, 1],
      ['4.8.1', 'supplier', 1, 1],
    ],
  )
  assert.match(report.notes.join('\n'), /its first day was 2025-03-01; 1 that the DCC answers itself were left out/)
  const hourly = readFileSync(join(directory, 'out', 'requests-by-hour.csv'), 'utf8')
  assert.match(hourly, /^2026-11-23T09:00:00\.000Z,9,4\.2,mdr,on demand/m)
  assert.match(hourly, /^2026-11-24T23:00:00\.000Z,47,4\.8\.1,mdr,on demand/m)
})

test('a User that is no party, and a scenario without its log, are refused', async () => {
  const path = join(directory, 'other.csv')
  writeFileSync(path, log.replace('mdr', 'somebody'))
  const unknown = await runCommand(rehearseCommand, { argument: 'arrivals', arrivals: path })
  assert.is(unknown.code, 2)
  assert.match(unknown.err, /no party called somebody; it has supplier, mdr, network-operator, other-user/)
  const without = await runCommand(rehearseCommand, { argument: 'arrivals' })
  assert.is(without.code, 2)
  assert.match(without.err, /--arrivals FILE/)
})

test.run()
