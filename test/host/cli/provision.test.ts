// smets1 provision: what it makes, what it refuses, and that nothing is ever half-applied.

import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRandom } from '../../../emulation/random.ts'
import { pageBytes } from '../../../firmware/flash-map.ts'
import { readSettings } from '../../../firmware/settings.ts'
import { newMeterFlags, newSettings, nextKeySettings, stampsOf } from '../../../hardware/cli/provision.ts'
import { createMemoryFlash } from '../../../hardware/emulator/flash-file.ts'
import { readSettingsFile, takeSettings } from '../../../hardware/settings/settings-file.ts'
import { isMpan, mpanOf } from '../../../host/access/mpan.ts'
import type { Options } from '../../../host/cli/command.ts'
import { provisionCommand } from '../../../host/cli/provision.ts'
import { provisionMeters } from '../../../host/cli/provision-meters.ts'
import { openVault } from '../../../host/dco/vault.ts'
import { loadRegistry } from '../../../host/runtime/state-registry.ts'
import { statePaths } from '../../../host/state/state-directory.ts'
import { euiFromBytes, toHex } from '../../../protocol/bytes.ts'
import { freshPath } from '../../support/bench/cli.ts'
import { runCommand } from '../../support/bench/run-command.ts'

const eui = '00-DB-12-34-56-78-90-A0'
const command = provisionCommand({ newMeterFlags, newSettings, nextKeySettings, stampsOf })

const run = (state: string, options: Options = {}) => runCommand(command, { state, ...options })

/** Every file of a directory with its bytes. */
function contents(directory: string): { [path: string]: string } {
  const found: { [path: string]: string } = {}
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) Object.assign(found, contents(path))
    else found[path] = readFileSync(path, 'hex')
  }
  return found
}

const vaultOf = (state: string) => openVault(statePaths(state).vault)
const registryOf = (state: string) => loadRegistry(statePaths(state))

test('a new state directory with one meter: key on both sides, device, MPANs, registrations; nothing printed or readable', async () => {
  const state = freshPath()
  const { code, out, err } = await run(state, { register: ['IS=SUPA', 'MDR=mdra'] })
  assert.is(code, 0, err)
  const { devices, deviceCount, registrations } = registryOf(state)
  assert.is(deviceCount(), 1)
  const [device] = devices
  assert.match(device!.eui, /^02-DB-12-34(-[0-9A-F]{2}){4}$/)
  assert.match(device!.importMpan!, /^99\d{11}$/)
  assert.ok(isMpan(device!.importMpan!) && isMpan(device!.exportMpan!))
  assert.is(registrations(device!.importMpan!, 'IS')[0]!.mpid, 'SUPA')
  assert.is(registrations(device!.importMpan!, 'MDR')[0]!.mpid, 'MDRA')
  assert.is(registrations(device!.exportMpan!, 'MDR')[0]!.mpid, 'MDRA')
  const path = join(state, 'meters', `${device!.eui}.settings.json`)
  const settings = readSettingsFile(path)
  assert.is(euiFromBytes(settings.eui), device!.eui)
  const key = toHex(settings.key)
  assert.is(toHex(vaultOf(state).key(device!.eui)!), key)
  assert.not.match(out + err, new RegExp(key.slice(0, 12)))
  for (const file of Object.keys(contents(state))) {
    if (readFileSync(file, 'utf8').includes(key)) {
      assert.is(statSync(file).mode & 0o777, 0o600, file)
      assert.is(statSync(dirname(file)).mode & 0o777, 0o700, file)
    }
  }
  assert.not.ok(existsSync(statePaths(state).provisioning))
})

test('cohort, S1SP and CSP go into the registry', async () => {
  const state = freshPath()
  const { out } = await run(state, { json: true, cohort: 'Itron', s1sp: 'MOC', csp: 'Telefonica' })
  const { cohort, s1sp, csp } = registryOf(state).device(JSON.parse(out).meters[0].eui)!
  assert.equal([cohort, s1sp, csp], ['Itron', 'MOC', 'Telefonica'])
})

test('what the meter is told of its stamps, the registry says too', async () => {
  const state = freshPath()
  const made = async (options: Options) => {
    const { out } = await run(state, { json: true, ...options })
    const [{ eui }] = JSON.parse(out).meters
    return registryOf(state).device(eui)?.stamps
  }
  assert.is(await made({}), undefined)
  assert.is(await made({ quirks: 'stamp-start,two-wakes' }), 'start')
  assert.is(await made({ quirks: 'none' }), 'end')
  assert.is(await made({ deviceProfile: 'secure' }), 'end')
  assert.is(await made({ deviceProfile: 'secure', quirks: 'stamp-start' }), 'start')
})

