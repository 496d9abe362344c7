// The life of the meter whose flash is test/vectors/flash-v1.json, and how a flash is read. The life is documented here
// for the next format; the image itself is published and never generated again.

import { createRandom } from '../../../emulation/random.ts'
import { createSimFlash, PowerCut, type SimFlash } from '../../../emulation/sim-flash.ts'
import type { Board, Flash } from '../../../firmware/board.ts'
import { entriesOf } from '../../../firmware/event-log.ts'
import { openLogs, readBilling, readDailyReads, readProfile, snapshotNow } from '../../../firmware/logs.ts'
import { createMeter, type Meter } from '../../../firmware/meter.ts'
import { act, action } from '../../../firmware/metering.ts'
import type { NextRecord } from '../../../firmware/record-ring.ts'
import { defaultConfiguration, readSettings, writeSettings } from '../../../firmware/settings.ts'
import { toHex } from '../../../protocol/bytes.ts'
import { dayMs, halfHourMs } from '../../../protocol/half-hour.ts'

const firstDay = 20750

/** 45 days: a tariff that switches within half-hours, steps of the clock, outages, a cut inside an operation, billing. */
export function goldenLife(): SimFlash {
  const random = createRandom(2026)
  const flash = createSimFlash(4096, 25, random)
  const tariff = new Uint8Array([1, 0, 1, 1, 0x99, 0x81, 1, 3, 0, 0, 65, 1, 77, 2, 1, 0, 47])
  const configuration = { ...defaultConfiguration(), tariff, billingDay: 15 }
  writeSettings(flash, { eui: random.bytes(8), key: random.bytes(32), version: 1, configuration })
  let nowMs = firstDay * dayMs
  let aheadMs = 0
  let pulses = [0, 0, 0, 0]
  const board: Board = {
    nowMs: () => nowMs + aheadMs,
    upMs: () => nowMs,
    flash,
    uart: { write: () => {}, ready: () => true },
    takePulses: () => {
      const taken = pulses
      pulses = [0, 0, 0, 0]
      return taken
    },
  }
  let meter: Meter = createMeter(board)

  function live(halfHours: number): void {
    for (let i = 0; i < halfHours * 6; i++) {
      nowMs += halfHourMs / 6
      pulses = [random.below(90), random.below(40), random.below(30), random.below(9)]
      meter.step()
    }
  }

  live(10 * 48 + 7)
  meter.powerFails()
  nowMs += 5 * halfHourMs + 400000
  meter = createMeter(board)
  live(6 * 48)
  act(meter.state.metering, action.setClock, nowMs + 3700000)
  live(48)
  aheadMs = -7200000
  live(3 * 48)
  act(meter.state.metering, action.takeBilling, 4)
  flash.cutAfter(41, 'short')
  try {
    live(48)
  } catch (error) {
    if (!(error instanceof PowerCut)) throw error
  }
  flash.powerOn()
  nowMs += 2 * dayMs
  meter = createMeter(board)
  live(22 * 48)
  meter.commit()
  return flash
}

function hexOf(next: NextRecord): string[] {
  const found: string[] = []
  for (let record = next(); record !== undefined; record = next()) found.push(toHex(record))
  return found
}

/** Everything a flash holds, as hexadecimal. Opening it counts a start, in a copy of the flash. */
export function readAll(flash: Flash): object {
  const settings = readSettings(flash)!
  const logs = openLogs(flash)
  return {
    eui: toHex(settings.eui),
    version: settings.version,
    configuration: { ...settings.configuration, tariff: toHex(settings.configuration.tariff) },
    starts: logs.journal.boots,
    registers: toHex(snapshotNow(logs, 0)!),
    profile: [0, 1, 2, 3].map((channel) => hexOf(readProfile(logs, channel, 0, 3000000))),
    dailyReads: hexOf(readDailyReads(logs, 0, 65536, 31)),
    billing: hexOf(readBilling(logs, 0)),
    events: hexOf(entriesOf(logs.events, 1, 0)),
    securityEvents: hexOf(entriesOf(logs.events, 2, 0)),
  }
}
