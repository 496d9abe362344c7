import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { checkRegistry } from '../../../host/access/check-registry.ts'
import { isMpan, mpanOf } from '../../../host/access/mpan.ts'
import { createIdentities, euiAfter, mpanAfter } from '../../../host/access/new-identities.ts'

test('identities: counting up agrees with the numbers they are, and check digits with the rule', () => {
  fc.assert(
    fc.property(fc.bigInt(0n, 0xffff_ffff_ffff_0000n), fc.nat(65535), (number, by) => {
      const text = (one: bigint) => one.toString(16).padStart(16, '0').toUpperCase().match(/../g)!.join('-')
      assert.is(euiAfter(text(number), by), text(number + BigInt(by)))
    }),
  )
  fc.assert(
    fc.property(fc.integer({ min: 1e11, max: 9.9e11 }), fc.nat(1000), (digits, by) => {
      const mpan = mpanAfter(String(digits), by)
      assert.ok(isMpan(mpan))
      assert.is(Number(mpan.slice(0, 12)), digits + by)
      // The rule, written out once more.
      const weights = [3, 5, 7, 13, 17, 19, 23, 29, 31, 37, 41, 43]
      let sum = 0
      for (let i = 0; i < 12; i++) sum += weights[i]! * Number(mpan[i])
      assert.is(Number(mpan[12]), (sum % 11) % 10)
    }),
  )
  assert.throws(() => euiAfter('FF-FF-FF-FF-FF-FF-FF-FF', 1), /no EUI-64 after/)
  assert.throws(() => mpanAfter('999999999999', 1), /no MPAN after/)
})

test('new identities are unused: neither in the registry nor drawn before', () => {
  const checked = checkRegistry({
    users: [],
    devices: [
      { eui: '02-DB-12-34-56-78-90-00', importMpan: mpanOf('990000000000'), status: 'Commissioned', line: 'default' },
    ],
    registrations: [],
  })
  assert.ok(checked.ok)
  let drawn = 0
  const identities = createIdentities(checked.registry, (count) => new Uint8Array(count).fill(Math.floor(drawn++ / 3)))
  const prefix = '02-DB-12-34-56-78-90'
  assert.equal(
    Array.from({ length: 3 }, () => identities.eui(prefix)),
    ['02-DB-12-34-56-78-90-01', '02-DB-12-34-56-78-90-02', '02-DB-12-34-56-78-90-03'],
  )
  const stuck = createIdentities(checked.registry, (count) => new Uint8Array(count))
  assert.throws(() => stuck.eui(prefix), /no free EUI-64 under 02-DB-12-34-56-78-90 found in 1000 draws/)
  assert.throws(() => stuck.mpan(), /no free MPAN/)
  assert.ok(isMpan(identities.mpan()))
})

test.run()
