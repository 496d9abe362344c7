// Reads over a line that spoils bytes, stops, or has a meter at its end that restarts: they lose time, never data.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { LineFaults } from '../../../emulation/line-faults.ts'
import { createNoisyUart } from '../../../emulation/noisy-uart.ts'
import { createRandom } from '../../../emulation/random.ts'
import { corruptFrames } from '../../support/attacks/corrupt-frames.ts'
import { type Incidents, noisyReads, type ReadKind } from '../../support/sim/noisy-reads.ts'

/** What is read, how often, and how many of these reads must complete in time. */
const onDemand: [ReadKind, number][] = [
  ['day', 150],
  ['daily reads', 60],
  ['registers', 60],
]

const faults: { [name: string]: LineFaults & Incidents } = {
  'bit errors at 1e-4': { bitErrors: 1e-4 },
  'bytes lost': { loss: 1e-3 },
  'bytes doubled': { double: 1e-3 },
  'frames late by up to half a second': { delays: 0.05 },
  'a reader that stops for two seconds': { stops: true },
  'a meter that restarts in its answer': { reboots: true },
}

for (const [name, these] of Object.entries(faults)) {
  test(`${name}: every read is complete within 16 s, and right`, async () => {
    for (const baud of [9600, 115200]) {
      for (const [kind, reads] of onDemand) {
        const tally = await noisyReads({ kind, reads, baud, faults: these, seed: 5, targetMs: 16000 })
        assert.is(tally.completed, reads, `${kind} at ${baud} baud: ${JSON.stringify(tally.failed)}`)
        assert.is(tally.wrong, 0)
      }
    }
  })
}

test('bit errors at 1e-3 and bursts: most reads complete, none is wrong', async () => {
  for (const these of [{ bitErrors: 1e-3 }, { bursts: 1e-3 }]) {
    const tally = await noisyReads({ kind: 'day', reads: 200, baud: 115200, faults: these, seed: 6, targetMs: 16000 })
    assert.is(tally.wrong, 0)
    assert.ok(tally.completed >= 190, `${tally.completed} of 200: ${JSON.stringify(tally.failed)}`)
  }
})

test('13 months at 1e-4 continue after a lost frame, and do not start over', async () => {
  const clean = await noisyReads({ kind: '13 months', reads: 1, baud: 115200, faults: {}, seed: 7, targetMs: 20000 })
  const noisy = await noisyReads({
    kind: '13 months',
    reads: 3,
    baud: 115200,
    faults: { bitErrors: 1e-4 },
    seed: 7,
    targetMs: 20000,
  })
  assert.equal([noisy.completed, noisy.wrong], [3, 0], JSON.stringify(noisy.failed))
  assert.ok(noisy.repeated > 20, `${noisy.repeated} asks repeated`)
  const each = (noisy.usage.bytesIn + noisy.usage.bytesOut) / 3
  const once = clean.usage.bytesIn + clean.usage.bytesOut
  assert.ok(each < once * 1.6, `${each} bytes, ${once} without noise`)
})

test('the same seed gives the same reads', async () => {
  const job = { kind: 'day' as const, reads: 20, baud: 9600, faults: { bitErrors: 1e-3 }, seed: 8, targetMs: 16000 }
  assert.equal(await noisyReads(job), await noisyReads(job))
})

test('of spoilt frames none is accepted, with or without a good CRC', () => {
  const frames = corruptFrames(1, 200_000, false)
  assert.is(frames.accepted, 0)
  assert.is(frames.stoppedBySeal + frames.withoutValue, frames.passedCrc)
  const packets = corruptFrames(2, 20_000, true)
  assert.is(packets.accepted, 0)
  assert.ok(packets.stoppedBySeal > 15_000)
})

test('a noisy UART: bits flip at the given rate, and it synchronises again', () => {
  const random = createRandom(9)
  const clean = createNoisyUart(random)
  const bytes = random.bytes(500)
  assert.equal(clean.carry(bytes, 0, true), bytes)
  const noisy = createNoisyUart(random)
  let spoilt = 0
  for (let i = 0; i < 400; i++) {
    const arrived = noisy.carry(bytes, 1e-4, true)
    if (arrived.length !== bytes.length || arrived.some((byte, at) => byte !== bytes[at])) spoilt += 1
  }
  // 5,000 bits: 1 - (1 - 1e-4)^5000 = 39 %.
  assert.ok(spoilt > 120 && spoilt < 200, `${spoilt} of 400`)
  assert.equal(noisy.carry(bytes, 0, true).slice(-400), bytes.slice(-400))
})

test.run()
