// smets1 doctor on a port with a console instead of a meter, which mostly echoes.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRandom } from '../../../emulation/random.ts'
import { createVirtualClock } from '../../../emulation/virtual-clock.ts'
import { lineFindings } from '../../../host/cli/line-findings.ts'
import { createDco } from '../../../host/dco/sealer.ts'
import type { OpenPort } from '../../../host/wan/bindings.ts'

async function doctorSays(eui: string | undefined, openPort: OpenPort) {
  const clock = createVirtualClock(Date.UTC(2026, 10, 22))
  const { bytes: randomBytes } = createRandom(1)
  const dco = createDco({ key: () => new Uint8Array(32) }, randomBytes)
  const test = {
    url: '/dev/ttyUSB0',
    baud: 115200,
    frames: 10,
    setClock: false,
    confirmClock: false,
    progress: () => {},
  }
  const { findings } = await clock.run(lineFindings({ ...test, eui, dco, openPort, timing: clock, randomBytes }))
  return findings[0]!
}

/** What Espruino 2v29 does with a wake: it shows what can be printed, and waits for the end of the line. */
function echoAt(speed: number): OpenPort {
  return async (_url, baud, events) => ({
    write: (bytes) =>
      events.data(bytes.filter((byte) => byte >= 32).map((byte) => (baud === speed ? byte : byte ^ 85))),
    close: async () => events.closed(),
  })
}

test('a console that echoes is named, at any speed, and where no meter is known', async () => {
  for (const [eui, speed] of [
    ['00-DB-12-34-56-78-90-A0', 115200],
    ['00-DB-12-34-56-78-90-A0', 9600],
    [undefined, 115200],
  ] as const) {
    const { text, fix } = await doctorSays(eui, echoAt(speed))
    assert.match(text, /writes text or echoes, as a console does/)
    assert.match(fix!, /name the port at the other end of the line/)
  }
})

test('a port that echoes is reported as not a meter, beside its losses', async () => {
  const echo: OpenPort = async (_url, _baud, events) => ({
    write: (bytes) => events.data(bytes),
    close: async () => events.closed(),
  })
  const { state, text } = await doctorSays('00-DB-12-34-56-78-90-A0', echo)
  assert.is(state, 'warning')
  assert.match(
    text,
    /comes back, and 00-DB.* does not answer: this is a loopback plug, or an adapter that receives its own bytes/,
  )
})

test.run()
