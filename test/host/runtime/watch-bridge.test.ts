// What the metrics port of a bridge says of its readiness, its lines and its build.

import type { AddressInfo } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createLoadGate } from '../../../host/http/load-gate.ts'
import { watchBridge } from '../../../host/runtime/watch-bridge.ts'
import { version } from '../../../host/state/version.ts'
import type { LineState } from '../../../host/wan/line-state.ts'

async function watched() {
  const state: { trouble?: string | undefined; store?: string; keys?: string } = {}
  const watch = watchBridge({
    store: { count: () => 0, trouble: () => state.store },
    keysTrouble: () => state.keys,
    trail: { head: () => ({ seq: 0, hash: '' }), trouble: () => state.trouble },
    security: { counts: () => [], report() {} },
    gate: createLoadGate(1),
  })
  await new Promise<void>((resolve) => watch.server.listen(0, '127.0.0.1', resolve))
  const { port } = watch.server.address() as AddressInfo
  const get = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`)
    return { status: response.status, text: await response.text() }
  }
  return { state, watch, get }
}

const open: LineState = { line: 'tcp://127.0.0.1:4059', isOpen: true, waiting: 3 }
const lost: LineState = { line: '/dev/ttyUSB0', isOpen: false, problem: '/dev/ttyUSB0 is gone', waiting: 0 }

test('ready while a line is open and what must be stored can be; else 503 with every reason', async () => {
  const { state, watch, get } = await watched()
  assert.equal(await get('/readyz'), { status: 503, text: 'the bridge is starting or stopping\n' })
  let lines: LineState[] = []
  watch.ready(
    () => lines,
    () => [],
  )
  assert.equal(await get('/readyz'), { status: 200, text: 'ready\n' }, 'lines are opened when they are needed')
  lines = [open, lost]
  assert.is((await get('/readyz')).status, 200, 'one line is enough')
  lines = [lost, { line: 'unix:///run/meter', isOpen: false, waiting: 0 }]
  const without = 'no line is open: /dev/ttyUSB0 is gone; unix:///run/meter is not open yet\n'
  assert.equal(await get('/readyz'), { status: 503, text: without })
  state.trouble = 'the audit trail cannot be written: ENOSPC'
  assert.equal(await get('/readyz'), { status: 503, text: `${state.trouble}\n${without}` })
  lines = [open]
  assert.is((await get('/readyz')).status, 503)
  assert.is((await get('/healthz')).status, 200, 'it lives all the same')
  state.trouble = undefined
  assert.is((await get('/readyz')).status, 200)
  state.store = 'the store cannot be written: MDB_MAP_FULL'
  assert.equal(await get('/readyz'), { status: 503, text: `${state.store}\n` })
  delete state.store
  state.keys = 'keys cannot be destroyed'
  assert.equal(await get('/readyz'), { status: 503, text: `${state.keys}\n` })
  delete state.keys
  watch.stopping()
  assert.is((await get('/readyz')).status, 503)
  watch.server.closeAllConnections()
  watch.server.close()
})

test('gauges by line, of the store and of the build', async () => {
  const { state, watch, get } = await watched()
  watch.ready(
    () => [open, lost],
    () => [],
  )
  state.trouble = 'full'
  const { text } = await get('/metrics')
  for (const line of [
    `smets1_build_info{version="${version}",node="${process.versions.node}"} 1`,
    'smets1_line_open{line="tcp://127.0.0.1:4059"} 1',
    'smets1_line_open{line="/dev/ttyUSB0"} 0',
    'smets1_line_waiting{line="tcp://127.0.0.1:4059"} 3',
    'smets1_store_writable 0',
    'smets1_ready 0',
  ])
    assert.ok(text.includes(`\n${line}\n`), line)
  watch.server.closeAllConnections()
  watch.server.close()
})

test.run()
