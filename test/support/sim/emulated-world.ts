// An emulated board with a meter's flash, in memory, on a clock that the test moves.

import { entriesOf } from '../../../firmware/event-log.ts'
import { flashPagesFull, pageBytes } from '../../../firmware/flash-map.ts'
import { type Logs, openLogs, readProfile } from '../../../firmware/logs.ts'
import { type Configuration, defaultConfiguration, writeSettings } from '../../../firmware/settings.ts'
import { createEmulatedBoard, type EmulatedBoard, systemTimers } from '../../../hardware/emulator/emulated-board.ts'
import { createFaultyFlash, type FaultyFlash } from '../../../hardware/emulator/flash-faults.ts'
import { createMemoryFlash } from '../../../hardware/emulator/flash-file.ts'
import { decodeEvent, type EventEntry, eventLog } from '../../../protocol/event-entry.ts'
import { startOfHalfHour } from '../../../protocol/half-hour.ts'
import { decodeDayBlock } from '../../../protocol/profile-coding.ts'

/** The first half-hour of such worlds: a midnight. */
export const first = 20000 * 48

export interface EmulatedWorld {
  board: EmulatedBoard
  flash: FaultyFlash
  boardClock: { nowMs: number; upMs: number }
}

export function createEmulatedWorld(given: {
  load: (halfHour: number) => number | undefined
  otherLoad?: (halfHour: number, channel: number) => number
  configuration?: Partial<Configuration>
  pages?: number
  seed?: number
  erasesMax?: number
}): EmulatedWorld {
  const boardClock = { nowMs: startOfHalfHour(first), upMs: 0 }
  const { load, otherLoad, pages = flashPagesFull, seed = 1, erasesMax = Number.POSITIVE_INFINITY } = given
  const configuration = { ...defaultConfiguration(), ...given.configuration }
  const flash = createFaultyFlash(createMemoryFlash({ pageBytes, pages }), { seed, erasesMax })
  writeSettings(flash, { eui: new Uint8Array(8).fill(1), key: new Uint8Array(32).fill(2), version: 1, configuration })
  const board = createEmulatedBoard({
    flash,
    clock: () => boardClock.nowMs,
    up: () => boardClock.upMs,
    load,
    ...(otherLoad === undefined ? {} : { otherLoad }),
    pulsesPerKwh: configuration.pulsesPerKwh,
    send: () => {},
    baud: 0,
    timers: systemTimers,
  })
  return { board, flash, boardClock }
}

/** What the flash has, opened on a copy. */
export function logsOf({ flash }: EmulatedWorld): Logs {
  flash.powerOn()
  return openLogs(createMemoryFlash({ pageBytes, pages: flash.pages }, flash))
}

/** Half-hours of a channel as the firmware gives them: Wh by half-hour, and which are marked. */
export function profileOf(logs: Logs, channel = 0): { wh: Map<number, number>; marked: number[] } {
  const next = readProfile(logs, channel, 0, 3000000)
  const wh = new Map<number, number>()
  const marked: number[] = []
  for (let block = next(); block !== undefined; block = next()) {
    const profile = decodeDayBlock(block)!
    for (const [i, value] of profile.wh.entries()) if (value >= 0) wh.set(profile.day * 48 + i, value)
    for (const [i, mark] of profile.marked.entries()) if (mark === 1) marked.push(profile.day * 48 + i)
  }
  return { wh, marked }
}

/** The event log, oldest first. */
export function eventsOf(logs: Logs): EventEntry[] {
  const next = entriesOf(logs.events, eventLog.event, 0)
  const entries: EventEntry[] = []
  for (let bytes = next(); bytes !== undefined; bytes = next()) entries.push(decodeEvent(bytes, 0)!)
  return entries
}
