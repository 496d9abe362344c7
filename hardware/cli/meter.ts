// smets1 meter: the firmware on this machine, behind a line.

import { existsSync } from 'node:fs'
import { flashPagesFull, pageBytes } from '../../firmware/flash-map.ts'
import { createMeter } from '../../firmware/meter.ts'
import type { Settings } from '../../firmware/settings.ts'
import { readSettings } from '../../firmware/settings.ts'
import { euiFromBytes, getU32 } from '../../protocol/bytes.ts'
import { halfHourOf, stampOfHalfHour, startOfHalfHour } from '../../protocol/half-hour.ts'
import { createEmulatedBoard, systemTimers } from '../emulated.ts'
import type { FlashFile } from '../flash-file.ts'
import { createMemoryFlash, openFlashFile } from '../flash-file.ts'
import { openLine, parseLineUrl } from '../line.ts'
import type { Hand } from '../virtual-run.ts'
import { advance } from '../virtual-run.ts'
import type { Io } from './io.ts'
import { instant } from './io.ts'
import { holdLine } from './line-holder.ts'
import type { MeterLoad } from './meter-load.ts'
import { meterLoad } from './meter-load.ts'
import type { MeterOptions } from './meter-options.ts'
import { readMeterOptions } from './meter-options.ts'
import { pulseFlags } from './meter-pi-options.ts'
import { catchUp, serve } from './meter-run.ts'
import type { Stop } from './stop.ts'
import { watchForStop } from './stop.ts'

const geometry = { pageBytes, pages: flashPagesFull }
const usage = 2
const keyMissing = 3

