// One place for the flash of many meters: each behaves as a flash of its own, and what was never written takes no room.

import { chmodSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Flash } from '../../../firmware/board.ts'
import { copyOnWrite } from '../../../hardware/emulator/flash-copy.ts'
import { createMemoryFlash } from '../../../hardware/emulator/flash-file.ts'
import { createFlashStore, type FlashStore, openFlashStore } from '../../../hardware/emulator/flash-store.ts'
import { freshPath } from '../../support/bench/cli.ts'

const geometry = { pageBytes: 2048, pages: 3 }
const flashes = 3

interface Operation {
  flash: number
  page: number
  word: number
  /** What is programmed; undefined erases the page. */
  bytes: Uint8Array | undefined
}

const operation: fc.Arbitrary<Operation> = fc.record({
  flash: fc.nat(flashes - 1),
  page: fc.nat(geometry.pages - 1),
  word: fc.nat(450),
  bytes: fc.option(
    fc.integer({ min: 1, max: 60 }).chain((words) => fc.uint8Array({ minLength: words * 4, maxLength: words * 4 })),
    { nil: undefined, freq: 6 },
  ),
})

function apply(flash: Flash, { page, word, bytes }: Operation): void {
  if (bytes === undefined) flash.erase(page)
  else flash.program(page * geometry.pageBytes + word * 4, bytes)
}

const whole = (flash: Flash) => flash.read(0, geometry.pageBytes * geometry.pages)

/** Does the same to the flashes of a store and to flashes of their own. */
function assertSame(store: FlashStore, operations: readonly Operation[]): void {
  store.add(flashes)
  const plain = Array.from({ length: flashes }, () => createMemoryFlash(geometry))
  for (const [i, one] of operations.entries()) {
    if (i % 3 === 1) store.hold((one.flash + i) % flashes)
    apply(store.flash(one.flash), one)
    apply(plain[one.flash]!, one)
  }
  for (const [number, flash] of plain.entries()) assert.equal(whole(store.flash(number)), whole(flash))
}

test('each flash of a store, in memory or in a file, is as a flash of its own', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 40 }), (operations) => {
      assertSame(createFlashStore(geometry), operations)
    }),
    { numRuns: 100 },
  )
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 40 }), (operations) => {
      const path = freshPath()
      const store = openFlashStore(path, geometry)
      assertSame(store, operations)
      const before = Array.from({ length: flashes }, (_, number) => whole(store.flash(number)))
      store.close()
      const again = openFlashStore(path, geometry)
      assert.is(again.count(), flashes)
      for (const [number, bytes] of before.entries()) assert.equal(whole(again.flash(number)), bytes)
      again.close()
    }),
    { numRuns: 20 },
  )
})

test('what is not written takes no room, and what is erased is used again', () => {
  const store = createFlashStore(geometry)
  const first = store.add(100_000)
  const empty = store.bytes()
  assert.ok(empty < 20_000, String(empty))
  const cells = new Uint8Array(geometry.pageBytes)
  store.flash(first + 99_999).program(0, cells)
  const used = store.bytes()
  for (let i = 0; i < 500; i++) {
    store.flash(i).program(0, cells)
    store.flash(i).erase(0)
  }
  assert.is(store.bytes(), used)
  assert.equal(store.flash(99_999).read(0, 4), Uint8Array.of(0, 0, 0, 0))

  const path = freshPath()
  const file = openFlashStore(path, geometry)
  file.add(10_000)
  assert.is(statSync(path).size, 10_000 * geometry.pageBytes * geometry.pages)
  assert.is(file.bytes(), 0)
  file.flash(5_000).program(0, cells)
  assert.ok(file.bytes() > 0 && file.bytes() <= 16_384, String(file.bytes()))
  file.close()
})

test('a copy on write shows what is written to it, and leaves the original as it was', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 30 }), fc.array(operation, { maxLength: 30 }), (before, after) => {
      const original = createMemoryFlash(geometry)
      for (const one of before) apply(original, one)
      const kept = whole(original)
      const plain = createMemoryFlash(geometry, original)
      const copy = copyOnWrite(original)
      for (const one of after) for (const flash of [plain, copy]) apply(flash, one)
      assert.equal(whole(copy), whole(plain))
      assert.equal(whole(original), kept)
    }),
    { numRuns: 50 },
  )
})

test('a wrong address, a flash that is not there, and a file that cannot be used are refused', () => {
  const store = createFlashStore(geometry)
  store.add(1)
  const flash = store.flash(0)
  assert.throws(() => flash.read(geometry.pageBytes * geometry.pages - 1, 2), /outside/)
  assert.throws(() => flash.read(-1, 1), /outside/)
  assert.throws(() => flash.program(2, new Uint8Array(4)), /whole words/)
  assert.throws(() => flash.program(geometry.pageBytes - 4, new Uint8Array(8)), /crosses a page/)
  assert.throws(() => flash.erase(3), /no page 3/)
  assert.throws(() => store.flash(1), /has 1 flashes/)

  const path = freshPath()
  assert.throws(() => openFlashStore(`${path}/no/where`, geometry), /cannot open the flash file/)
  const made = openFlashStore(path, geometry)
  assert.is(statSync(path).mode & 0o777, 0o600)
  made.add(2)
  made.close()
  truncateSync(path, 5000)
  assert.throws(() => openFlashStore(path, geometry), /5000 bytes, not a multiple of the 6144/)
  writeFileSync(path, '')
  chmodSync(path, 0o644)
  assert.throws(() => openFlashStore(path, geometry), /chmod 600/)
})

test.run()
