// Thirteen months from `smets1 meter` as a process of its own, at the speed of a real line.

import { randomBytes } from 'node:crypto'
import { householdWh } from '../../hardware/load/household.ts'
import { createDco } from '../../host/dco/sealer.ts'
import { systemTiming } from '../../host/runtime/system-timing.ts'
import { openPort } from '../../host/wan/bindings.ts'
import type { LineLimits } from '../../host/wan/line-limits.ts'
import { createLine } from '../../host/wan/serial-line.ts'
import { noUsage } from '../../host/wan/usage.ts'
import { euiFromBytes } from '../../protocol/bytes.ts'
import { createMeterFolder, eui, key, provision, start } from '../support/bench/meter-command.ts'
import { countingPayload } from '../support/sim/noisy-reads.ts'
import { readProfile } from '../support/sim/single-read.ts'

const days = 397
const seed = 7

export async function emulatedMonths(
  limits: LineLimits,
): Promise<{ tookMs: number; bytes: number; payload: number; wrong: number }> {
  const folder = createMeterFolder()
  try {
    provision(folder)
    const meter = await start(folder, { port: 'tcp://127.0.0.1:0', baud: limits.baud, days, seed, solar: 0 })
    const today = Math.floor(Date.now() / 86_400_000) * 48
    const first = today - (days - 1) * 48
    const line = createLine(meter.ready.port, openPort, limits, systemTiming)
    let payload = 0
    const dco = countingPayload(createDco({ key: () => key }, randomBytes), (bytes) => {
      payload += bytes
    })
    const usage = noUsage()
    const startMs = Date.now()
    const reader = { line, dco, timing: systemTiming }
    const count = (days - 1) * 48
    const readings = await readProfile(reader, euiFromBytes(eui), 0, first, count, startMs + 120_000, usage)
    const tookMs = Date.now() - startMs
    await line.close()
    const wrong = readings.filter(({ halfHour, wh }) => wh !== householdWh(seed, halfHour)).length
    return { tookMs, bytes: usage.bytesIn + usage.bytesOut, payload, wrong }
  } finally {
    folder.remove()
  }
}
