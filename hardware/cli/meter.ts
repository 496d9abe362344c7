// smets1 meter: the firmware on this machine, on a line.

import { flashPagesFull, historyOf, pageBytes } from '../../firmware/flash-map.ts'
import type { Configuration } from '../../firmware/settings.ts'
import { readSettings } from '../../firmware/settings.ts'
import { getU32 } from '../../protocol/bytes.ts'
import { halfHoursPerDay } from '../../protocol/limits.ts'
import type { FlashFile } from '../emulator/flash-file.ts'
import { type OpenedLine, openLine } from '../emulator/meter-line.ts'
import { type MeterTime, machineTime } from '../emulator/meter-time.ts'
import type { Io } from './io.ts'
import { instant } from './io.ts'
import type { MeterFaults } from './meter-faults.ts'
import { readMeterFaults } from './meter-faults.ts'
import { faultFlags, loadFlags, settingsFlags } from './meter-flags.ts'
import { NoMeter, openMeterFlash } from './meter-flash.ts'
import { live, type Prepared } from './meter-live.ts'
import type { MeterLoad } from './meter-load.ts'
import { meterLoad, readReadings } from './meter-load.ts'
import type { MeterOptions } from './meter-options.ts'
import { readMeterOptions } from './meter-options.ts'
import { lookBack } from './meter-past.ts'
import { pulseFlags } from './meter-pi-options.ts'
import { readMeterSettings } from './meter-settings.ts'
import { ordersOnInput } from './order-input.ts'
import type { Stop } from './stop.ts'
import { watchForStop } from './stop.ts'

const usage = 2
const keyMissing = 3

function words(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

interface MeterRequest {
  options: MeterOptions
  change: Partial<Configuration>
  faults: MeterFaults
}

/** A note on what a flash keeps, when it is smaller than that of a whole meter. */
function sayHistory(flash: FlashFile, io: Io): { importHalfHours: number; otherHalfHours: number } {
  const history = historyOf(flash.pages)
  if (flash.pages < flashPagesFull) {
    const kb = (pages: number) => (pages * pageBytes) / 1024
    io.stderr(
      `a flash of ${kb(flash.pages)} KB keeps ${history.importHalfHours / halfHoursPerDay} days of active import and ` +
        `${history.otherHalfHours / halfHoursPerDay} of the other channels; all that SMETS1 asks for takes ` +
        `${kb(flashPagesFull)} KB\n`,
    )
  }
  return history
}

/** Where a meter runs: in a process of its own, or in a simulation, which also says when it is to stop. */
export interface MeterSurroundings {
  time: MeterTime
  openLine(url: string, baud: number): Promise<OpenedLine>
  stop?: Stop
  /** Calls back with each order; by default those on standard input, where another program has started this meter. */
  orders?: Prepared['orders']
}

/** Checks the flash and the load before anything is started. */
async function withFlash(
  { options, change, faults }: MeterRequest,
  flash: FlashFile,
  io: Io,
  stop: Stop,
  { time, openLine, orders: given }: MeterSurroundings,
): Promise<number> {
  const found = readSettings(flash)
  if (found === undefined) {
    io.stderr(
      `${options.flash} holds no meter: it has no identity and no key. \`smets1 provision\` makes settings for one.\n`,
    )
    return keyMissing
  }
  const past = lookBack(flash)
  if (options.load !== undefined && past.aliveMs > 0) {
    io.stderr(
      `${options.flash} already has a log, up to ${instant(past.aliveMs)}; --load needs a meter without one. ` +
        'Leave --load out to continue with the log, or name another flash.\n',
    )
    return usage
  }
  // The last four bytes of the EUI-64 tell meters apart.
  const seed = options.simulated.seed ?? getU32(found.eui.slice().reverse(), 0)
  let source: MeterLoad
  try {
    const nowMs = time.clocks.wallMs()
    source = meterLoad(options, seed, nowMs, await readReadings(options, nowMs))
  } catch (error) {
    io.stderr(`${words(error)}\n`)
    return usage
  }
  for (const line of source.lines) io.stderr(`${line}\n`)
  const history = sayHistory(flash, io)
  const opened = await openLine(options.port, options.baud)
  if (!opened.ok) {
    io.stderr(`${opened.problem.message}\n`)
    return opened.problem.exitCode
  }
  const orders = given ?? (options.exitWithParent && options.json ? ordersOnInput(io) : undefined)
  const prepared = { options, faults, flash, settings: found, change, source, past, seed, orders, history, time }
  return live(prepared, opened.line, io, stop)
}

/**
 * Runs a meter until it is stopped (SIGINT, SIGTERM, or the end of its parent).
 * @returns the exit code: 0 stopped as told, 1 the flash failed, 2 usage or an unusable file, 3 a flash without a meter,
 * 20 no port
 */
export async function runMeter(
  given: Record<string, unknown>,
  io: Io,
  surroundings: MeterSurroundings = { time: machineTime, openLine },
): Promise<number> {
  let asked: MeterRequest
  let flash: FlashFile
  // Loaded only with --board pi.
  if (given.board === 'pi') return (await import('./meter-pi.ts')).runPiMeter(given, io)
  if (given.fleet !== undefined) return (await import('./meter-fleet.ts')).runFleet(given, io)
  try {
    asked = { options: readMeterOptions(given), change: readMeterSettings(given), faults: readMeterFaults(given) }
    flash = openMeterFlash(asked.options.flash, asked.options.settings, (text) => io.stderr(`${text}\n`), {
      takeLock: io.takeLock,
    })
  } catch (error) {
    io.stderr(`${words(error)}\n`)
    return error instanceof NoMeter ? keyMissing : usage
  }
  const stop = surroundings.stop ?? watchForStop(asked.options.exitWithParent)
  try {
    return await withFlash(asked, flash, io, stop, surroundings)
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
  summary: 'run the meter firmware on this machine, behind a line',
  /** Flags, their meaning and their defaults. */
  options: [
    'The meter and its line',
    ['--board <emulated|pi>', 'pi: count the pulses of GPIO lines', 'emulated'],
    ['--port <url>', 'the line: /dev/ttyUSB0[:baud], tcp://host:port or unix:///path (the meter listens)'],
    ['--baud <n>', 'bits per second of the line; 0: no delay, on a socket only', 115200],
    ['--flash <file>', 'flash of the meter; created if --settings is given and the file is missing'],
    ['--settings <file>', 'settings file of smets1 provision: written to the flash if the file exists, then deleted'],
    [
      '--fleet <dir>',
      'instead of --flash: one meter for each settings file and each flash file in a directory, on one line',
    ],
    'Load',
    ...loadFlags,
    'Settings, kept in the flash',
    ...settingsFlags,
    'Faults, for tests',
    ...faultFlags,
    'Pulse inputs of a Raspberry Pi',
    ...pulseFlags,
    'Output and process',
    ['--exit-with-parent', 'stop when standard input ends'],
    ['--json', 'print a line of JSON when the meter is ready, and whenever power fails or returns'],
  ] as const,
  examples: [
    'smets1 meter --port tcp://127.0.0.1:7000 --flash meter.flash --settings 02-DB-12-34-….settings.json',
    'smets1 meter --port tcp://127.0.0.1:7000 --flash meter.flash --time-scale 60 --cut-power-after 3h/20m --last-gasp',
    'smets1 meter --port tcp://127.0.0.1:7000 --fleet fleet --days 2',
    'smets1 meter --board pi --port /dev/serial0 --flash meter.flash --pulse-import GPIO17',
  ],
  run: (given: Record<string, unknown>, io: Io) => runMeter(given, io),
}