test('the meter takes the settings; every key is another', async () => {
  const state = freshPath()
  const given = { count: 20, json: true, pulsesPerKwh: 800, billingDay: 5, deviceProfile: 'secure' }
  const { code, out } = await run(state, given)
  assert.is(code, 0)
  const { meters } = JSON.parse(out) as { meters: { eui: string; importMpan: string; settings: string }[] }
  assert.is(new Set(meters.map((one) => one.eui)).size, 20)
  assert.is(new Set(meters.map((one) => one.importMpan)).size, 20)
  assert.is(new Set(meters.map((one) => toHex(vaultOf(state).key(one.eui)!))).size, 20)
  for (const one of meters) {
    const flash = createMemoryFlash({ pageBytes, pages: 2 })
    assert.is(takeSettings(flash, readSettingsFile(one.settings)), 'made')
    const { key, configuration, version } = readSettings(flash)!
    assert.equal(key, vaultOf(state).key(one.eui))
    assert.equal([configuration.pulsesPerKwh, configuration.billingDay, configuration.deviceProfile], [800, 5, 2])
    assert.is(version, 1)
  }
})

test('given identities count up, and the check digit is worked out or checked', async () => {
  const state = freshPath()
  const given = { eui: '00-db-12-34-56-78-90-fe', count: 3, importMpan: '123456789012', exportMpan: 'none' }
  const { out } = await run(state, { ...given, json: true, line: 'tcp://127.0.0.1:7000', cohort: 'north' })
  assert.equal(
    (JSON.parse(out) as { meters: { eui: string; importMpan: string }[] }).meters.map((one) => [
      one.eui,
      one.importMpan,
    ]),
    [
      ['00-DB-12-34-56-78-90-FE', mpanOf('123456789012')],
      ['00-DB-12-34-56-78-90-FF', mpanOf('123456789013')],
      ['00-DB-12-34-56-78-91-00', mpanOf('123456789014')],
    ],
  )
  const { devices } = registryOf(state)
  assert.equal(
    [...devices].map(({ line, cohort, exportMpan }) => [line, cohort, exportMpan]),
    Array(3).fill(['tcp://127.0.0.1:7000', 'north', undefined]),
  )
})

test('what is wrong is named, with exit code 2, and nothing changes', async () => {
  const state = freshPath()
  await run(state, { eui, importMpan: '1234567890126', register: 'IS=SUPA' })
  const before = contents(state)
  const cases: [Options, RegExp][] = [
    [{ eui: '00-DB' }, /--eui is an EUI-64/],
    [{ eui }, /has a key already.*--rotate.*--replace/],
    [{ eui: '00-DB-12-34-56-78-90-9F', count: 2 }, /90-A0 has a key already/],
    [{ importMpan: '1234567890127' }, /check digit of 1234567890127 is wrong; after 123456789012 it is 6/],
    [{ importMpan: '1234567890126' }, /1234567890126 is already that of/],
    [{ importMpan: 'abc' }, /--import-mpan is 12 digits/],
    [{ exportMpan: '999999999999', count: 2 }, /no MPAN after/],
    [{ register: 'GS=GASA' }, /--register is ROLE=MPID.*not GS=GASA/],
    [{ register: 'IS=SUPPLIER' }, /--register is ROLE=MPID/],
    [{ register: true }, /--register needs one value/],
    [{ register: 'IS=SUPA', from: 'today' }, /--from is a date/],
    [{ register: 'IS=SUPA', from: '1990-01-01' }, /1990-01-01\S* is no date from 1996/],
    [{ prefix: 'XX-YY' }, /--prefix is the first/],
    [{ prefix: '02-DB', eui }, /--prefix is for EUI-64s that are drawn/],
    [{ count: 0 }, /--count is a whole number/],
    [{ replace: true }, /--replace needs --eui/],
    [{ replace: true, eui: '00-DB-12-34-56-78-90-A9' }, /has no key to replace/],
    [{ rotate: '00-DB-12-34-56-78-90-A9' }, /has no key to rotate/],
    [{ rotate: eui, count: 2 }, /--rotate changes a key and nothing else/],
    [{ rotate: eui, billingDay: 3 }, /--rotate changes a key and nothing else/],
    [{ rotate: 'x' }, /--rotate is an EUI-64/],
    [{ pulsesPerKwh: 0 }, /--pulses-per-kwh is a whole number/],
    [{ tariff: '/nowhere.json' }, /cannot read \/nowhere.json/],
    [{ line: 'x'.repeat(201) }, /--line: .* is no port/],
  ]
  for (const [options, said] of cases) {
    const { code, err } = await run(state, options)
    assert.is(code, 2, JSON.stringify(options))
    assert.match(err, said)
    assert.equal(contents(state), before, JSON.stringify(options))
  }
  const nowhere = freshPath()
  assert.is((await run(nowhere, { eui, importMpan: '1234567890127' })).code, 2)
  assert.not.ok(existsSync(nowhere))
  const open = freshPath()
  mkdirSync(open)
  chmodSync(open, 0o755)
  assert.match((await run(state, { out: open })).err, /others may look into it.*chmod 700/)
  assert.equal(contents(state), before)
})

