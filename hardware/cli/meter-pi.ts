// smets1 meter --board pi: the firmware in real time, counting the pulses of GPIO lines.

import type { Meter } from '../../firmware/meter.ts'
import { createMeter } from '../../firmware/meter.ts'
import type { Configuration, Settings } from '../../firmware/settings.ts'
import { readSettings } from '../../firmware/settings.ts'
import { euiFromBytes } from '../../protocol/bytes.ts'
import { halfHourMs, stampOfHalfHour } from '../../protocol/half-hour.ts'
import { systemTimers } from '../emulator/emulated-board.ts'
import type { FlashFile } from '../emulator/flash-file.ts'
import { openLine, parseLineUrl } from '../emulator/meter-line.ts'
import type { PulseInputs } from '../pi/gpio.ts'
import { openPulseInputs } from '../pi/gpio.ts'
import { systemGpioTools } from '../pi/gpio-tools.ts'
import type { PiBoard } from '../pi/pi.ts'
import { createPiBoard } from '../pi/pi.ts'
import { inputName } from '../pi/pulse-input.ts'
import type { Io } from './io.ts'
import { instant } from './io.ts'
import type { LineHolder } from './line-holder.ts'
import { holdLine } from './line-holder.ts'
import { NoMeter, openMeterFlash } from './meter-flash.ts'
import type { PiMeterOptions } from './meter-pi-options.ts'
import { readPiMeterOptions } from './meter-pi-options.ts'
import { changeSettings, readMeterSettings } from './meter-settings.ts'
import type { Service } from './service-notify.ts'
import { createService, systemdNotify } from './service-notify.ts'
import type { Stop } from './stop.ts'
import { watchForStop } from './stop.ts'

const usage = 2
const keyMissing = 3
const unavailable = 20
/** SIGPWR within so long of another is about the same failure. */
const gaspEveryMs = 60000