function words(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** The newest half-hour in the log, -1 for none. Looked up on a copy: the flash itself must not see a start at this time. */
function lastInLog(flash: FlashFile, settings: Settings): number {
  const board = createEmulatedBoard({
    flash: createMemoryFlash(geometry, flash),
    clock: () => 0,
    load: () => undefined,
    pulsesPerKwh: settings.configuration.pulsesPerKwh,
    send: () => {},
    baud: 0,
    timers: systemTimers,
  })
  return createMeter(board).lastHalfHour()
}

interface Found {
  options: MeterOptions
  flash: FlashFile
  settings: Settings
  source: MeterLoad
  /** The newest half-hour in the log, -1 for none. */
  last: number
}

/** Opens the line, catches up, serves. */
async function live({ options, flash, settings, source, last }: Found, io: Io, stop: Stop): Promise<number> {
  const opened = await openLine(options.port, options.baud)
  if (!opened.ok) {
    io.stderr(`${opened.problem.message}\n`)
    return opened.problem.exitCode
  }
  const line = holdLine(opened.line, options.port, options.baud, io)
  const address = parseLineUrl(options.port, options.baud)
  const hand: Hand = { nowMs: Date.now() }
  const board = createEmulatedBoard({
    flash,
    clock: () => hand.nowMs,
    load: source.load,
    pulsesPerKwh: settings.configuration.pulsesPerKwh,
    send: line.write,
    // A port's own speed may stand in its URL.
    baud: typeof address === 'object' && address.kind === 'serial' ? address.baud : options.baud,
    timers: systemTimers,
  })
  try {
    const driven = { board, hand, io, stop }
    const current = halfHourOf(hand.nowMs)
    const from = last < 0 ? source.firstHalfHour : last + 1
    if (from > current) {
      io.stderr(`the log reaches to ${instant(stampOfHalfHour(last))}, after now: nothing is recorded until then\n`)
    }
    const catching = options.catchUp && from <= current
    let meter = catching ? await catchUp(driven, from, current) : undefined
    if (stop.stopped) return 0
    if (meter === undefined) {
      // Caught up means that the half-hour under way has been whole so far; otherwise the meter starts this moment.
      hand.nowMs = catching ? startOfHalfHour(current) : Date.now()
      board.on()
      meter = createMeter(board)
    }
    // Up to this moment before it is said to be ready: the newest half-hour may just have ended.
    advance(hand, meter, Date.now())
    const lastHalfHour = meter.lastHalfHour()
    const eui = euiFromBytes(settings.eui)
    const until = lastHalfHour < 0 ? 'its log is empty' : `its log reaches to ${instant(stampOfHalfHour(lastHalfHour))}`
    if (options.json) io.stdout(`${JSON.stringify({ ready: true, port: line.url(), lastHalfHour, eui })}\n`)
    else io.stdout(`meter ${eui} on ${line.url()}; ${until}. Ctrl-C stops it.\n`)
    await serve(driven, meter, line, flash.sync)
    return 0
  } finally {
    board.off()
    await line.close()
  }
}

/** Looks at the flash and at the load before anything is started. */
async function withFlash(options: MeterOptions, flash: FlashFile, io: Io, stop: Stop): Promise<number> {
  const settings = readSettings(flash)
  if (settings === undefined) {
    io.stderr(
      `${options.flash} holds no meter: it has no identity and no key. \`smets1 up\` makes a provisioned meter.\n`,
    )
    return keyMissing
  }
  const last = lastInLog(flash, settings)
  if (options.load !== undefined && last >= 0) {
    io.stderr(
      `${options.flash} already has a log, up to ${instant(stampOfHalfHour(last))}; --load needs a meter without one. ` +
        'Leave --load out to go on, or name another flash.\n',
    )
    return usage
  }
  let source: MeterLoad
  try {
    // The last four bytes of the EUI-64 tell meters apart.
    source = meterLoad(options, options.seed ?? getU32(settings.eui.slice().reverse(), 0), Date.now())
  } catch (error) {
    io.stderr(`${words(error)}\n`)
    return usage
  }
  for (const line of source.lines) io.stderr(`${line}\n`)
  return live({ options, flash, settings, source, last }, io, stop)
}

/**
 * Runs a meter until it is told to stop (SIGINT, SIGTERM, or its parent going away).
 * @returns the exit code: 0 stopped as told, 1 the flash failed, 2 usage or an unusable file, 3 a flash without a meter,
 * 20 no port
 */
async function run(given: Record<string, unknown>, io: Io): Promise<number> {
  let options: MeterOptions
  let flash: FlashFile
  // Loaded when asked for: nothing of the Pi's inputs runs anywhere else.
  if (given.board === 'pi') return (await import('./meter-pi.ts')).runPiMeter(given, io)
  try {
    options = readMeterOptions(given)
    if (!existsSync(options.flash)) {
      io.stderr(`there is no meter in ${options.flash}: no such file. \`smets1 up\` makes a provisioned meter.\n`)
      return keyMissing
    }
    flash = openFlashFile(options.flash, geometry)
  } catch (error) {
    io.stderr(`${words(error)}\n`)
    return usage
  }
  const stop = watchForStop(options.exitWithParent)
  try {
    return await withFlash(options, flash, io, stop)
  } catch (error) {
    io.stderr(`${words(error)}\n`)
    return 1
  } finally {
    stop.end()
    flash.close()
  }
}

export const meterCommand = {
  name: 'meter',
  summary: 'the meter firmware on this machine, behind a line',
  /** Flags, what they mean, and what holds without them. */
  options: [
    ['--board <board>', 'emulated, or pi: counts the pulses of GPIO lines', 'emulated'],
    ['--port <url>', 'the line: /dev/ttyUSB0[:baud], tcp://host:port or unix:///path (the meter listens)'],
    ['--flash <file>', 'the meter’s flash, as `smets1 up` makes it'],
    ['--baud <n>', 'speed of the line, bits a second; 0 sends at once, on a socket only', 115200],
    ['--seed <n>', 'household of the load; from the EUI unless given'],
    ['--load <file>', 'half-hourly readings (CSV) as the load of a meter without a log'],
    ['--stamps <which>', 'what a stamp in the file names: start or end of its half-hour (start unless given)'],
    ['--household <id>', 'the LCLid to take from a file of several'],
    ['--year-ends', 'shift the file by whole days so that it ends yesterday'],
    ['--days <n>', 'whole days before today made up for a meter without a log', 30],
    ['--no-catch-up', 'leave the time since the last half-hour recorded as a gap'],
    ...pulseFlags,
    ['--exit-with-parent', 'stop when standard input ends'],
    ['--json', 'say when it is ready as one line of JSON'],
  ] as const,
  examples: [
    'smets1 meter --port tcp://127.0.0.1:7000 --flash meter.flash',
    'smets1 meter --board pi --port /dev/serial0 --flash meter.flash --pulse-import GPIO17',
  ],
  run,
}
