// Many emulated meters in one process, at the ends of one line or of several. A meter is found by the EUI-64 in the wake
// frame and is at work only while it is awake. Asleep it is brought up to date now and then: `advance` stops at every quarter
// of an hour on the way, so the result is the same however late it is. Damaged frames are dropped before they reach a
// meter, so that self-tests of the meters count no dropped frames.

import type { Meter } from '../../firmware/meter.ts'
import { switchGrainMs } from '../../firmware/tariff.ts'
import { toHex } from '../../protocol/bytes.ts'
import { createFrameDecoder, encodeFrame } from '../../protocol/frame.ts'
import { dayMs } from '../../protocol/half-hour.ts'
import { sessionIdleMs } from '../../protocol/limits.ts'
import { decodePacket } from '../../protocol/link.ts'
import type { Timers } from './emulated-board.ts'
import type { FleetBoard, FleetLine } from './fleet-board.ts'
import type { ScaledClock } from './scaled-clock.ts'
import { advance } from './virtual-run.ts'

/** A meter that has been started on its board. */
export interface FleetMember {
  board: FleetBoard
  meter: Meter
}

export interface FleetOptions {
  clock: ScaledClock
  timers: Timers
  /**
   * When sleeping meters are brought up to date: each once in a quarter of an hour, in turn, so that the work is spread; or
   * all of them at 00:00 UTC, for a clock on which time costs nothing.
   */
  upToDate: 'each quarter' | 'at midnight'
  /** Receives the error that a meter throws (its flash failed), once; the fleet is stopped then. */
  failed(error: unknown): void
}

/** The fleet's end of a line. */
export interface FleetEnd {
  /** Call with bytes from the line, in parts of any length. */
  received(bytes: Uint8Array): void
}

export interface Fleet {
  /** Adds a meter by its EUI-64, 8 bytes. @throws Error when it is there already */
  add(eui: Uint8Array, member: FleetMember): void
  /** Number of meters, and of those that are awake. */
  size(): number
  awake(): number
  /** Connects the fleet to a line. Every meter can be woken on every line, and answers where it was woken. */
  connect(line: FleetLine): FleetEnd
  /** Brings every meter up to date. */
  settle(): void
  /** Stops the timers; every meter commits what it has counted to its log. */
  stop(): void
}

/** Between looks for sleeping meters that are due, when the work is spread. */
const spreadMs = 1000

/** An EUI-64 as a key: eight characters, one a byte. */
const keyOf = (eui: Uint8Array) => String.fromCharCode(...eui)

/** The meters that hear a line. */
function createListeners() {
  const byLine = new Map<FleetLine, Set<FleetMember>>()

  function leave(member: FleetMember): void {
    const { line } = member.board
    if (line === undefined) return
    const there = byLine.get(line)
    there?.delete(member)
    if (there?.size === 0) byLine.delete(line)
    member.board.line = undefined
  }

  return {
    leave,
    join(line: FleetLine, member: FleetMember): void {
      leave(member)
      member.board.line = line
      byLine.set(line, (byLine.get(line) ?? new Set()).add(member))
    },
    on: (line: FleetLine): FleetMember[] => [...(byLine.get(line) ?? [])],
  }
}

/** The meters, those that are awake, and how they are run. */
function createMembers(clock: ScaledClock, timers: Timers, guarded: (act: () => void) => void) {
  const all: FleetMember[] = []
  const byEui = new Map<string, FleetMember>()
  /** The meters that are awake, each with the timer at which it is looked at again. */
  const awake = new Map<FleetMember, unknown>()
  const lines = createListeners()

  const bringUpToDate = ({ board, meter }: FleetMember) =>
    advance(board.clock, meter, clock.nowMs, clock.upMs + board.aheadMs)

  /** Runs a meter as far as its line allows, and sees to it that it is run again when there is something to do. */
  function run(member: FleetMember): void {
    const { meter, board } = member
    bringUpToDate(member)
    while (meter.busy() && board.ready()) meter.step()
    timers.clear(awake.get(member))
    if (meter.awake() && board.line !== undefined) {
      const againMs = meter.busy() ? Math.max(1, board.line.busyMs()) : sessionIdleMs + 1
      awake.set(
        member,
        timers.set(() => guarded(() => run(member)), againMs),
      )
    } else {
      awake.delete(member)
      lines.leave(member)
    }
  }

  return {
    all,
    awake,
    run,
    add(eui: Uint8Array, member: FleetMember): void {
      if (byEui.has(keyOf(eui))) throw new Error(`there is a meter ${toHex(eui)} in the fleet already`)
      const { nowMs, upMs } = member.board.clock
      member.board.aheadMs = upMs + clock.nowMs - nowMs - clock.upMs
      byEui.set(keyOf(eui), member)
      all.push(member)
    },
    /**
     * Passes on a decoded frame: a sleeping meter hears only a wake with its EUI-64; the meters that are awake on the line
     * hear every frame.
     */
    deliver(line: FleetLine, bytes: Uint8Array): void {
      const packet = decodePacket(bytes)
      const woken = packet?.kind === 'wake' ? byEui.get(keyOf(packet.eui)) : undefined
      if (woken !== undefined) lines.join(line, woken)
      const receivers = lines.on(line)
      if (receivers.length === 0) return
      const frame = encodeFrame(bytes)
      for (const member of receivers) {
        // Advanced before it answers: more than one half-hour may have ended.
        bringUpToDate(member)
        member.meter.received(frame)
        run(member)
      }
    },
  }
}

/** Brings the sleeping meters up to date that are due, in turn: each once in a quarter of an hour. */
function createSweep(clock: ScaledClock, { all, run }: ReturnType<typeof createMembers>): () => void {
  let next = 0
  let sweptUpMs = clock.upMs
  return () => {
    const due = Math.floor(((clock.upMs - sweptUpMs) * all.length) / switchGrainMs)
    if (due <= 0) return
    sweptUpMs += (due * switchGrainMs) / all.length
    for (let i = 0; i < Math.min(due, all.length); i++) {
      run(all[next % all.length]!)
      next += 1
    }
  }
}

/** A fleet without meters. */
export function createFleet({ clock, timers, upToDate, failed }: FleetOptions): Fleet {
  const members = createMembers(clock, timers, guarded)
  const { all, awake, run } = members
  let timer: unknown
  let stopped = false
  const sweep = createSweep(clock, members)

  function guarded(act: () => void): void {
    if (stopped) return
    try {
      clock.update(1)
      act()
    } catch (error) {
      halt()
      failed(error)
    }
  }

  function halt(): void {
    stopped = true
    timers.clear(timer)
    for (const again of awake.values()) timers.clear(again)
  }

  function settle(): void {
    for (const member of all) run(member)
  }

  function scheduleSweep(): void {
    const toMidnight = dayMs - (clock.nowMs % dayMs)
    timer = timers.set(
      () => {
        guarded(upToDate === 'at midnight' ? settle : sweep)
        if (!stopped) scheduleSweep()
      },
      upToDate === 'at midnight' ? toMidnight : spreadMs,
    )
  }

  scheduleSweep()
  return {
    add: members.add,
    size: () => all.length,
    awake: () => awake.size,
    connect(line) {
      const decoder = createFrameDecoder(
        (bytes) => members.deliver(line, bytes),
        () => {},
      )
      return { received: (bytes) => guarded(() => decoder.push(bytes)) }
    },
    settle: () => guarded(settle),
    stop() {
      guarded(() => {
        for (const member of all) {
          run(member)
          member.meter.commit()
        }
      })
      halt()
      for (const { board } of all) board.off()
    },
  }
}
