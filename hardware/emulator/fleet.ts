// Many meters on one line, in one program. The line is heard once for all of them, and a meter that sleeps costs next to
// nothing: it is brought up to date when it is woken, and now and then. What is damaged on the line is dropped before any
// meter hears it, so their self-tests count no dropped frames.

import type { Meter } from '../../firmware/meter.ts'
import { switchGrainMs } from '../../firmware/tariff.ts'
import { toHex } from '../../protocol/bytes.ts'
import { createFrameDecoder, encodeFrame } from '../../protocol/frame.ts'
import { decodePacket } from '../../protocol/link.ts'
import type { EmulatedBoard, Timers } from './emulated.ts'
import { advance, type Hand } from './virtual-run.ts'
import type { WorldClock } from './world-clock.ts'

export interface FleetMember {
  /** EUI-64, 8 bytes. */
  eui: Uint8Array
  /** The clocks that its board reads. */
  hand: Hand & { upMs: number }
  board: EmulatedBoard
  meter: Meter
}

export interface Fleet {
  /** Takes bytes from the line, cut anywhere. */
  received(bytes: Uint8Array): void
  /** How many are awake. */
  awake(): number
  /** Stops the timer, and brings every meter up to date with what it has counted in its log. */
  stop(): void
}

/** A meter that sleeps is stepped so often. It stops on every quarter of an hour on its way, however late it is. */
const sweepMs = switchGrainMs

/** How long the timer waits at most: for the idle to fall asleep, and for the next meters to be swept. */
const turnMs = 1000

/**
 * Drives meters that run already. What a meter throws (its flash failed) goes to `failed`, once; nothing is done after that.
 */
export function createFleet(
  members: readonly FleetMember[],
  clock: WorldClock,
  timers: Timers,
  failed: (error: unknown) => void,
): Fleet {
  const byEui = new Map(members.map((member) => [toHex(member.eui), member]))
  /** How far a member's clock that never jumps is ahead of the world's. */
  const aheadMs = new Map(
    members.map((member) => [member, member.hand.upMs + clock.nowMs - member.hand.nowMs - clock.upMs]),
  )
  const awake = new Set<FleetMember>()
  let timer: unknown
  let stopped = false
  let swept = 0
  let sweptUpMs = clock.upMs

  function step(member: FleetMember): void {
    const { hand, meter, board } = member
    advance(hand, meter, clock.nowMs, clock.upMs + aheadMs.get(member)!)
    while (meter.busy() && board.uart.ready()) meter.step()
    if (meter.awake()) awake.add(member)
    else awake.delete(member)
  }

  /** Steps as many of those asleep as are due, one after the other. */
  function sweep(): void {
    const due = Math.floor(((clock.upMs - sweptUpMs) * members.length) / sweepMs)
    if (due <= 0) return
    sweptUpMs += (due * sweepMs) / members.length
    for (let i = 0; i < Math.min(due, members.length); i++) {
      step(members[swept]!)
      swept = (swept + 1) % members.length
    }
  }

  function safely(act: () => void): void {
    if (stopped) return
    try {
      clock.read(1)
      act()
      again()
    } catch (error) {
      stopped = true
      timers.clear(timer)
      failed(error)
    }
  }

  function again(): void {
    timers.clear(timer)
    let isBusy = false
    for (const { meter } of awake) isBusy ||= meter.busy()
    timer = timers.set(turn, isBusy ? 2 : turnMs)
  }

  function turn(): void {
    safely(() => {
      for (const member of [...awake]) step(member)
      sweep()
    })
  }

  const decoder = createFrameDecoder(
    (bytes) => {
      const packet = decodePacket(bytes)
      const woken = packet?.kind === 'wake' ? byEui.get(toHex(packet.eui)) : undefined
      // Asleep, a meter takes nothing but a wake with its EUI-64; who is awake hears everything.
      const hearers = new Set(awake)
      if (woken !== undefined) hearers.add(woken)
      if (hearers.size === 0) return
      const frame = encodeFrame(bytes)
      for (const member of hearers) {
        // Up to date before it answers: the time may have come for more than one half-hour.
        advance(member.hand, member.meter, clock.nowMs, clock.upMs + aheadMs.get(member)!)
        member.meter.received(frame)
        step(member)
      }
    },
    () => {},
  )

  again()
  return {
    received: (bytes) => safely(() => decoder.push(bytes)),
    awake: () => awake.size,
    stop() {
      safely(() => {
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
