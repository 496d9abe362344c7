import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { flashMapPages } from '../firmware/flash-map.ts'
import { openProfileLog } from '../firmware/profile-log.ts'
import { noFindings, prepared, recordings, tryCuts } from './support/power-cuts.ts'
import { createRandom } from './support/random.ts'
import { createSimFlash, tornModels } from './support/sim-flash.ts'

const firstDay = 20000
const clean = { lost: 0, invented: 0, doubled: 0, backwards: 0 }

function report(found: ReturnType<typeof noFindings>): object {
  const { cuts, ...rest } = found
  assert.ok(cuts > 0)
  return rest
}

// Pages of 1 KB turn the journal daily and the ring every fortnight, so three days cross every kind of turn.
for (const model of tornModels) {
  test(`power cut at every operation of three days, ${model}`, () => {
    const list = recordings(7, firstDay * 48, 30 * 48)
    const count = list.findIndex((entry) => entry.halfHour >= (firstDay + 27) * 48)
    const ground = prepared(1024, list, count)
    const found = noFindings()
    for (let cut = 0; tryCuts(ground, list, count, [cut], model, cut + 1, found); cut++);
    assert.ok(found.cuts > 288, `${found.cuts} cuts`)
    assert.equal(report(found), clean)
  })
}

// The order of operations does not rest on the CRC, which one torn record in 65,536 would pass.
test('every record is written body first, first word last; every erase comes after its header was burnt', () => {
  const flash = createSimFlash(1024, flashMapPages, createRandom(1))
  const operations: { at: number; bytes: Uint8Array | undefined }[] = []
  const program = flash.program
  const erase = flash.erase.bind(flash)
  flash.program = (at, bytes) => {
    operations.push({ at, bytes: bytes.slice() })
    program(at, bytes)
  }
  flash.erase = (page) => {
    operations.push({ at: page * flash.pageBytes, bytes: undefined })
    erase(page)
  }
  const log = openProfileLog(flash)
  let register = 0
  for (const { halfHour, wh, marked } of recordings(3, firstDay * 48, 30 * 48)) {
    register += wh
    log.record(halfHour, wh, marked, register)
  }
  const isBurnt = (bytes: Uint8Array | undefined) => bytes?.every((byte) => byte === 0) === true
  const counts = { records: 0, erases: 0 }
  for (const [i, { at, bytes }] of operations.entries()) {
    if (bytes === undefined) {
      counts.erases += 1
      assert.ok(operations[i - 1]!.at === at && isBurnt(operations[i - 1]!.bytes), `the erase at ${at}`)
    } else if (!isBurnt(bytes) && bytes.length > 4) {
      counts.records += 1
      const next = operations[i + 1]!
      assert.ok(next.at === at - 4 && next.bytes!.length === 4, `the record at ${at - 4}`)
    } else if (!isBurnt(bytes)) assert.is(operations[i - 1]!.at, at + 4, `the first word at ${at}`)
  }
  assert.ok(counts.records > 1400 && counts.erases > 20, JSON.stringify(counts))
})

test('power cut at the first operations of a new meter', () => {
  const list = recordings(8, firstDay * 48, 60)
  const ground = prepared(4096, list, 0)
  const found = noFindings()
  for (const model of tornModels) for (let cut = 0; cut < 60; cut++) tryCuts(ground, list, 0, [cut], model, cut, found)
  assert.equal(report(found), clean)
})

test('two cuts in a row, the second while the meter finds its place after the first', () => {
  const list = recordings(9, firstDay * 48, 16 * 48)
  const count = list.findIndex((entry) => entry.halfHour >= (firstDay + 15) * 48 - 4)
  const ground = prepared(1024, list.slice(0, count + 10), count)
  const found = noFindings()
  for (const model of tornModels) {
    for (let first = 0; first < 40; first++) {
      for (let second = 0; second < 14; second++) {
        tryCuts(ground, list.slice(0, count + 10), count, [first, second], model, first * 100 + second, found)
      }
    }
  }
  assert.equal(report(found), clean)
})

test('many random cuts in a row over two weeks', () => {
  const found = noFindings()
  for (let seed = 1; seed <= 12; seed++) {
    const random = createRandom(seed)
    const list = recordings(seed, firstDay * 48, 14 * 48)
    const ground = prepared(random.below(2) === 0 ? 1024 : 4096, list, 0)
    const cuts = Array.from({ length: 30 }, () => random.below(60))
    tryCuts(ground, list, 0, cuts, tornModels[seed % 3]!, seed, found)
  }
  assert.equal(report(found), clean)
})

test.run()