test('a device that the registry knows gets a key, and keeps what is known of it', async () => {
  const state = freshPath()
  await run(state, { eui, importMpan: '1234567890126', cohort: 'north', register: 'IS=SUPA' })
  const paths = statePaths(state)
  rmSync(paths.vault, { recursive: true })
  mkdirSync(paths.vault, { mode: 0o700 })
  const { code, out } = await run(state, { eui })
  assert.is(code, 0)
  assert.match(out, /MPAN import 1234567890126/)
  const device = registryOf(state).device(eui)!
  assert.equal([device.importMpan, device.cohort], ['1234567890126', 'north'])
  assert.ok(vaultOf(state).key(eui))
})

test('--replace: another key at once, the rest as it was', async () => {
  const state = freshPath()
  await run(state, { eui, importMpan: '1234567890126', register: 'IS=SUPA' })
  await run(state, { rotate: eui })
  const old = vaultOf(state).key(eui)!
  const registry = readFileSync(statePaths(state).registry, 'utf8')
  assert.is((await run(state, { eui, replace: true })).code, 0)
  const key = vaultOf(state).key(eui)!
  assert.not.equal(key, old)
  assert.is(vaultOf(state).nextKey(eui), undefined)
  assert.equal(readSettingsFile(join(state, 'meters', `${eui}.settings.json`)).key, key)
  assert.is(readFileSync(statePaths(state).registry, 'utf8'), registry)
})

test('--rotate: a next key in the vault and in a settings file that keeps how the meter is set', async () => {
  const state = freshPath()
  await run(state, { eui, billingDay: 7 })
  const path = join(state, 'meters', `${eui}.settings.json`)
  const flash = createMemoryFlash({ pageBytes, pages: 2 })
  const first = readSettingsFile(path)
  takeSettings(flash, first)
  // Not taken by the meter yet: its configuration is not lost.
  await run(state, { rotate: eui })
  assert.is(readSettingsFile(path).configuration?.billingDay, 7)
  rmSync(path)
  const { out } = await run(state, { rotate: eui, json: true })
  assert.equal(JSON.parse(out), { ok: true, rotated: true, meters: [{ eui, settings: path }] })
  const vault = vaultOf(state)
  assert.equal(vault.key(eui), first.key)
  const next = readSettingsFile(path)
  assert.equal(vault.nextKey(eui), next.key)
  assert.is(next.configuration, undefined)
  assert.is(takeSettings(flash, next), 'changed')
  const now = readSettings(flash)!
  assert.equal([now.key, now.configuration.billingDay, now.version], [next.key, 7, 1])
  const old = toHex(first.key)
  assert.not.ok(toHex(flash.read(0, 2 * pageBytes)).includes(old), 'the old key is in neither page')
  assert.is(takeSettings(flash, next), 'as they were')
})

test('a run that fails half-way leaves nothing; one that was killed is undone, or finished, by the next', async () => {
  const state = freshPath()
  await run(state, { eui, importMpan: '1234567890126' })
  const paths = statePaths(state)
  const before = contents(state)
  const random = createRandom(3)
  const meters = ['A1', 'A2', 'A3'].map((last) => ({
    eui: `00-DB-12-34-56-78-90-${last}`,
    registrations: [],
    from: '2000-01-01',
  }))
  const parts = {
    randomBytes: random.bytes,
    replace: false,
    settingsOf: (one: string) => join(paths.meters, `${one}.settings.json`),
  }
  let left = 2
  const failing = (path: string) => {
    left -= 1
    if (left < 0) throw new Error('the disk is full')
    writeFileSync(path, 'settings', { mode: 0o600 })
  }
  assert.throws(() => provisionMeters(paths, meters, { ...parts, install: failing }), /the disk is full/)
  assert.equal(contents(state), before)

  // As a killed run leaves it before its last write, and after.
  for (const committed of [false, true]) {
    let during: string | undefined
    const install = (path: string) => {
      during = readFileSync(paths.provisioning, 'utf8')
      writeFileSync(path, 'settings', { mode: 0o600 })
    }
    provisionMeters(paths, meters, { ...parts, install })
    const whole = contents(state)
    const underWay = JSON.parse(during!)
    assert.is(underWay.prepared, false)
    if (!committed) writeFileSync(paths.registry, Buffer.from(before[paths.registry]!, 'hex'))
    writeFileSync(paths.provisioning, JSON.stringify({ ...underWay, prepared: true }))
    // Any later run looks for it first.
    assert.is((await run(state, { eui })).code, 2)
    assert.equal(contents(state), committed ? whole : before)
  }
  writeFileSync(paths.provisioning, '{"pi')
  assert.is((await run(state, {})).code, 0)
})

test.run()
