// An emulated meter from its past into the present: what it has missed, then real time, with the faults asked for.

import type { Board } from '../../firmware/board.ts'
import { createMeter, type Meter } from '../../firmware/meter.ts'
import type { Configuration, Settings } from '../../firmware/settings.ts'
import { euiFromBytes } from '../../protocol/bytes.ts'
import { halfHourOf, stampOfHalfHour, startOfHalfHour } from '../../protocol/half-hour.ts'
import { createFaultyClock } from '../emulator/clock-faults.ts'
import { createEmulatedBoard, systemTimers } from '../emulator/emulated.ts'
import { createFaultyFlash } from '../emulator/flash-faults.ts'
import type { FlashFile } from '../emulator/flash-file.ts'
import type { Line } from '../emulator/line.ts'
import { parseLineUrl } from '../emulator/line.ts'
import { createPoweredMeter, type PowerNews } from '../emulator/powered-meter.ts'
import { advance, bootAt } from '../emulator/virtual-run.ts'
import { createWorldClock, systemClocks } from '../emulator/world-clock.ts'
import type { Io } from './io.ts'
import { instant } from './io.ts'
import { holdLine } from './line-holder.ts'
import type { MeterFaults } from './meter-faults.ts'
import type { MeterLoad } from './meter-load.ts'
import type { MeterOptions } from './meter-options.ts'
import type { MeterPast } from './meter-past.ts'
import { catchUp, serve } from './meter-run.ts'
import { changeSettings } from './meter-settings.ts'
import type { Stop } from './stop.ts'

/** All that is known before the meter starts. */
export interface Prepared {
  options: MeterOptions
  faults: MeterFaults
  flash: FlashFile
  settings: Settings
  /** What of the configuration is to be otherwise. */
  change: Partial<Configuration>
  source: MeterLoad
  past: MeterPast
  /** Of household, weather and faults. */
  seed: number
  /** Half-hours that the flash keeps, for whoever reads the ready line. */
  history: { importHalfHours: number; otherHalfHours: number }
}

function newsInWords(news: PowerNews): string {
  if (news.power === 'off') return `power off, ${news.why}; back after ${news.offMs / 1000} s`
  return `power on: start ${news.boot}, ${news.importWh} Wh on the active import register`
}

/** The emulated board with its faults, at the start of its real time. */
function prepareBoard(
  { options, faults, flash, settings, source, past, seed }: Prepared,
  send: (bytes: Uint8Array) => void,
) {
  const wallMs = systemClocks.wallMs()
  // Time that ran ahead of the machine's in an earlier run goes on from where it got to.
  const startMs = faults.timeScale > 1 ? Math.max(wallMs, past.aliveMs) : wallMs
  const hand = { nowMs: startMs, upMs: 0 }
  const clocks = { nowMs: () => hand.nowMs, upMs: () => hand.upMs }
  const boardClock = createFaultyClock(faults.clock, clocks)
  const faultyFlash = createFaultyFlash(flash, { seed, erasesMax: faults.erasesMax })
  const address = parseLineUrl(options.port, options.baud)
  const board = createEmulatedBoard({
    flash: faultyFlash,
    clock: clocks.nowMs,
    up: clocks.upMs,
    load: source.load,
    otherLoad: source.otherLoad,
    pulsesPerKwh: settings.configuration.pulsesPerKwh,
    send,
    // A port's own speed may stand in its URL.
    baud: typeof address === 'object' && address.kind === 'serial' ? address.baud : options.baud,
    timers: systemTimers,
  })
  return { startMs, hand, boardClock, faultyFlash, board }
}

type Prepare = ReturnType<typeof prepareBoard>

/** The meter, caught up with what it has missed as far as it is to; `undefined` when told to stop meanwhile. */
export async function firstMeter(
  { options, source, past }: Pick<Prepared, 'options' | 'source' | 'past'>,
  { startMs, hand, board }: Pick<Prepare, 'startMs' | 'hand' | 'board'>,
  createMeter: (board: Board) => Meter,
  io: Io,
  stop: Stop,
): Promise<Meter | undefined> {
  const run = { hand, board, createMeter }
  const fromMs = past.aliveMs > 0 ? past.aliveMs : startOfHalfHour(source.firstHalfHour)
  if (fromMs > startMs) io.stderr(`the log reaches to ${instant(fromMs)}, after now: nothing is recorded until then\n`)
  if (!options.catchUp || fromMs > startMs) return bootAt(run, startMs)
  const goOn = past.aliveMs > 0 ? { atMs: past.aliveMs, countedWh: past.countedWh } : undefined
  const from = halfHourOf(fromMs)
  const to = halfHourOf(startMs)
  // Caught up means that the half-hour under way has been whole so far, or since the meter before stopped in it.
  if (from === to) return bootAt(run, fromMs, goOn?.countedWh)
  const meter = await catchUp({ ...run, from, to, ...(goOn === undefined ? {} : { goOn }) }, io, stop)
  return stop.stopped ? undefined : (meter ?? bootAt(run, startOfHalfHour(to)))
}

/**
 * Catches up and serves on the line until told to stop.
 * @throws what the firmware or the flash throws
 */
export async function live(prepared: Prepared, opened: Line, io: Io, stop: Stop): Promise<number> {
  const { options, faults, flash, history } = prepared
  const line = holdLine(opened, options.port, options.baud, io)
  const made = prepareBoard(prepared, line.write)
  const { startMs, hand, boardClock, faultyFlash, board } = made
  const clock = createWorldClock(systemClocks, startMs)
  const create = (of: Board) => createMeter(boardClock.board(of))

  function said(news: PowerNews): void {
    if (options.json) io.stdout(`${JSON.stringify(news)}\n`)
    io.stderr(`${instant(hand.nowMs)} ${newsInWords(news)}\n`)
  }
  try {
    const settings = changeSettings(flash, prepared.settings, prepared.change)
    if (settings !== prepared.settings) io.stderr(`settings written: version ${settings.version}\n`)
    let meter = await firstMeter(prepared, made, create, io, stop)
    if (meter === undefined) return 0
    // Up to this moment before it is said to be ready: the newest half-hour may just have ended.
    clock.upMs = hand.upMs + clock.nowMs - hand.nowMs
    clock.read(1)
    advance(hand, meter, clock.nowMs, clock.upMs)
    boardClock.begin()
    if (faults.clock.lost) {
      meter.commit()
      board.off()
      meter = bootAt({ hand, board, createMeter: create }, hand.nowMs)
    }
    const powered = createPoweredMeter(
      {
        hand,
        board,
        flash: faultyFlash,
        createMeter: create,
        cuts: faults.cuts,
        lastGasp: faults.lastGasp,
        powerOn: boardClock.powerOn,
        said,
      },
      meter,
    )
    const lastHalfHour = meter.lastHalfHour()
    const eui = euiFromBytes(settings.eui)
    const until = lastHalfHour < 0 ? 'its log is empty' : `its log reaches to ${instant(stampOfHalfHour(lastHalfHour))}`
    if (options.json) {
      const ready = { ready: true, port: line.url(), lastHalfHour, eui, settingsVersion: settings.version, history }
      io.stdout(`${JSON.stringify(ready)}\n`)
    } else io.stdout(`meter ${eui} on ${line.url()}; ${until}. Ctrl-C stops it.\n`)
    await serve({ powered, clock, board, line, stop, timeScale: faults.timeScale, recorded: flash.sync })
    return 0
  } finally {
    board.off()
    await line.close()
  }
}
