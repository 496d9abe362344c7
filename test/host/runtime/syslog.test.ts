// What a syslog server gets: RFC 5424 over UDP, and over TCP with octet counting.

import { createSocket } from 'node:dgram'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { syslogAddress } from '../../../host/config/syslog-address.ts'
import type { SecurityRecord } from '../../../host/metrics/security-monitor.ts'
import { openSyslog, syslogMessage } from '../../../host/runtime/syslog.ts'
import { until } from '../../support/until.ts'

const test = suite('syslog')

const record: SecurityRecord = {
  event: 'bad signature',
  who: '192.0.2.1',
  what: 'badSignature',
  severity: 'alert',
  count: 3,
  fromMs: Date.UTC(2026, 10, 30, 20, 0, 0),
  toMs: Date.UTC(2026, 10, 30, 20, 0, 59, 5),
}

/** The grammar of RFC 5424, section 6, as far as its fields go. */
const grammar =
  /^<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,6}Z) ([\x21-\x7e]{1,255}) ([\x21-\x7e]{1,48}) ([\x21-\x7e]{1,128}) ([\x21-\x7e]{1,32}) ((?:\[[^\s=\]"]{1,32}(?: [^\s=\]"]{1,32}="(?:[^"\\\]]|\\["\\\]])*")*\])+) (.*)$/

test('a message has the fields of RFC 5424', () => {
  const message = syslogMessage(record, 'bridge.example')
  const [, priority, time, host, app, , id, data, text] = grammar.exec(message) ?? []
  assert.equal(
    [priority, time, host, app, id],
    ['81', '2026-11-30T20:00:59.005Z', 'bridge.example', 'smets1', 'bad-signature'],
  )
  assert.match(data ?? '', /who="192\.0\.2\.1" what="badSignature" count="3" from="2026-11-30T20:00:00\.000Z"/)
  assert.is(text, 'bad signature (badSignature) by 192.0.2.1, 3 times')
  assert.match(syslogMessage({ ...record, severity: 'notice' }, 'b'), /^<85>1 /)
})

test('nothing that a sender chooses breaks out of its field', () => {
  const message = syslogMessage({ ...record, who: 'a"]\\ \r\n<81>1 forged', what: 'x\ny' }, 'host name\n')
  assert.match(message, grammar)
  assert.not.match(message, /[\r\n]/)
})

test('addresses', () => {
  assert.equal(syslogAddress('udp://127.0.0.1'), { protocol: 'udp', host: '127.0.0.1', port: 514 })
  assert.equal(syslogAddress('tcp://[::1]:6514'), { protocol: 'tcp', host: '::1', port: 6514 })
  for (const wrong of ['http://a', 'udp://', 'udp://a:0', 'udp://a:70000', 'udp://a b', '127.0.0.1:514'])
    assert.is(syslogAddress(wrong), undefined, wrong)
})

test('UDP: one datagram a message', async () => {
  const server = createSocket('udp4')
  const got: string[] = []
  server.on('message', (bytes) => got.push(bytes.toString()))
  await new Promise<void>((resolve) => server.bind(0, '127.0.0.1', resolve))
  const { port } = server.address()
  const syslog = openSyslog({ protocol: 'udp', host: '127.0.0.1', port }, (problem) => assert.unreachable(problem))
  syslog.send(record)
  syslog.send(record)
  await until(() => got.length === 2, 'second datagram')
  for (const message of got) assert.match(message, grammar)
  await syslog.close()
  server.close()
})

test('TCP: each message after its length; what was written at the end still arrives', async () => {
  const sockets: Socket[] = []
  let got = Buffer.alloc(0)
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('data', (bytes) => {
      got = Buffer.concat([got, bytes])
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const syslog = openSyslog({ protocol: 'tcp', host: '127.0.0.1', port }, (problem) => assert.unreachable(problem))
  syslog.send({ ...record, who: 'Ünïcode' })
  await until(() => got.length > 0, 'message')
  for (let i = 0; i < 50; i++) syslog.send(record)
  await syslog.close()
  await until(() => got.length > 50 * 200, 'last message')
  const messages: string[] = []
  for (let rest = got; rest.length > 0; ) {
    const length = /^([1-9]\d*) /.exec(rest.toString('latin1', 0, 8))
    assert.ok(length, 'a length and a space')
    const from = length![0].length
    messages.push(rest.toString('utf8', from, from + Number(length![1])))
    rest = rest.subarray(from + Number(length![1]))
  }
  assert.is(messages.length, 51)
  for (const message of messages) assert.match(message, grammar)
  for (const socket of sockets) socket.destroy()
  server.close()
})

test('a server that is not there is reported once, and costs nothing else', async () => {
  const problems: string[] = []
  const syslog = openSyslog({ protocol: 'tcp', host: '127.0.0.1', port: 1 }, (problem) => problems.push(problem))
  for (let i = 0; i < 5000; i++) syslog.send(record)
  await until(() => problems.length > 0, 'problem')
  await syslog.close()
  assert.is(problems.length, 1)
  assert.match(problems[0]!, /tcp:\/\/127\.0\.0\.1:1: .*ECONNREFUSED/)
})

test.run()
