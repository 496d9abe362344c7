// The cut of tweetnacl that goes to a board, against the whole package.

import fc from 'fast-check'
import nacl from 'tweetnacl'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { outsideSubset } from '../../../hardware/build/espruino-subset.ts'
import { cutNacl, readNacl } from '../../../hardware/build/nacl-cut.ts'

interface Cut {
  secretbox: {
    (message: Uint8Array, nonce: Uint8Array, key: Uint8Array): Uint8Array
    open(box: Uint8Array, nonce: Uint8Array, key: Uint8Array): Uint8Array | null
  }
}

const text = cutNacl()
const cut: Cut = (await import(`data:text/javascript,${encodeURIComponent(text)}`)).default

const exactly = (bytes: number) => fc.uint8Array({ minLength: bytes, maxLength: bytes })
const message = fc.uint8Array({ maxLength: 300 })

test('seals and opens as the whole package does', () => {
  fc.assert(
    fc.property(message, exactly(24), exactly(32), (open, nonce, key) => {
      const sealed = nacl.secretbox(open, nonce, key)
      assert.equal(cut.secretbox(open, nonce, key), sealed)
      assert.equal(cut.secretbox.open(sealed, nonce, key), open)
    }),
    { numRuns: 300 },
  )
})

test('refuses a box, a nonce or a key with any bit changed', () => {
  fc.assert(
    fc.property(message, exactly(24), exactly(32), fc.nat(), fc.nat(7), (open, nonce, key, place, bit) => {
      const sealed = cut.secretbox(open, nonce, key)
      for (const changed of [sealed, nonce, key]) {
        const at = place % changed.length
        changed[at]! ^= 1 << bit
        assert.is(cut.secretbox.open(sealed, nonce, key), null)
        changed[at]! ^= 1 << bit
      }
      assert.equal(cut.secretbox.open(sealed, nonce, key), open)
    }),
    { numRuns: 200 },
  )
})

test('opens and refuses the same for boxes of any length', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), exactly(24), exactly(32), (box, nonce, key) => {
      assert.equal(cut.secretbox.open(box, nonce, key), nacl.secretbox.open(box, nonce, key))
    }),
    { numRuns: 300 },
  )
})

test('every length from nothing to the longest message and beyond a block or two', () => {
  const key = new Uint8Array(32).map((_, i) => i * 7)
  for (let length = 0; length <= 260; length++) {
    const open = new Uint8Array(length).map((_, i) => i * 31 + length)
    const nonce = new Uint8Array(24).fill(length)
    assert.equal(cut.secretbox(open, nonce, key), nacl.secretbox(open, nonce, key), `${length} bytes`)
  }
})

test('keys and messages at the edges of Poly1305', () => {
  // Limbs of all ones and all zeros are where carries go wrong.
  for (const fill of [0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff]) {
    for (const length of [0, 1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129]) {
      const [open, nonce, key] = [new Uint8Array(length), new Uint8Array(24), new Uint8Array(32)]
      for (const bytes of [open, nonce, key]) bytes.fill(fill)
      const sealed = nacl.secretbox(open, nonce, key)
      assert.equal(cut.secretbox(open, nonce, key), sealed)
      assert.equal(cut.secretbox.open(sealed, nonce, key), open)
    }
  }
})

test('the cut is inside the Espruino subset and much smaller than the package', () => {
  assert.equal(outsideSubset(text), [])
  assert.ok(text.length < readNacl().length / 3, `${text.length} of ${readNacl().length} bytes`)
  for (const absent of [
    'scalarMult',
    'crypto_sign',
    'crypto_hash',
    'randombytes',
    'checkArrayTypes',
    'checkLengths',
    'require',
  ]) {
    assert.is(text.includes(absent), false, absent)
  }
})

test('a package laid out differently is refused rather than cut wrongly', () => {
  assert.throws(() => cutNacl('export default {}'), 'sourceType')
  assert.throws(() => cutNacl('const nacl = {}'), 'not the one function')
  assert.throws(() => cutNacl('(function (nacl) {})({})'), 'no nacl.secretbox')
  assert.throws(() => cutNacl(readNacl().replace('o[ 4] = x1 >>>  0', 'o[ 4] = x1 >>> 1')), 'not spelled')
})

test.run()
