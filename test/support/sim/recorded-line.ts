// A recording of sessions with a meter, some over a bad line, one with alerts; and what was read in them.

import type { LineFaults } from '../../../emulation/line-faults.ts'
import { createRandom } from '../../../emulation/random.ts'
import { createWorld } from '../../../emulation/world.ts'
import { createDco } from '../../../host/dco/sealer.ts'
import { openRecording } from '../../../host/trace/recording.ts'
import { ask } from '../../../host/wan/ask.ts'
import type { Conversation } from '../../../host/wan/conversation.ts'
import { readDailyReads, readHalfHours } from '../../../host/wan/layouts.ts'
import { defaultLineLimits } from '../../../host/wan/line-limits.ts'
import { createMeterSessions } from '../../../host/wan/meter-session.ts'
import { ReadError } from '../../../host/wan/read-error.ts'
import { createLine } from '../../../host/wan/serial-line.ts'
import { noUsage } from '../../../host/wan/usage.ts'

export const recordedEui = '00-DB-12-34-56-78-90-A0'
export const recordedKey = createRandom(42).bytes(32)
const endMs = Date.UTC(2026, 10, 22, 3, 10)

/** Days of half-hours that its meter has. */
export const recordedDays = 8

export const recordedWh = (halfHour: number) => createRandom(halfHour).below(500)

/** Sessions in virtual time with a meter of `recordedDays` days, recorded in `path`. */
export async function recordLine(path: string, seed: number, faults: LineFaults = {}) {
  const world = createWorld({
    seed,
    days: recordedDays,
    eui: recordedEui,
    key: recordedKey,
    endMs: Math.floor(endMs / 86400000) * 86400000,
    whOf: recordedWh,
  })
  const { clock, line: wire, meter, first } = world
  const recording = openRecording(path, 'test', clock.nowMs, (problem) => {
    throw new Error(problem)
  })
  const line = createLine('sim:one', recording.tap(wire.openPort), defaultLineLimits, clock)
  const dco = createDco({ key: (eui) => (eui === recordedEui ? recordedKey : undefined) }, createRandom(seed + 1).bytes)
  const sessions = createMeterSessions({ dco, timing: clock, alerted: async () => {} })
  const usage = noUsage()
  const withSession = <T>(work: (conversation: Conversation) => Promise<T>) =>
    clock
      .run(sessions.withSession(line, recordedEui, { deadlineMs: clock.nowMs() + 60000, usage }, work))
      .catch((error: unknown) => {
        if (!(error instanceof ReadError)) throw error
      })
  clock.set(endMs)
  await withSession((conversation) => readHalfHours(conversation, 0, first, recordedDays * 48))
  // A power cut makes an alert, which the next wake brings.
  meter.off()
  await clock.pass(3 * 3600000)
  meter.on()
  wire.faults = faults
  await withSession(async (conversation) => {
    await readDailyReads(conversation, 0, 65536)
    await ask(conversation, 'readRegisters', {})
    await ask(conversation, 'readEvents', { log: 1, firstSequence: 0 })
    await ask(conversation, 'readInventory', {})
    await ask(conversation, 'readClock', {})
    await ask(conversation, 'writeSettings', { version: 77, settings: new Uint8Array(3) })
  })
  await withSession((conversation) => readHalfHours(conversation, 0, first, recordedDays * 48))
  await clock.pass(20000)
  recording.close()
  await line.close()
  return { usage, first, bytes: wire.bytes }
}
