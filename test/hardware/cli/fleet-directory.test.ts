// The directory of a fleet: one flash file for all meters, into which settings files and flash files of single meters go.

import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { flashPagesFull, pageBytes } from '../../../firmware/flash-map.ts'
import { defaultConfiguration, readSettings } from '../../../firmware/settings.ts'
import { openFleetDirectory } from '../../../hardware/cli/fleet-directory.ts'
import { provisionFlash } from '../../../hardware/cli/provision.ts'
import { openFlashFile } from '../../../hardware/emulator/flash-file.ts'
import { writeSettingsFile } from '../../../hardware/settings/settings-file.ts'
import { takeLock } from '../../../host/runtime/lock-file.ts'
import { euiToBytes } from '../../../protocol/bytes.ts'
import { freshPath } from '../../support/bench/cli.ts'

const euiOf = (index: number) => `02-DB-12-34-00-00-00-0${index}`
const keyOf = (index: number) => new Uint8Array(32).fill(index)
const geometry = { pageBytes, pages: flashPagesFull }

function newDirectory(): string {
  const directory = freshPath()
  mkdirSync(directory, { mode: 0o700 })
  return directory
}

const settingsOf = (directory: string, index: number, key = keyOf(index)) =>
  writeSettingsFile(join(directory, `${euiOf(index)}.settings.json`), {
    eui: euiToBytes(euiOf(index)),
    key,
    configuration: defaultConfiguration(),
  })

test('settings files and flash files of single meters become part of one file, and are removed; keys are changed in it', () => {
  const directory = newDirectory()
  settingsOf(directory, 3)
  settingsOf(directory, 1)
  const single = join(directory, `${euiOf(2)}.flash`)
  provisionFlash(single, { eui: euiToBytes(euiOf(2)), key: keyOf(2), pulsesPerKwh: 500 })
  const flash = openFlashFile(single, geometry)
  flash.program(20 * pageBytes, new Uint8Array(64).fill(7))
  flash.close()

  let said = ''
  const fleet = openFleetDirectory(directory, takeLock, (text) => {
    said += text
  })!
  assert.equal(
    fleet.meters.map(({ eui }) => eui),
    [euiOf(1), euiOf(2), euiOf(3)],
  )
  const numbers = fleet.meters.map(({ number }) => number)
  const moved = fleet.store.flash(numbers[1]!)
  assert.equal(moved.read(20 * pageBytes, 66), new Uint8Array(66).fill(7, 0, 64).fill(0xff, 64))
  assert.is(readSettings(moved)?.configuration.pulsesPerKwh, 500)
  assert.match(said, /1 flash files are part of/)
  assert.throws(() => openFleetDirectory(directory, takeLock, () => {}), /in use|Stop that fleet/)
  fleet.close()
  assert.equal(readdirSync(directory), ['fleet.flash'])
  assert.is(statSync(join(directory, 'fleet.flash')).mode & 0o777, 0o600)

  settingsOf(directory, 3, keyOf(9))
  const again = openFleetDirectory(directory, takeLock, () => {})!
  assert.equal(
    again.meters.map(({ number }) => readSettings(again.store.flash(number))!.key[0]),
    [1, 2, 9],
  )
  again.close()
})

test('what cannot be used is named and changes nothing', () => {
  const directory = newDirectory()
  assert.is(
    openFleetDirectory(directory, takeLock, () => {}),
    undefined,
  )
  assert.equal(readdirSync(directory), [])
  settingsOf(directory, 1)
  writeFileSync(join(directory, `${euiOf(2)}.settings.json`), '{}', { mode: 0o600 })
  assert.throws(() => openFleetDirectory(directory, takeLock, () => {}), /00-02\.settings\.json cannot be used/)
  assert.equal(readdirSync(directory).sort(), [`${euiOf(1)}.settings.json`, `${euiOf(2)}.settings.json`])

  const other = newDirectory()
  provisionFlash(join(other, `${euiOf(4)}.flash`), {
    eui: euiToBytes(euiOf(4)),
    key: keyOf(4),
    pulsesPerKwh: 500,
    flashKb: 64,
  })
  assert.throws(() => openFleetDirectory(other, takeLock, () => {}), /65536 bytes.*Run this one alone/)
  assert.ok(readdirSync(other).includes(`${euiOf(4)}.flash`))
})

test.run()
