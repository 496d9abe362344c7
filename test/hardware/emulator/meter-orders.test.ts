// Orders to a running meter: what is one, and that a flash is made as it was, with another key.

import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { flashPagesFull, pageBytes } from '../../../firmware/flash-map.ts'
import { defaultConfiguration, readSettings, writeSettings } from '../../../firmware/settings.ts'
import { createMemoryFlash } from '../../../hardware/emulator/flash-file.ts'
import { bytesOf, readOrder, renewFlash } from '../../../hardware/emulator/meter-orders.ts'

test('a line is an order, or nothing', () => {
  const key = 'ab'.repeat(32)
  assert.equal(readOrder('{"order":"cut","ms":0}'), { order: 'cut', ms: 0 })
  assert.equal(readOrder('{"order":"step","seconds":-3}'), { order: 'step', seconds: -3 })
  assert.equal(readOrder(JSON.stringify({ order: 'renew', key })), { order: 'renew', key })
  for (const line of [
    '',
    '{',
    'null',
    '[]',
    '"cut"',
    '{"order":"cut"}',
    '{"order":"cut","ms":-1}',
    '{"order":"step","seconds":"x"}',
    `{"order":"renew","key":"${key}0"}`,
    '{"order":"explode"}',
  ])
    assert.is(readOrder(line), undefined, line)
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (line) => void readOrder(line)))
})

test('a flash is as it was, but for its settings, which have the other key and a newer version', () => {
  const flash = createMemoryFlash({ pageBytes, pages: flashPagesFull })
  const eui = new Uint8Array(8).fill(1)
  const settings = { eui, key: new Uint8Array(32).fill(2), version: 7, configuration: defaultConfiguration() }
  writeSettings(flash, settings)
  const page = 5
  flash.program(page * pageBytes, new Uint8Array(64).fill(0x5a))
  const from = 2 * pageBytes
  const before = flash.read(from, flash.pages * pageBytes - from)
  const remembered = bytesOf(flash)
  flash.program(page * pageBytes, new Uint8Array(64).fill(0x10))
  flash.erase(9)
  flash.program(20 * pageBytes, new Uint8Array(128).fill(0))
  for (const n of [3, 4]) {
    const key = new Uint8Array(32).fill(n)
    renewFlash(flash, remembered, key)
    assert.equal(flash.read(from, before.length), before)
    assert.equal(readSettings(flash), { ...settings, key, version: 8 })
  }
})

test.run()
