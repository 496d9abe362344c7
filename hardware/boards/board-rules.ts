// What follows from the row of a board: whether it can work, and how fast a pulse input may be.

import { flashPagesMin, pageBytes } from '../../firmware/flash-map.ts'
import { frameBytesMax } from '../../protocol/limits.ts'
import type { EspruinoBoard } from './board-row.ts'

/** Bytes of a Storage file's header. */
export const storageHeaderBytes = 32

/** Bytes of flash that the meter uses on a board. */
export function meterFlashBytes(board: EspruinoBoard): number {
  return board.flash.pages * pageBytes
}

/** Bytes of the Storage file around the meter's pages; 0 where they are not in Storage. */
export function pagesFileBytes({ flash, storage }: EspruinoBoard): number {
  if ('spi' in flash || flash.storageFile === undefined) return 0
  return flash.base - storage.at - storageHeaderBytes + flash.pages * pageBytes
}

/**
 * Says why a row cannot work; `undefined` when it can.
 * A page of the meter is 4,096 bytes. Several small erases make one; an erase of more would take a neighbour along, and
 * chips with sectors of 16 to 128 KB (STM32) have too few of them.
 */
export function boardFault(board: EspruinoBoard): string | undefined {
  const { flash, line, storage } = board
  if (flash.pages < flashPagesMin) return `${flash.pages} pages are too few: the logs need ${flashPagesMin} at least`
  if (line.device === board.console) return `the console is on ${board.console}, where the line is`
  if (line.baud > line.baudMax) return `${line.baud} baud are more than the board is good for, ${line.baudMax}`
  if (board.deepSleep && line.options.rx === undefined) return 'deep sleep needs the receive pin, to wake by it'
  const pins = [...board.pulses.pins, board.powerFail, line.options.tx, line.options.rx].filter((pin) => pin)
  const twice = pins.find((pin, i) => pins.indexOf(pin) < i)
  if (twice !== undefined) return `${twice} is used twice`
  const needed = pagesFileBytes(board) + board.scriptBytesMax + 4 * storageHeaderBytes
  if (needed > storage.bytes) return `Storage has ${storage.bytes} bytes, and script and pages need ${needed}`
  if ('spi' in flash) return undefined
  const { base, eraseBytes, storageFile } = flash
  if (pageBytes % eraseBytes !== 0) {
    return `one erase sets ${eraseBytes} bytes, and a page of the meter is ${pageBytes}: it must be whole erases`
  }
  if (base % eraseBytes !== 0) return `the address ${base.toString(16)}h is not at the start of an erase unit`
  if (storageFile !== undefined && storage.at + storageHeaderBytes > base) {
    return `the Storage file's header, 32 bytes at ${storage.at.toString(16)}h, does not lie before the pages`
  }
  return undefined
}

// An edge in Espruino's event queue: length, kind, and 4 bytes of time. A pulse has two.
const pulseQueueBytes = 2 * 6

/** A frame that arrives meanwhile: its bytes, and two for each part of at most 64. */
const frameQueueBytes = frameBytesMax + 2 * Math.ceil(frameBytesMax / 64)

/**
 * The meter's longest step: the midnight of a meter with 397 days in its logs. Processor time of Espruino 2v29 for Linux on
 * the PC on which the script was timed was 70 to 76 ms.
 */
export const pcStepMs = 76

/** Why no faster: the input must be still for the debounce time, or edges wait in the queue during the longest step. */
export interface PulseRate {
  /** Pulses per second: of one input, and of all inputs together. */
  ofOne: number
  ofAll: number
  /** The longest step, during which edges only queue (ms). */
  stepMs: number
}

/**
 * The rate of pulses that a board counts without losing one, computed from its row. A pulse and the gap after it must
 * each last for the debounce time; during the meter's longest step all edges wait in the event queue.
 */
export function pulseRate(board: EspruinoBoard): PulseRate {
  const stepMs = pcStepMs * board.slowness
  const queued = Math.floor((board.eventQueueBytes - frameQueueBytes) / pulseQueueBytes)
  const ofAll = Math.floor((queued * 1000) / stepMs)
  const ofOne = Math.min(Math.floor(1000 / (2 * Math.max(1, board.pulses.debounceMs))), ofAll)
  return { ofOne, ofAll, stepMs }
}
