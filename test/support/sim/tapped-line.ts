// A line with an attacker in the middle, who sees every frame and decides whether it is delivered, changed or dropped.

import { createRandom } from '../../../emulation/random.ts'
import type { SimLine, Way } from '../../../emulation/sim-line.ts'
import { createSimMeter, createWorld } from '../../../emulation/world.ts'
import { createDco } from '../../../host/dco/sealer.ts'
import type { OpenPort } from '../../../host/wan/bindings.ts'
import { readHalfHours } from '../../../host/wan/layouts.ts'
import { defaultLineLimits } from '../../../host/wan/line-limits.ts'
import { createMeterSessions } from '../../../host/wan/meter-session.ts'
import { ReadError } from '../../../host/wan/read-error.ts'
import { createLine } from '../../../host/wan/serial-line.ts'
import { noUsage, type Usage } from '../../../host/wan/usage.ts'

export const eui = '00-DB-12-34-56-78-90-A0'
export const otherEui = '00-DB-12-34-56-78-90-A1'
export const key = createRandom(42).bytes(32)
export const otherKey = createRandom(43).bytes(32)
const endMs = Date.UTC(2026, 10, 22)
export const whOf = (halfHour: number) => createRandom(halfHour).below(500)

/** What becomes of a frame (with what precedes it): the bytes that are sent on in its place, and those that are sent back. */
export type Tamper = (frame: Uint8Array, way: Way) => { on?: Uint8Array[]; back?: Uint8Array[] }

/** Puts an attacker between the ends of a line. */
function tap(line: SimLine) {
  let tamper: Tamper = (frame) => ({ on: [frame] })
  const seen: { frame: Uint8Array; way: Way }[] = []
  const toHost = line.send
  let toDevice: (bytes: Uint8Array) => void = () => {}

  function pass(frame: Uint8Array, way: Way): void {
    seen.push({ frame, way })
    const { on = [], back = [] } = tamper(frame, way)
    const [ahead, behind] = way === 'toHost' ? [toHost, toDevice] : [toDevice, toHost]
    for (const bytes of on) ahead(bytes)
    for (const bytes of back) behind(bytes)
  }
  line.send = (bytes) => pass(bytes, 'toHost')
  const openPort: OpenPort = async (url, baud, events) => {
    const port = await line.openPort(url, baud, events)
    toDevice = (bytes) => port.write(bytes)
    return { ...port, write: (bytes) => pass(bytes, 'toDevice') }
  }
  return {
    openPort,
    seen,
    setTamper(next: Tamper) {
      tamper = next
    },
    /** Inserts bytes. */
    inject(bytes: Uint8Array, way: Way) {
      if (way === 'toHost') toHost(bytes)
      else toDevice(bytes)
    },
  }
}

export function createTappedLine(seed: number, days = 60) {
  const world = createWorld({ seed, days, eui, key, endMs, whOf })
  const { clock, line } = world
  const other = createSimMeter(clock, line, otherEui, otherKey)
  other.live(world.first, new Array<number>(days * 48).fill(999))
  clock.set(endMs + 600000)
  for (const meter of [world.meter, other]) meter.meter().step()
  const { openPort, ...attacker } = tap(line)

  /** A bridge that has just started, without the state of any other. */
  function startBridge(hostSeed: number, hostKey = key) {
    const bridgeLine = createLine('sim:', openPort, defaultLineLimits, clock)
    const keys: { [id: string]: Uint8Array } = { [eui]: hostKey, [otherEui]: otherKey }
    const dco = createDco({ key: (id) => keys[id] }, createRandom(hostSeed).bytes)
    const sessions = createMeterSessions({ dco, timing: clock })
    return {
      line: bridgeLine,
      /** Reads days of half-hours: how many are wrong, or why there are none. */
      async read(readDays = 1, meter = eui, targetMs = 16000) {
        const usage = noUsage()
        const first = world.end - readDays * 48
        const task = { deadlineMs: clock.nowMs() + targetMs, usage }
        const withSession = sessions.withSession(bridgeLine, meter, task, (conversation) =>
          readHalfHours(conversation, 0, first, readDays * 48),
        )
        const outcome = await clock.run(
          withSession.then(
            (readings) => ({
              wrong: readings.filter(({ halfHour, wh }) => wh !== (meter === eui ? whOf(halfHour) : 999)).length,
            }),
            (error) => {
              if (!(error instanceof ReadError)) throw error
              return { fault: error.fault, detail: error.message }
            },
          ),
        )
        return { ...outcome, usage } as { wrong?: number; fault?: string; detail?: string; usage: Usage }
      },
      sessions,
    }
  }

  return { ...world, ...attacker, other, startBridge }
}
