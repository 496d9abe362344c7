// A published flash image of format 1. Every later version must read it; when this fails the code is wrong, not the image.

import { inflateRawSync } from 'node:zlib'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRandom } from '../../emulation/random.ts'
import { createSimFlash } from '../../emulation/sim-flash.ts'
import { fromHex } from '../../protocol/bytes.ts'
import { decodeDayBlock } from '../../protocol/profile-coding.ts'
import { decodeSnapshot } from '../../protocol/register-snapshot.ts'
import { readAll } from '../support/model/golden-flash.ts'
import { repositoryText } from '../support/repository.ts'

const vector = JSON.parse(repositoryText('test/vectors/flash-v1.json'))

test('a flash of format 1 reads as it was written', () => {
  const cells = new Uint8Array(inflateRawSync(Buffer.from(vector.image, 'base64')))
  const flash = createSimFlash(vector.pageBytes, vector.pages, createRandom(1), {
    cells,
    weak: new Uint8Array(cells.length),
    mayBeWeak: false,
  })
  const holds = JSON.parse(JSON.stringify(readAll(flash)))
  // Format 1 had no limit of a half-hour: that of a new meter is used.
  assert.is(holds.configuration.halfHourWhMax, 41400)
  delete holds.configuration.halfHourWhMax
  assert.equal(holds, vector.holds)
})

test('what it holds hangs together', () => {
  const { profile, registers, dailyReads, billing } = vector.holds
  const now = decodeSnapshot(fromHex(registers))!
  assert.is(
    now.matrix.reduce((sum, wh) => sum + wh, 0),
    now.registers[0],
  )
  for (const [channel, blocks] of profile.entries()) {
    const days = blocks.map((hex: string) => decodeDayBlock(fromHex(hex))!)
    let sum = 0
    for (const { channel: of, wh } of days) {
      assert.is(of, channel)
      for (const one of wh) sum += Math.max(0, one)
    }
    // The rest was counted around steps of the clock and in the half-hour that runs.
    assert.ok(sum > 0 && sum <= now.registers[channel]!, `channel ${channel}: ${sum} of ${now.registers[channel]}`)
    assert.ok(sum > now.registers[channel]! * 0.97, `channel ${channel}: ${sum} of ${now.registers[channel]}`)
  }
  for (const hex of [...dailyReads, ...billing]) {
    const { matrix, registers: then } = decodeSnapshot(fromHex(hex))!
    assert.is(
      matrix.reduce((sum, wh) => sum + wh, 0),
      then[0],
    )
  }
  assert.is(dailyReads.length, 31)
  assert.is(billing.length, 2)
})

test.run()
