// A meter through the time it has missed, and then in real time.

import type { Meter } from '../../firmware/meter.ts'
import { createMeter } from '../../firmware/meter.ts'
import { halfHourMs, stampOfHalfHour } from '../../protocol/half-hour.ts'
import type { EmulatedBoard } from '../emulated.ts'
import type { Hand } from '../virtual-run.ts'
import { advance, runLoad } from '../virtual-run.ts'
import type { Io } from './io.ts'
import { instant } from './io.ts'
import type { LineHolder } from './line-holder.ts'
import type { Stop } from './stop.ts'

const quietMs = 2000

export interface Driven {
  board: EmulatedBoard
  hand: Hand
  io: Io
  stop: Stop
}

/** Runs the meter through what it has missed. `undefined` when told to stop meanwhile, or when it has no power at the end. */
export async function catchUp({ board, hand, io, stop }: Driven, from: number, to: number): Promise<Meter | undefined> {
  const began = Date.now()
  const run = runLoad({ hand, board, createMeter, from, to })
  let shown = began
  let yielded = began
  let told = false
  for (;;) {
    const next = run.next()
    const now = Date.now()
    if (next.done) {
      if (told && io.isTerminal) io.stderr('\r\x1b[K')
      if (to > from) io.stderr(`caught up ${to - from} half-hours in ${((now - began) / 1000).toFixed(1)} s\n`)
      return next.value
    }
    if (now - began >= quietMs && now - shown >= (io.isTerminal ? 200 : quietMs)) {
      const { done, total, halfHour } = next.value
      const text = `catching up: ${Math.floor((done * 100) / total)} %, ${instant(stampOfHalfHour(halfHour))}`
      io.stderr(io.isTerminal ? `\r${text}\x1b[K` : `${text}\n`)
      shown = now
      told = true
    }
    if (now - yielded >= 50) {
      // Lets signals through.
      await new Promise((resume) => setImmediate(resume))
      yielded = Date.now()
      if (stop.stopped) return undefined
    }
  }
}

/**
 * Drives the meter in real time until told to stop; calls `recorded` after each half-hour in the log.
 * @throws what the firmware or the flash throws
 */
export function serve(
  { board, hand, stop }: Driven,
  meter: Meter,
  line: LineHolder,
  recorded: () => void,
): Promise<void> {
  return new Promise((stopped, failed) => {
    let timer: NodeJS.Timeout | undefined
    let last = meter.lastHalfHour()
    function end(): void {
      clearTimeout(timer)
      line.take(() => {})
    }
    function turn(): void {
      clearTimeout(timer)
      try {
        advance(hand, meter, Date.now())
        while (meter.busy() && board.uart.ready()) meter.step()
        if (meter.lastHalfHour() !== last) recorded()
        last = meter.lastHalfHour()
      } catch (error) {
        end()
        failed(error)
        return
      }
      // Often enough for a session to fall asleep on time, and exactly at the end of the half-hour.
      const toBoundary = halfHourMs - (hand.nowMs % halfHourMs)
      timer = setTimeout(turn, meter.busy() ? 2 : Math.min(1000, toBoundary))
    }
    line.take((bytes) => {
      meter.received(bytes)
      turn()
    })
    void stop.asked.then(() => {
      end()
      stopped()
    })
    turn()
  })
}
