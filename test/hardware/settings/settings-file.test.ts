// The settings file of a meter: read, refused, and taken into flash.

import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRandom } from '../../../emulation/random.ts'
import { createSimFlash, PowerCut } from '../../../emulation/sim-flash.ts'
import { pageBytes } from '../../../firmware/flash-map.ts'
import { defaultConfiguration, readSettings } from '../../../firmware/settings.ts'
import { createMemoryFlash } from '../../../hardware/emulator/flash-file.ts'
import { readSettingsFile, takeSettings, writeSettingsFile } from '../../../hardware/settings/settings-file.ts'
import { euiToBytes, toHex } from '../../../protocol/bytes.ts'
import { freshPath } from '../../support/bench/cli.ts'

const eui = '00-DB-12-34-56-78-90-A0'
const first = createRandom(1).bytes(32)
const second = createRandom(2).bytes(32)

test('what is written is read, by its owner alone', () => {
  const path = freshPath()
  const settings = { eui: euiToBytes(eui), key: first, configuration: { ...defaultConfiguration(), billingDay: 3 } }
  writeSettingsFile(path, settings)
  assert.equal(readSettingsFile(path), settings)
  assert.is(statSync(path).mode & 0o777, 0o600)
  writeSettingsFile(path, { eui: settings.eui, key: second })
  assert.equal(readSettingsFile(path), { eui: settings.eui, key: second })
})

test('a settings file of version 1 is read, with the default most of a half-hour', () => {
  const path = freshPath()
  writeSettingsFile(path, { eui: euiToBytes(eui), key: first })
  const text = readFileSync(path, 'utf8').replace('": 2', '": 1')
  writeFileSync(path, text.replace(/\n}/, ',\n  "configuration": "d00700003c0001100510"\n}'))
  assert.equal(readSettingsFile(path).configuration, {
    ...defaultConfiguration(),
    pulsesPerKwh: 2000,
    checkpointWh: 60,
    deviceProfile: 1,
    dailyReads: 16,
    billingDay: 5,
    quirks: 16,
  })
})

test('a settings file that is not one is refused by name, and its key is not quoted', () => {
  const path = freshPath()
  writeSettingsFile(path, { eui: euiToBytes(eui), key: first, configuration: defaultConfiguration() })
  const good = readFileSync(path, 'utf8')
  const key = toHex(readSettingsFile(path).key)
  const cases: [string, RegExp][] = [
    [good.slice(0, 100), /not JSON/],
    [good.replace('": 2', '": 3'), /not a settings file of version 1 or 2/],
    ['null', /not a settings file/],
    [good.replace(eui, 'A0'), /EUI-64/],
    [good.replace(key, key.slice(2)), /key is not 32 bytes/],
    [good.replace(key, `${key.slice(1)}g`), /key is not hexadecimal/],
    [good.replace(/"configuration": "..../, '"configuration": "0000'), /configuration is not valid/],
    [good + ' '.repeat(4096), /4096 at most/],
  ]
  for (const [text, said] of cases) {
    writeFileSync(path, text)
    assert.throws(
      () => readSettingsFile(path),
      (error: Error) =>
        said.test(error.message) && error.message.startsWith(path) && !error.message.includes(key.slice(4, 20)),
      text.slice(0, 60),
    )
  }
  writeFileSync(path, good)
  chmodSync(path, 0o644)
  assert.throws(() => readSettingsFile(path), /others may read it.*chmod 600/)
  const other = createMemoryFlash({ pageBytes, pages: 2 })
  chmodSync(path, 0o600)
  takeSettings(other, { ...readSettingsFile(path), eui: new Uint8Array(8) })
  assert.throws(() => takeSettings(other, readSettingsFile(path)), /the flash is that of 00-00/)
})

test('whatever is in the file, it is read or refused by name', () => {
  const path = freshPath()
  const odd = fc.oneof(
    fc.json(),
    fc.string(),
    fc
      .record(
        {
          smets1MeterSettings: fc.constantFrom(1, '1', 2),
          eui: fc.oneof(fc.constant(eui), fc.string()),
          key: fc.oneof(fc.constant(toHex(first)), fc.string({ unit: fc.constantFrom('0', 'a', 'G'), maxLength: 70 })),
          configuration: fc.oneof(fc.string({ unit: fc.constantFrom('0', '1', 'f'), maxLength: 60 }), fc.integer()),
        },
        { requiredKeys: [] },
      )
      .map((value) => JSON.stringify(value)),
  )
  fc.assert(
    fc.property(odd, (text) => {
      writeFileSync(path, text, { mode: 0o600 })
      try {
        const { eui: found, key, configuration } = readSettingsFile(path)
        assert.equal([found.length, key.length], [8, 32])
        if (configuration !== undefined) assert.ok(configuration.pulsesPerKwh > 0)
      } catch (error) {
        assert.ok((error as Error).message.startsWith(`${path} cannot be used: `), (error as Error).stack)
      }
    }),
  )
})

test('power fails anywhere while the meter installs a new key: it has one of the two, and installing it again succeeds', () => {
  for (const model of ['short', 'ragged'] as const) {
    const flash = createSimFlash(pageBytes, 2, createRandom(9))
    const settings = { eui: euiToBytes(eui), key: first }
    takeSettings(flash, settings)
    const before = { ...flash.image, cells: flash.image.cells.slice(), weak: flash.image.weak.slice() }
    let cuts = 0
    for (let operation = 0; ; operation++) {
      flash.become(before)
      flash.cutAfter(operation, model)
      let isCut = false
      try {
        takeSettings(flash, { ...settings, key: second })
      } catch (error) {
        assert.instance(error, PowerCut)
        isCut = true
      }
      flash.powerOn()
      const found = toHex(readSettings(flash)!.key)
      assert.ok(found === toHex(second) || (isCut && found === toHex(first)), `${model}, cut at ${operation}`)
      if (!isCut) break
      cuts += 1
      takeSettings(flash, { ...settings, key: second })
      assert.equal(readSettings(flash)!.key, second)
      // Nothing of the old key is left, wherever the rotation was cut.
      const cells = Buffer.from(flash.image.cells)
      for (let at = 0; at + 8 <= first.length; at++)
        assert.is(
          cells.indexOf(first.subarray(at, at + 8)),
          -1,
          `${model}, cut at ${operation}: byte ${at} of the old key`,
        )
    }
    assert.ok(cuts > 3, String(cuts))
  }
})

test.run()
