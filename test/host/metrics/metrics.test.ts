// What a bridge counts, how Prometheus reads it, and the port that serves it.

import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { midnight } from '../../../emulation/bench.ts'
import { mpan, testParties } from '../../../emulation/bench-parties.ts'
import type { AuditEvent } from '../../../host/audit/audit-record.ts'
import { createMetricsServer } from '../../../host/http/metrics-server.ts'
import { addEvent, addTime, noTimes, noTotals, timeBoundsMs } from '../../../host/metrics/event-totals.ts'
import { prometheusText } from '../../../host/metrics/prometheus.ts'
import { statsOf, textOfStats } from '../../../host/metrics/statistics.ts'
import { dayMs } from '../../../protocol/half-hour.ts'
import { createBench } from '../../support/bench/checked-bench.ts'
import { gauges } from '../../support/bench/gauges.ts'

function totalsOf(events: AuditEvent[]) {
  const totals = noTotals()
  for (const event of events) addEvent(totals, event)
  return totals
}

/** The samples of a text, by name and labels. Throws for a line that the format does not have. */
function samplesOf(text: string): Map<string, number> {
  const samples = new Map<string, number>()
  const typed = new Set<string>()
  for (const line of text.split('\n').slice(0, -1)) {
    const comment = /^# (HELP|TYPE) ([a-z0-9_]+) (.+)$/.exec(line)
    if (comment !== null) {
      if (comment[1] === 'TYPE') {
        assert.match(comment[3]!, /^(counter|gauge|histogram)$/)
        assert.not.ok(typed.has(comment[2]!), `${comment[2]} twice`)
        typed.add(comment[2]!)
      }
      continue
    }
    const sample = /^([a-z_][a-z0-9_]*)(\{(?:[a-z_]+="(?:[^"\\\n]|\\[\\n"])*"(?:,|(?=\})))+\})? (-?[0-9.e+-]+)$/.exec(
      line,
    )
    assert.ok(sample, `no sample: ${line}`)
    const [, name = '', labels = '', value] = sample!
    assert.ok(typed.has(name) || typed.has(name.replace(/_(bucket|sum|count)$/, '')), `no TYPE before ${line}`)
    assert.not.ok(samples.has(name + labels), `${line} twice`)
    samples.set(name + labels, Number(value))
  }
  assert.ok(text.endsWith('\n'))
  return samples
}

test('requests, answers, half-hours, the line and what the cache saved', async () => {
  const parties = testParties()
  parties.users[3]!.status = 'suspended'
  const b = await createBench({ parties })
  await b.ask('supplier')
  await b.ask('mdr')
  await b.ask('network-operator', { period: { startMs: midnight - 2 * dayMs, endMs: midnight } })
  await b.ask('other-user')
  await b.post('malformed')
  const totals = totalsOf(b.trail)
  assert.equal(totals.requests, { '4.8.1 I99': 3, '4.8.1 E3': 1, 'unknown E48': 1 })
  assert.equal(totals.answers, { '4.8.1 I0': 3 })
  assert.equal(totals.halfHours, { 'active-import meter': 97, 'active-import cache': 98 })
  assert.equal([totals.deviceReads, totals.readsSaved, totals.usage.wakeUps], [2, 1, 2])
  assert.equal(totals.usage, { ...b.bridge().total })
  const samples = samplesOf(prometheusText(totals, noTimes(), gauges))
  assert.is(samples.get('smets1_requests_total{srv="4.8.1",code="I99"}'), 3)
  assert.is(samples.get('smets1_half_hours_total{channel="active-import",source="cache"}'), 98)
  assert.is(samples.get('smets1_device_reads_saved_total'), 1)
  assert.is(samples.get('smets1_saved{what="wakeUps"}'), 1)
  assert.is(samples.get('smets1_saved{what="bytes"}'), (totals.usage.bytesIn + totals.usage.bytesOut) / 2)
  assert.is(samples.get('smets1_pending_responses'), 2)
  assert.is(samples.get('smets1_answer_seconds_count{srv="4.8.1"}'), 3)
  assert.is(samples.get('smets1_deliveries_total{result="delivered"}'), 3)
  const stats = statsOf(totals)
  assert.is(stats.saved.deviceReads, 1)
  assert.match(textOfStats(stats), /reads saved +1: 1 wake-ups, 1 sessions, 3 DCO calls, \d+ bytes/)
})

