// The meter: connects the board to metering and to the session. Nothing is decided here.

import { copyOf } from '../protocol/bytes.ts'
import { createFrameDecoder, encodeFrame } from '../protocol/frame.ts'
import { firstHalfHourOfDay } from '../protocol/half-hour.ts'
import { halfHoursPerDay, sessionsPerBootMax } from '../protocol/limits.ts'
import { encodeAwake, hostNonceBytes, isWakeFor } from '../protocol/link.ts'
import { decodeDayBlock } from '../protocol/profile-coding.ts'
import type { Board } from './board.ts'
import { doAsk } from './commands.ts'
import { countOnly, type Metering, newMetering } from './counting.ts'
import { wornOut } from './flash-pages.ts'
import { type Line, newLine } from './line.ts'
import { type Logs, lastNumber, readProfile } from './logs.ts'
import { act, action } from './metering.ts'
import { hear, putAside, reply, sendNext } from './session.ts'

/** Packets that wait for the next step; more than an honest asker ever has under way. */
const packetsWaitingMax = 2

interface State {
  metering: Metering
  waiting: Uint8Array[]
  line: Line
  /** True once the flash takes nothing any more: the meter counts nothing, and says so when it is woken. */
  isWornOut: boolean
}

/** What there is to do beside what the line brings: nothing, or an action of metering.ts. */
const noAction = -1

/** Answers a wake with start 0 and session 0, which no meter has that works: no number is left of which a nonce can be made. */
function answerWornOut(state: State): void {
  const packet = state.waiting.shift()
  if (!packet || !isWakeFor(packet, state.metering.settings.eui)) return
  state.line.send(encodeFrame(encodeAwake({ hostNonce: copyOf(packet, 9, hostNonceBytes), boot: 0, session: 0 })))
}

/**
 * Gives the function that does what is due: writes, and answers packets. A board has it, and all that only it needs, in
 * memory while there is something to do, which is seldom (hardware/sink.ts).
 */
function openWork(state: State): (what: number) => void {
  const metering = state.metering
  const line = state.line

  return (what) => {
    if (state.isWornOut) {
      answerWornOut(state)
      return
    }
    if (what !== noAction) {
      putAside(line)
      act(metering, what)
    }
    for (;;) {
      if (line.ask) reply(metering, line, doAsk(metering, line.ask))
      // A session number used twice would repeat nonces: go on as after a start.
      if (line.sessions === sessionsPerBootMax) {
        act(metering, action.countStart)
        line.sessions = 0
      }
      const packet = state.waiting.shift()
      if (!packet) break
      // Asleep, nothing but a wake with this meter's EUI-64 is worth a look.
      if (line.session || isWakeFor(packet, metering.settings.eui)) hear(metering, line, packet)
    }
    if (line.session) sendNext(metering, line)
    if (line.event) act(metering, action.note, line.event, line.eventValue)
    line.event = 0
  }
}

/** The meter as a board runs it. */
export interface BoardMeter {
  /** Does all that is due: pulses, the end of a half-hour or a day, packets received, the next block of an answer. */
  step(): void
  /** Takes bytes from the line, cut anywhere. */
  received(bytes: Uint8Array): void
  /** True while an answer has blocks left: step again as soon as the line is ready. */
  busy(): boolean
  /** Power is about to fail: commits what is counted and records the last gasp. Call it once. */
  powerFails(): void
  /** The firmware met an error of its own: records it if it can, before a restart. */
  failed(): void
  state: State
}

/**
 * Starts the meter on a board. Worn-out flash is no error, now or later: see `isWornOut`.
 * @throws Error when the flash holds no settings
 */
export function startMeter(board: Board): BoardMeter {
  const state: State = {
    metering: newMetering(board),
    waiting: [],
    line: newLine((bytes) => board.uart.write(bytes)),
    isWornOut: false,
  }
  let work: ((what: number) => void) | undefined
  const decoder = createFrameDecoder(
    (packet) => {
      if (state.waiting.length < packetsWaitingMax) state.waiting.push(packet)
      else state.line.framesDropped += 1
    },
    () => {
      state.line.framesDropped += 1
    },
  )

  function workOn(what: number): void {
    if (!work) work = openWork(state)
    try {
      work(what)
    } catch (error) {
      if (('' + error).indexOf(wornOut) < 0) throw error
      state.isWornOut = true
      state.line.session = undefined
    }
    if (!state.line.session) work = undefined
  }

  workOn(action.start)

  return {
    step: () => {
      if (!state.isWornOut && !countOnly(state.metering)) workOn(action.settle)
      else if (state.line.session || state.waiting.length > 0) workOn(noAction)
    },
    powerFails: () => {
      if (state.isWornOut) return
      if (!countOnly(state.metering)) workOn(action.settle)
      workOn(action.powerFails)
    },
    failed: () => {
      try {
        workOn(action.failed)
      } catch (_) {
        // What stopped the meter may keep it from recording that.
      }
    },
    received: decoder.push,
    busy: () => (state.line.session ? state.line.session.answer !== undefined : false),
    state: state,
  }
}

/** The meter as programs with room to spare have it. */
export interface Meter extends BoardMeter {
  /** True from a wake until the meter sleeps again. */
  awake(): boolean
  /** Active import register, in Wh. */
  importWh(): number
  /** The newest half-hour recorded, -1 when there is none. */
  lastHalfHour(): number
  /** Starts of the meter, this one included. */
  boot(): number
  /** Frames dropped since the start. */
  dropped(): number
  /** Commits what is counted: what follows is no power cut, or one that is no loss. */
  commit(): void
}

/** The newest half-hour of active import in the logs, -1 when there is none. */
function lastHalfHour(logs: Logs): number {
  const day = Math.max(logs.journal.day, lastNumber(logs.imports))
  const block = day === 0 ? undefined : readProfile(logs, 0, firstHalfHourOfDay(day), halfHoursPerDay)()
  const profile = block === undefined ? undefined : decodeDayBlock(block)
  for (let i = halfHoursPerDay - 1; profile && i >= 0; i--) {
    if (profile.wh[i]! >= 0) return firstHalfHourOfDay(day) + i
  }
  return -1
}

/** Starts the meter in a program, which ends with it. @throws Error when the flash holds no settings, or when it is worn out */
export function createMeter(board: Board): Meter {
  const meter = startMeter(board)
  const demandFlash = () => {
    if (meter.state.isWornOut) throw new Error(wornOut)
  }
  demandFlash()
  const metering = meter.state.metering
  const journal = metering.logs.journal
  return {
    step: () => {
      meter.step()
      demandFlash()
    },
    received: meter.received,
    busy: meter.busy,
    state: meter.state,
    awake: () => meter.state.line.session !== undefined,
    importWh: () => journal.registers[0]! + metering.wh[0]!,
    lastHalfHour: () => lastHalfHour(metering.logs),
    boot: () => journal.boots,
    dropped: () => meter.state.line.framesDropped,
    commit: () => {
      meter.step()
      demandFlash()
      act(metering, action.commit)
    },
    powerFails: () => {
      meter.powerFails()
      demandFlash()
    },
    failed: meter.failed,
  }
}
