// The flash of a board that was provisioned and has recorded: made by the real firmware over the flash of a simulator.

import { createRandom } from '../../../emulation/random.ts'
import { createSimFlash } from '../../../emulation/sim-flash.ts'
import { flashPagesFull, pageBytes } from '../../../firmware/flash-map.ts'
import { createMeter } from '../../../firmware/meter.ts'
import { defaultConfiguration, writeSettings } from '../../../firmware/settings.ts'
import type { EspruinoBoard } from '../../../hardware/boards/board-row.ts'
import { euiToBytes } from '../../../protocol/bytes.ts'
import { halfHourMs, halfHourOf, startOfHalfHour } from '../../../protocol/half-hour.ts'

export const boardEui = euiToBytes('00-DB-12-34-56-78-90-A0')
export const boardKey = createRandom(42).bytes(32)

export interface RecordedFlash {
  /** The meter's pages. */
  cells: Uint8Array
  /** Wh of every half-hour recorded, by its number. */
  truth: Map<number, number>
  /** Starts of the meter so far. */
  boots: number
}

/**
 * The meter's pages after the half-hours `first` to `first + count - 1`, at 1,000 pulses per kWh, and `running` records of
 * the half-hour that runs.
 */
export function recordedFlash(first: number, count: number, seed: number, running = 0): RecordedFlash {
  const random = createRandom(seed)
  const flash = createSimFlash(pageBytes, flashPagesFull, random)
  writeSettings(flash, { eui: boardEui, key: boardKey, version: 1, configuration: defaultConfiguration() })
  const truth = new Map<number, number>()
  let nowMs = startOfHalfHour(first)
  let pulses = 0
  const takePulses = () => {
    const taken = pulses
    pulses = 0
    return [taken, 0, 0, 0]
  }
  const clock = () => nowMs
  const uart = { write: () => {}, ready: () => true }
  const meter = createMeter({ nowMs: clock, upMs: clock, flash, uart, takePulses })
  for (let i = 0; i < count; i++) {
    pulses = random.below(30) === 0 ? 3000 : 40 + random.below(400)
    truth.set(first + i, pulses)
    nowMs += halfHourMs
    meter.step()
  }
  for (let i = 0; i < running; i++) {
    pulses = defaultConfiguration().checkpointWh
    nowMs += 1
    meter.step()
  }
  return { cells: flash.read(0, flashPagesFull * pageBytes), truth, boots: meter.boot() }
}

/** A flash with the days before `nowMs` in it, up to the last half-hour that was over, and `running` records more. */
export function recordedDaysBefore(
  nowMs: number,
  days: number,
  seed: number,
  running = 0,
): RecordedFlash & { firstDay: number } {
  const firstDay = Math.floor(halfHourOf(nowMs) / 48) - days
  return { ...recordedFlash(firstDay * 48, halfHourOf(nowMs) - firstDay * 48, seed, running), firstDay }
}

/** A file as Espruino's Storage lays it out: 32 bytes of header (size, name of up to 28 characters), then the data. */
function putStorageFile(image: Uint8Array, at: number, name: string, data: Uint8Array): number {
  const header = new DataView(image.buffer, image.byteOffset + at, 32)
  header.setUint32(0, data.length, true)
  for (let i = 0; i < 28; i++) header.setUint8(4 + i, i < name.length ? name.charCodeAt(i) : 0)
  image.set(data, at + 32)
  return (at + 32 + data.length + 3) & ~3
}

/**
 * The whole flash of a board with Storage at its start: the file around the meter's pages, then `files`.
 * @throws Error for a board whose pages are not in Storage
 */
export function flashImage(
  board: EspruinoBoard,
  bytes: number,
  cells: Uint8Array,
  files: { [name: string]: Uint8Array } = {},
): Uint8Array {
  const { base, storageFile } = 'spi' in board.flash ? { base: 0, storageFile: undefined } : board.flash
  if (storageFile === undefined) throw new Error(`the pages of ${board.title} are not in Storage`)
  const image = new Uint8Array(bytes).fill(0xff)
  const before = base - board.storage.at - 32
  const data = new Uint8Array(before + cells.length).fill(0xff)
  data.set(cells, before)
  let at = putStorageFile(image, 0, storageFile, data)
  for (const [name, content] of Object.entries(files)) at = putStorageFile(image, at, name, content)
  return image
}
