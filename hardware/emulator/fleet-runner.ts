// Many emulated meters on one line, in one process. Frames are decoded once for all of them. A sleeping meter is stepped
// only when it is woken, and every quarter of an hour. Damaged frames are dropped before they reach a meter, so that
// self-tests of the meters count no dropped frames.

import type { Meter } from '../../firmware/meter.ts'
import { switchGrainMs } from '../../firmware/tariff.ts'
import { toHex } from '../../protocol/bytes.ts'
import { createFrameDecoder, encodeFrame } from '../../protocol/frame.ts'
import { decodePacket } from '../../protocol/link.ts'
import type { EmulatedBoard, Timers } from './emulated-board.ts'
import type { ScaledClock } from './scaled-clock.ts'
import { advance, type BoardClock } from './virtual-run.ts'

export interface FleetMember {
  /** EUI-64, 8 bytes. */
  eui: Uint8Array
  /** The clocks that its board reads. */
  boardClock: BoardClock & { upMs: number }
  board: EmulatedBoard
  meter: Meter
}

export interface Fleet {
  /** Call with bytes from the line, in parts of any length. */
  received(bytes: Uint8Array): void
  /** Number of meters that are awake. */
  awake(): number
  /** Stops the timer; every meter commits what it has counted to its log. */
  stop(): void
}

/** Interval at which a sleeping meter is stepped. `advance` stops at every quarter of an hour, however late it is. */
const sweepMs = switchGrainMs

/** Longest delay of the timer: for idle meters to fall asleep, and for the next sleeping meters to be stepped. */
const timerMs = 1000

/** The meters of a fleet, which are awake, and how far the sleeping ones have been stepped. */
function createMembers(members: readonly FleetMember[], clock: ScaledClock) {
  const byEui = new Map(members.map((member) => [toHex(member.eui), member]))
  /** Milliseconds that the clock of a member that never jumps is ahead of the fleet's. */
  const aheadMs = new Map(
    members.map((member) => [member, member.boardClock.upMs + clock.nowMs - member.boardClock.nowMs - clock.upMs]),
  )
  const awake = new Set<FleetMember>()
  let swept = 0
  let sweptUpMs = clock.upMs

  const advanceOne = (member: FleetMember) =>
    advance(member.boardClock, member.meter, clock.nowMs, clock.upMs + aheadMs.get(member)!)

  function step(member: FleetMember): void {
    const { meter, board } = member
    advanceOne(member)
    while (meter.busy() && board.uart.ready()) meter.step()
    if (meter.awake()) awake.add(member)
    else awake.delete(member)
  }

  return {
    awake,
    step,
    /** Steps the sleeping members that are due, in turn. */
    sweep(): void {
      const due = Math.floor(((clock.upMs - sweptUpMs) * members.length) / sweepMs)
      if (due <= 0) return
      sweptUpMs += (due * sweepMs) / members.length
      for (let i = 0; i < Math.min(due, members.length); i++) {
        step(members[swept]!)
        swept = (swept + 1) % members.length
      }
    },
    /**
     * Passes on a decoded frame: a sleeping meter accepts only a wake frame with its EUI-64; meters that are awake receive
     * every frame.
     */
    deliver(bytes: Uint8Array): void {
      const packet = decodePacket(bytes)
      const woken = packet?.kind === 'wake' ? byEui.get(toHex(packet.eui)) : undefined
      const receivers = new Set(awake)
      if (woken !== undefined) receivers.add(woken)
      if (receivers.size === 0) return
      const frame = encodeFrame(bytes)
      for (const member of receivers) {
        // Advanced before it answers: more than one half-hour may have ended.
        advanceOne(member)
        member.meter.received(frame)
        step(member)
      }
    },
  }
}

/**
 * Runs meters that have been started. An error that a meter throws (its flash failed) is passed to `failed`, once; after
 * that the fleet is stopped.
 */
export function createFleet(
  members: readonly FleetMember[],
  clock: ScaledClock,
  timers: Timers,
  failed: (error: unknown) => void,
): Fleet {
  const { awake, step, sweep, deliver } = createMembers(members, clock)
  let timer: unknown
  let stopped = false

  function guarded(act: () => void): void {
    if (stopped) return
    try {
      clock.update(1)
      act()
      scheduleTimer()
    } catch (error) {
      stopped = true
      timers.clear(timer)
      failed(error)
    }
  }

  function scheduleTimer(): void {
    timers.clear(timer)
    let isBusy = false
    for (const { meter } of awake) isBusy ||= meter.busy()
    timer = timers.set(onTimer, isBusy ? 2 : timerMs)
  }

  function onTimer(): void {
    guarded(() => {
      for (const member of [...awake]) step(member)
      sweep()
    })
  }

  const decoder = createFrameDecoder(deliver, () => {})

  scheduleTimer()
  return {
    received: (bytes) => guarded(() => decoder.push(bytes)),
    awake: () => awake.size,
    stop() {
      guarded(() => {
        for (const member of members) {
          step(member)
          member.meter.commit()
        }
      })
      stopped = true
      timers.clear(timer)
      for (const { board } of members) board.off()
    },
  }
}
