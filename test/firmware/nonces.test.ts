// No nonce twice with a key: through power cuts at every operation on flash, restarts of both ends, and wakes that somebody
// sends again.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRandom, type Random } from '../../emulation/random.ts'
import { createSimFlash, PowerCut, type SimFlash, type TornModel, tornModels } from '../../emulation/sim-flash.ts'
import type { Board } from '../../firmware/board.ts'
import { flashPagesFull, pageBytes } from '../../firmware/flash-map.ts'
import { createMeter, type Meter } from '../../firmware/meter.ts'
import { defaultConfiguration, writeSettings } from '../../firmware/settings.ts'
import { createDco } from '../../host/dco/sealer.ts'
import { euiToBytes } from '../../protocol/bytes.ts'
import { createFrameDecoder, encodeFrame } from '../../protocol/frame.ts'
import { decodePacket, encodeSealedAsk, encodeWake, kind, nonceOf, type Packet } from '../../protocol/link.ts'
import { encodeAsk } from '../../protocol/messages.ts'
import { seal } from '../../protocol/seal.ts'
import { createNonceListener } from '../support/sim/nonces.ts'

const eui = '00-DB-12-34-56-78-90-A0'
const key = createRandom(42).bytes(32)
const startMs = Date.UTC(2026, 10, 22, 9, 10)

/** A meter on a flash that may cut, with a listener on its line, and somebody who wakes it with one nonce again and again. */
function bench(random: Random, flash: SimFlash) {
  const listener = createNonceListener()
  let packets: Packet[] = []
  const heard = createFrameDecoder(
    (bytes) => void packets.push(decodePacket(bytes)!),
    () => {},
  )
  let nowMs = startMs
  const board: Board = {
    nowMs: () => nowMs,
    upMs: () => nowMs,
    flash,
    uart: {
      write(bytes) {
        listener.toHost(bytes)
        heard.push(bytes)
      },
      ready: () => true,
    },
    takePulses: () => [random.below(3), 0, 0, 0],
  }

  function say(meter: Meter, packet: Uint8Array): Packet[] {
    packets = []
    const frame = encodeFrame(packet)
    listener.toMeter(frame)
    meter.received(frame)
    do meter.step()
    while (meter.busy())
    return packets
  }

  /** What a start and two sessions bring: alerts, answers, entries in every log that an ask may write. */
  function life(): void {
    nowMs += 60_000
    const meter = createMeter(board)
    for (let session = 0; session < 2; session++) {
      nowMs += 1000
      const hostNonce = new Uint8Array(8)
      const awake = say(meter, encodeWake(euiToBytes(eui), hostNonce)).at(-1)
      assert.is(awake?.kind, 'awake')
      if (awake?.kind !== 'awake') return
      const link = { hostNonce, boot: awake.boot, session: awake.session }
      const messages = [
        encodeAsk('readRegisters', {}),
        encodeAsk('takeBilling', { cause: 4 }),
        encodeAsk('setClock', { utcMs: nowMs + 5000, confirmed: 1 }),
        encodeAsk('readEvents', { log: 1, firstSequence: 0 }),
        encodeAsk('sleep', {}),
      ]
      messages.forEach((message, i) => {
        say(meter, encodeSealedAsk(i + 1, seal(message, nonceOf(kind.ask, link, i + 1, 0), key)))
      })
    }
  }

  /** A life that power may cut. */
  function cutLife(afterOperations: number, model: TornModel): void {
    flash.cutAfter(afterOperations, model)
    try {
      life()
    } catch (error) {
      if (!(error instanceof PowerCut)) throw error
      listener.powerCut()
    }
    flash.powerOn()
  }
  return { listener, life, cutLife }
}

function newFlash(random: Random): SimFlash {
  const flash = createSimFlash(pageBytes, flashPagesFull, random)
  writeSettings(flash, { eui: euiToBytes(eui), key, version: 1, configuration: defaultConfiguration() })
  return flash
}

test('the meter: power cut at every operation of a start and two sessions, once and twice', () => {
  let operations = 0
  let cuts = 0
  for (let first = 0; first === 0 || first <= operations; first++) {
    for (const model of tornModels) {
      for (const second of [undefined, 0, 1, 2, first]) {
        const random = createRandom(first * 7 + (second ?? 99))
        const flash = newFlash(random)
        const { listener, life, cutLife } = bench(random, flash)
        life()
        if (operations === 0) {
          const before = flash.operations()
          life()
          operations = flash.operations() - before
        }
        cutLife(first, model)
        if (second !== undefined) cutLife(second, model)
        life()
        life()
        cuts += 1
        assert.equal(listener.twice, [], `${model}, cut after ${first} and ${second}`)
        assert.ok(listener.used.length > 30)
      }
    }
  }
  assert.ok(operations >= 10 && cuts > 150, `${operations} operations, ${cuts} lives`)
})

test('the meter: runs of forty starts, each cut at random', () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = createRandom(seed)
    const { listener, life, cutLife } = bench(random, newFlash(random))
    for (let start = 0; start < 40; start++) cutLife(random.below(30), tornModels[random.below(3)]!)
    life()
    assert.equal(listener.twice, [], `seed ${seed}`)
  }
})

test('the DCO: killed at any moment, and given the same boot and session each time', async () => {
  const random = createRandom(5)
  const used = new Set<string>()
  let sealed = 0
  for (let life = 0; life < 400; life++) {
    // The process starts anew; only chance tells its sessions from those before.
    const dco = createDco({ key: () => key }, random.bytes)
    for (let session = 0; session < 3; session++) {
      const one = dco.open(eui)!
      one.bind(1, 1)
      for (let asks = random.below(4); asks > 0; asks--) {
        const { counter } = await one.sealAsk(encodeAsk('readClock', {}))
        used.add(String(nonceOf(kind.ask, { hostNonce: one.hostNonce, boot: 1, session: 1 }, counter, 0)))
        sealed += 1
      }
    }
  }
  assert.ok(sealed > 1000)
  assert.is(used.size, sealed)
})

test.run()
