// An emulated meter: first the time that it has missed, then real time, with the configured faults.

import type { Board } from '../../firmware/board.ts'
import { createMeter, type Meter } from '../../firmware/meter.ts'
import type { Configuration, Settings } from '../../firmware/settings.ts'
import { euiFromBytes } from '../../protocol/bytes.ts'
import { halfHourOf, stampOfHalfHour, startOfHalfHour } from '../../protocol/half-hour.ts'
import { createFaultyClock, type FaultyClock } from '../emulator/clock-faults.ts'
import { createEmulatedBoard } from '../emulator/emulated-board.ts'
import { createFaultyFlash } from '../emulator/flash-faults.ts'
import type { FlashFile } from '../emulator/flash-file.ts'
import type { Line } from '../emulator/meter-line.ts'
import { parseLineUrl } from '../emulator/meter-line.ts'
import { bytesOf, execute, type MeterOrder, type OrderedMeter, renewFlash } from '../emulator/meter-orders.ts'
import type { MeterTime } from '../emulator/meter-time.ts'
import { createPoweredMeter, type PowerEvent, type PoweredMeter } from '../emulator/powered-meter.ts'
import { createScaledClock } from '../emulator/scaled-clock.ts'
import { advance, startMeterAt } from '../emulator/virtual-run.ts'
import type { Io } from './io.ts'
import { instant } from './io.ts'
import { holdLine } from './line-holder.ts'
import type { MeterFaults } from './meter-faults.ts'
import type { MeterLoad } from './meter-load.ts'
import type { MeterOptions } from './meter-options.ts'
import type { MeterPast } from './meter-past.ts'
import { catchUp, type Serving, serve } from './meter-run.ts'
import { changeSettings } from './meter-settings.ts'
import type { Stop } from './stop.ts'

/** All that is known before the meter starts. */
export interface Prepared {
  options: MeterOptions
  faults: MeterFaults
  flash: FlashFile
  settings: Settings
  /** Changes to the configuration. */
  change: Partial<Configuration>
  source: MeterLoad
  past: MeterPast
  /** Seed of household, weather and faults. */
  seed: number
  time: MeterTime
  /** Calls back with each order of the program that has started this meter. */
  orders?: ((take: (order: MeterOrder) => void) => void) | undefined
  /** Half-hours that the flash keeps, for the ready line. */
  history: { importHalfHours: number; otherHalfHours: number }
}

function newsInWords(news: PowerEvent): string {
  if (news.power === 'off') return `power off, ${news.why}; back after ${news.offMs / 1000} s`
  return `power on: start ${news.boot}, ${news.importWh} Wh on the active import register`
}

/** The emulated board with its faults, at the start of its real time. */
function prepareBoard(
  { options, faults, flash, settings, source, past, seed, time }: Prepared,
  send: (bytes: Uint8Array) => void,
) {
  const wallMs = time.clocks.wallMs()
  // If an earlier run was ahead of the machine's time, the meter's time continues from there.
  const startMs = faults.timeScale > 1 ? Math.max(wallMs, past.aliveMs) : wallMs
  const boardClock = { nowMs: startMs, upMs: 0 }
  const clocks = { nowMs: () => boardClock.nowMs, upMs: () => boardClock.upMs }
  const faultyClock = createFaultyClock(faults.clock, clocks)
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
    timers: time.timers,
  })
  return { startMs, boardClock, faultyClock, faultyFlash, board }
}

type Prepare = ReturnType<typeof prepareBoard>

/** The meter, after catching up; `undefined` when stopped meanwhile. */
export async function firstMeter(
  { options, source, past }: Pick<Prepared, 'options' | 'source' | 'past'>,
  { startMs, boardClock, board }: Pick<Prepare, 'startMs' | 'boardClock' | 'board'>,
  createMeter: (board: Board) => Meter,
  io: Io,
  stop: Stop,
): Promise<Meter | undefined> {
  const run = { boardClock, board, createMeter }
  const fromMs = past.aliveMs > 0 ? past.aliveMs : startOfHalfHour(source.firstHalfHour)
  if (fromMs > startMs) io.stderr(`the log reaches to ${instant(fromMs)}, after now: nothing is recorded until then\n`)
  if (!options.catchUp || fromMs > startMs) return startMeterAt(run, startMs)
  const resumeAt = past.aliveMs > 0 ? { atMs: past.aliveMs, countedWh: past.countedWh } : undefined
  const from = halfHourOf(fromMs)
  const to = halfHourOf(startMs)
  // Caught up means that the half-hour under way has been whole so far, or since the meter before stopped in it.
  if (from === to) return startMeterAt(run, fromMs, resumeAt?.countedWh)
  const meter = await catchUp({ ...run, from, to, ...(resumeAt === undefined ? {} : { resumeAt }) }, io, stop)
  return stop.stopped ? undefined : (meter ?? startMeterAt(run, startOfHalfHour(to)))
}

/** What a running meter does on order. */
function ordersOf({ orders, flash }: Prepared, powered: PoweredMeter, faultyClock: FaultyClock): Serving['orders'] {
  if (orders === undefined) return undefined
  const remembered = bytesOf(flash)
  const meter: OrderedMeter = {
    cut: (ms) => powered.cutNow(ms),
    step: faultyClock.step,
    renew: (key) => powered.cutNow(0, () => renewFlash(flash, remembered, key)),
  }
  return (take) => orders((order) => take(() => execute(order, meter)))
}

/**
 * Catches up and serves on the line until stopped.
 * @throws what the firmware or the flash throws
 */
export async function live(prepared: Prepared, opened: Line, io: Io, stop: Stop): Promise<number> {
  const { options, faults, flash, history, time } = prepared
  const line = holdLine(opened, options.port, options.baud, io)
  const made = prepareBoard(prepared, line.write)
  const { startMs, boardClock, faultyClock, faultyFlash, board } = made
  const clock = createScaledClock(time.clocks, startMs)
  const create = (of: Board) => createMeter(faultyClock.board(of))

  function onPowerEvent(news: PowerEvent): void {
    if (options.json) io.stdout(`${JSON.stringify(news)}\n`)
    io.stderr(`${instant(boardClock.nowMs)} ${newsInWords(news)}\n`)
  }
  try {
    const settings = changeSettings(flash, prepared.settings, prepared.change)
    if (settings !== prepared.settings) io.stderr(`settings written: version ${settings.version}\n`)
    let meter = await firstMeter(prepared, made, create, io, stop)
    if (meter === undefined) return 0
    // Run up to the present before the ready line: the newest half-hour may just have ended.
    clock.upMs = boardClock.upMs + clock.nowMs - boardClock.nowMs
    clock.update(1)
    advance(boardClock, meter, clock.nowMs, clock.upMs)
    faultyClock.begin()
    if (faults.clock.lost) {
      meter.commit()
      board.off()
      meter = startMeterAt({ boardClock, board, createMeter: create }, boardClock.nowMs)
    }
    const powered = createPoweredMeter(
      {
        boardClock,
        board,
        flash: faultyFlash,
        createMeter: create,
        cuts: faults.cuts,
        lastGasp: faults.lastGasp,
        powerOn: faultyClock.powerOn,
        onPowerEvent,
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
    const recorded = time.syncs ? flash.sync : () => {}
    const orders = ordersOf(prepared, powered, faultyClock)
    await serve({ powered, clock, board, line, stop, timeScale: faults.timeScale, time, recorded, orders })
    return 0
  } finally {
    board.off()
    await line.close()
  }
}