function words(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Runs the meter until it is stopped. @throws what the firmware or the flash throws */
function serve(meter: Meter, board: PiBoard, line: LineHolder, stop: Stop, service: Service): Promise<void> {
  return new Promise((stopped, failed) => {
    let timer: NodeJS.Timeout | undefined
    function end(): void {
      clearTimeout(timer)
      line.take(() => {})
    }
    function turn(): void {
      clearTimeout(timer)
      try {
        meter.step()
        while (meter.busy() && board.uart.ready()) meter.step()
      } catch (error) {
        end()
        failed(error)
        return
      }
      service.alive(board.upMs())
      // Often enough for a session to fall asleep on time, and exactly at the end of the half-hour.
      const toBoundary = halfHourMs - (board.nowMs() % halfHourMs)
      timer = setTimeout(turn, meter.busy() ? 2 : Math.min(1000, toBoundary))
    }
    line.take((bytes) => {
      meter.received(bytes)
      turn()
    })
    void stop.asked.then(() => {
      end()
      try {
        // Commits what was counted: the half-hour may end while this process is not running.
        meter.step()
        meter.commit()
        stopped()
      } catch (error) {
        failed(error)
      }
    })
    turn()
  })
}

interface Found {
  options: PiMeterOptions
  flash: FlashFile
  settings: Settings
  inputs: PulseInputs
}

/** Opens the line and serves. */
async function live({ options, flash, settings, inputs }: Found, io: Io, stop: Stop): Promise<number> {
  const opened = await openLine(options.port, options.baud)
  if (!opened.ok) {
    io.stderr(`${opened.problem.message}\n`)
    return opened.problem.exitCode
  }
  const line = holdLine(opened.line, options.port, options.baud, io)
  const address = parseLineUrl(options.port, options.baud)
  // A port's own speed may stand in its URL.
  const baud = typeof address === 'object' && address.kind === 'serial' ? address.baud : options.baud
  const board = createPiBoard({ flash, inputs, nowMs: Date.now, send: line.write, baud, timers: systemTimers })
  const service = createService(
    io.env,
    systemdNotify(io.env, (why) => io.stderr(`${why}\n`)),
  )
  let meter: Meter | undefined
  let gaspMs = Number.NEGATIVE_INFINITY

  /** An uninterruptible supply reports that it runs on its battery. The meter keeps running: the mains may come back. */
  function powerFails(): void {
    if (meter === undefined) return
    try {
      meter.step()
      // Supplies repeat the signal; one failure causes one last gasp.
      if (board.upMs() - gaspMs < gaspEveryMs) meter.commit()
      else meter.powerFails()
      gaspMs = board.upMs()
      io.stderr('SIGPWR: power is about to fail; the meter has committed what it counted\n')
    } catch (error) {
      // The next step of the meter fails in the same way, and ends it.
      io.stderr(`SIGPWR: the meter could not commit what it counted: ${words(error)}\n`)
    }
  }
  process.on('SIGPWR', powerFails)
  try {
    if (stop.stopped) return 0
    meter = createMeter(board)
    const lastHalfHour = meter.lastHalfHour()
    const eui = euiFromBytes(settings.eui)
    const until = lastHalfHour < 0 ? 'its log is empty' : `its log reaches to ${instant(stampOfHalfHour(lastHalfHour))}`
    const counted = options.inputs.map(inputName)
    if (options.json) {
      io.stdout(`${JSON.stringify({ ready: true, port: line.url(), lastHalfHour, eui, inputs: counted })}\n`)
    } else io.stdout(`meter ${eui} on ${line.url()}, counting ${counted.join(', ')}; ${until}. Ctrl-C stops it.\n`)
    service.ready()
    await serve(meter, board, line, stop, service)
    return 0
  } finally {
    service.stopping()
    process.off('SIGPWR', powerFails)
    board.off()
    await line.close()
  }
}

/** Checks the flash, then opens the inputs. */
async function withFlash(
  options: PiMeterOptions,
  change: Partial<Configuration>,
  flash: FlashFile,
  io: Io,
  stop: Stop,
): Promise<number> {
  const found = readSettings(flash)
  if (found === undefined) {
    io.stderr(
      `${options.flash} holds no meter: it has no identity and no key. \`smets1 provision\` makes settings for one.\n`,
    )
    return keyMissing
  }
  const opened = await openPulseInputs(options.inputs, {
    tools: systemGpioTools(io.env),
    timers: systemTimers,
    say: (text) => io.stderr(`${text}\n`),
  })
  if (!opened.ok) {
    io.stderr(`${opened.problem}\n`)
    return unavailable
  }
  try {
    const settings = changeSettings(flash, found, change)
    return await live({ options, flash, settings, inputs: opened.inputs }, io, stop)
  } finally {
    opened.inputs.close()
  }
}

/**
 * Runs a meter on a Pi until it is stopped. Time without power is a gap.
 * @returns the exit code: 0 stopped as told, 1 the flash failed, 2 usage or an unusable file, 3 a flash without a meter,
 * 20 no port or no GPIO
 */
export async function runPiMeter(given: Record<string, unknown>, io: Io): Promise<number> {
  let options: PiMeterOptions
  let change: Partial<Configuration>
  let flash: FlashFile
  try {
    options = readPiMeterOptions(given)
    change = readMeterSettings(given)
    const say = (text: string) => io.stderr(`${text}\n`)
    flash = openMeterFlash(options.flash, options.settings, say, { takeLock: io.takeLock, durable: true })
  } catch (error) {
    io.stderr(`${words(error)}\n`)
    return error instanceof NoMeter ? keyMissing : usage
  }
  const stop = watchForStop(options.exitWithParent)
  try {
    return await withFlash(options, change, flash, io, stop)
  } catch (error) {
    io.stderr(`${words(error)}\n`)
    return 1
  } finally {
    stop.end()
    flash.close()
  }
}
