// Cells of a ring's page that no longer hold what is written: the record goes where cells are good, and is found again.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Board } from '../../firmware/board.ts'
import { flashMapOf, flashPagesFull, pageBytes } from '../../firmware/flash-map.ts'
import { openLogs, readProfile } from '../../firmware/logs.ts'
import { createMeter } from '../../firmware/meter.ts'
import { defaultConfiguration, writeSettings } from '../../firmware/settings.ts'
import { createMemoryFlash } from '../../hardware/emulator/flash-file.ts'
import { halfHourMs, halfHourOf } from '../../protocol/half-hour.ts'
import { dayBlockDay } from '../../protocol/profile-coding.ts'

const geometry = { pageBytes, pages: flashPagesFull }
const firstDay = 20014

/** A flash of which one bit cannot be cleared, or not be set by an erase. */
function flashWithBadBit(address: number, mask: number, staysSet: boolean) {
  const good = createMemoryFlash(geometry)
  const clear = () =>
    good.program(
      address & ~3,
      Uint8Array.from([0, 1, 2, 3], (i) => (i === (address & 3) ? ~mask : 255)),
    )
  if (!staysSet) clear()
  return {
    ...good,
    program(at: number, bytes: Uint8Array) {
      const written = Uint8Array.from(bytes, (byte, i) => (staysSet && at + i === address ? byte | mask : byte))
      good.program(at, written)
    },
    erase(page: number) {
      good.erase(page)
      if (!staysSet && page === Math.floor(address / pageBytes)) clear()
    },
  }
}

/** Three days and two hours, and two clean starts more; the days of active import that are read then. */
function daysAfter(flash: ReturnType<typeof flashWithBadBit>): number[] {
  writeSettings(flash, {
    eui: new Uint8Array(8).fill(1),
    key: new Uint8Array(32).fill(7),
    version: 1,
    configuration: defaultConfiguration(),
  })
  let nowMs = firstDay * 48 * halfHourMs
  let pulses = 0
  const board: Board = {
    nowMs: () => nowMs,
    upMs: () => nowMs,
    flash,
    uart: { write: () => {}, ready: () => true },
    takePulses: () => [pulses, 0, 0, 0],
  }
  const meter = createMeter(board)
  for (let i = 0; i < 48 * 3 + 4; i++) {
    pulses = 100 + ((i * 37) % 200)
    nowMs += halfHourMs
    meter.step()
    pulses = 0
  }
  for (let starts = 0; starts < 2; starts++) {
    nowMs += 60000
    createMeter(board).step()
  }
  const next = readProfile(openLogs(flash), 0, firstDay * 48, halfHourOf(nowMs) - firstDay * 48)
  const days: number[] = []
  for (let block = next(); block; block = next()) days.push(dayBlockDay(block, 0) - firstDay)
  return days
}

test('no day is lost to a bad bit where its block is written, whatever bit', () => {
  const page = flashMapOf(flashPagesFull).imports * pageBytes
  for (let at = 140; at < 210; at++) {
    for (let bit = 0; bit < 8; bit += 1 + (at % 2)) {
      for (const staysSet of [true, false]) {
        const days = daysAfter(flashWithBadBit(page + at, 1 << bit, staysSet))
        assert.equal(days, [0, 1, 2, 3], `byte ${at}, bit ${bit}, stays ${staysSet ? 'set' : 'cleared'}`)
      }
    }
  }
})

test.run()