test('failures: late answers, a User that is down, no party left', async () => {
  const b = await createBench()
  b.usersAnswer(() => 503)
  b.line.unplug()
  await b.ask('supplier')
  const totals = totalsOf(b.trail)
  assert.equal(totals.answers, { '4.8.1 E20': 1 })
  assert.is(totals.readsSaved, 0)
  assert.ok(totals.deliveries.waiting! >= 1)
  addEvent(totals, { event: 'dropped', requestId: 'x', why: '' })
  addEvent(totals, { event: 'not delivered', requestId: 'x', url: '', tries: 9, problem: '', state: 'given up' })
  const samples = samplesOf(prometheusText(totals, noTimes(), gauges))
  assert.is(samples.get('smets1_deliveries_total{result="given up"}'), 1)
  assert.is(samples.get('smets1_dropped_total'), 1)
})

test('classes of time are cumulative and end with all', () => {
  const times = noTimes()
  for (const ms of [0, 5, 6, 16000, 16001, 1e9]) addTime(times, ms)
  const samples = samplesOf(prometheusText(noTotals(), times, gauges))
  const name = 'smets1_acknowledgement_seconds'
  const counts = [...timeBoundsMs.map((ms) => `${ms / 1000}`), '+Inf'].map(
    (le) => samples.get(`${name}_bucket{le="${le}"}`)!,
  )
  assert.equal(
    counts,
    [...counts].sort((a, b) => a - b),
  )
  assert.is(samples.get(`${name}_bucket{le="0.005"}`), 2)
  assert.is(samples.get(`${name}_bucket{le="16"}`), 4)
  assert.is(samples.get(`${name}_bucket{le="+Inf"}`), 6)
  assert.is(samples.get(`${name}_count`), 6)
})

test('labels cannot break a line', () => {
  const totals = noTotals()
  totals.deliveries['a"b\\c\nd'] = 1
  samplesOf(prometheusText(totals, noTimes(), gauges))
})

test('nothing of a person: no MPAN, no EUI-64, no callback', async () => {
  const b = await createBench()
  await b.ask('supplier')
  const text = prometheusText(totalsOf(b.trail), noTimes(), gauges) + JSON.stringify(statsOf(totalsOf(b.trail)))
  for (const secret of [mpan, /([0-9A-F]{2}-){7}/, 'http:']) assert.not.match(text, secret)
})

test('the port: metrics, stats, health, readiness with a reason; reading only', async () => {
  let why: string | undefined = 'starting'
  const server = createMetricsServer({ metrics: () => 'm 1\n', stats: () => ({ a: 1 }), notReady: () => why })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const get = async (path: string, method = 'GET') => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method })
    return [response.status, response.headers.get('content-type'), await response.text()]
  }
  assert.equal(await get('/metrics'), [200, 'text/plain; version=0.0.4; charset=utf-8', 'm 1\n'])
  assert.equal(await get('/metrics', 'HEAD'), [200, 'text/plain; version=0.0.4; charset=utf-8', ''])
  assert.equal(await get('/stats?x=1'), [200, 'application/json', '{"a":1}\n'])
  assert.equal((await get('/healthz'))[0], 200)
  assert.equal((await get('/readyz')).slice(0, 3), [503, 'text/plain; charset=utf-8', 'starting\n'])
  why = undefined
  assert.is((await get('/readyz'))[0], 200)
  assert.is((await get('/'))[0], 404)
  for (const method of ['POST', 'PUT', 'DELETE']) assert.is((await get('/metrics', method))[0], 405)
  const socket = connect(port, '127.0.0.1')
  socket.write('GET /metrics\r\nrubbish\0\r\n\r\n')
  const said = await new Promise<string>((resolve) => socket.once('data', (bytes) => resolve(bytes.toString())))
  assert.match(said, /^HTTP\/1\.1 400/)
  socket.destroy()
  server.closeAllConnections()
  server.close()
})

test('a call over loopback that names another host is refused: a page in a browser may have made it', async () => {
  const refused: unknown[] = []
  const server = createMetricsServer(
    { metrics: () => 'm 1\n', stats: () => ({}), notReady: () => undefined },
    (event) => refused.push(event),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const statusFor = (host: string) =>
    new Promise<string>((resolve) => {
      const socket = connect(port, '127.0.0.1')
      socket.once('data', (bytes) => resolve(String(bytes).slice(9, 12)))
      socket.end(`GET /stats HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`)
    })
  for (const host of ['localhost', '127.0.0.1', `127.0.0.1:${port}`, '[::1]:1'])
    assert.is(await statusFor(host), '200', host)
  for (const host of ['attacker.example', '127.0.0.1.attacker.example', 'localhost.attacker.example', '']) {
    assert.is(await statusFor(host), '421', host)
  }
  assert.is(refused.length, 4)
  server.closeAllConnections()
  server.close()
})

test.run()
