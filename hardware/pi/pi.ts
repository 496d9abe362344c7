// A Raspberry Pi as a board: the machine's clocks, a flash in a file, a line through a tty, pulses on GPIO lines. The
// firmware runs on it unchanged. Flash, line, clocks and inputs are parameters: nothing here opens them.

import type { Board, Flash } from '../../firmware/board.ts'
import { frameBytesMax } from '../../protocol/limits.ts'
import type { Timers } from '../emulator/emulated-board.ts'
import { createPacedWriter } from '../emulator/emulated-board.ts'
import type { PulseInputs } from './gpio.ts'

export interface PiBoardOptions {
  /** Kept in a file opened as `durable`: on a Pi the power may fail at any moment. */
  flash: Flash
  inputs: Pick<PulseInputs, 'take'>
  /** Milliseconds of UTC since 1970. A Pi without a battery clock has the time of its last stop until the network sets it. */
  nowMs: () => number
  /** Sends bytes on the line. */
  send: (bytes: Uint8Array) => void
  /** Bits a second on the line, 10 a byte; 0 sends everything at once, on a socket only. */
  baud: number
  /** Their clock is also the board's monotonic clock. */
  timers: Timers
}

export interface PiBoard extends Board {
  /** Drops what waits for the line, before the meter stops. */
  off(): void
}

/** A board for the firmware. */
export function createPiBoard({ flash, inputs, nowMs, send, baud, timers }: PiBoardOptions): PiBoard {
  // A tty accepts everything at once and keeps it in the system's queue; the meter must not get ahead of the line.
  const writer = createPacedWriter(baud, timers, send)
  // A zero ends what a restart in the middle of a frame has left at the other end.
  writer.write(new Uint8Array(1))
  return {
    nowMs,
    upMs: timers.nowMs,
    flash,
    uart: { write: writer.write, ready: () => writer.waiting() < frameBytesMax },
    takePulses: inputs.take,
    off: writer.drop,
  }
}
