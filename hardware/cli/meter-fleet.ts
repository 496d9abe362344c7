// smets1 meter --fleet: many emulated meters on one line, each with its own flash, load and seed.

import { createMeter } from '../../firmware/meter.ts'
import { readSettings } from '../../firmware/settings.ts'
import { getU32 } from '../../protocol/bytes.ts'
import { frameBytesMax } from '../../protocol/limits.ts'
import { createPacedWriter, systemTimers } from '../emulator/emulated-board.ts'
import { createFleet, type Fleet } from '../emulator/fleet.ts'
import { FleetBoard } from '../emulator/fleet-board.ts'
import { type Line, openLine, parseLineUrl } from '../emulator/meter-line.ts'
import { createScaledClock, systemClocks } from '../emulator/scaled-clock.ts'
import { simulatedHouse } from '../load/simulated-house.ts'
import { type FleetDirectory, openFleetDirectory } from './fleet-directory.ts'
import type { Io } from './io.ts'
import { holdLine, type LineHolder } from './line-holder.ts'
import { faultFlags, settingsFlags } from './meter-flags.ts'
import { firstMeter } from './meter-live.ts'
import { meterLoad } from './meter-load.ts'
import { type MeterOptions, readMeterOptions, text } from './meter-options.ts'
import { lookBack } from './meter-past.ts'
import { pulseFlags } from './meter-pi-options.ts'
import { type Stop, watchForStop } from './stop.ts'

const usage = 2
const keyMissing = 3

/** Options of one meter that do not apply to a fleet. */
const ofOne = [
  ...[...settingsFlags, ...faultFlags, ...pulseFlags].map(([flag]) => flag),
  ...['--flash', '--settings', '--seed', '--load', '--load-export', '--stamps', '--zone', '--meter', '--household'],
  ...['--force', '--year-ends'],
].map((flag) => flag.replace(/^--| .*$/g, ''))

function words(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** @throws Error with what is wrong and what to do */
function readFleetOptions(given: Record<string, unknown>): { directory: string; options: MeterOptions } {
  for (const name of ofOne) {
    const key = name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
    if (given[key] !== undefined) {
      throw new Error(
        `--${name} is for one meter, and --fleet runs many: leave it out (smets1 provision sets how each is)`,
      )
    }
  }
  const directory = text(given, 'fleet')!
  return { directory, options: readMeterOptions({ ...given, fleet: undefined, flash: directory }) }
}

interface Starting {
  options: MeterOptions
  directory: FleetDirectory
  fleet: Fleet
  io: Io
  stop: Stop
}

/** What a meter says while it catches up is not shown: there are many. */
const quiet: Io = { stdout: () => {}, stderr: () => {}, isTerminal: false, env: {} }

/** Starts a meter and lets it catch up; false when told to stop meanwhile. */
async function startMember({ options, directory, fleet, stop }: Starting, number: number): Promise<boolean> {
  directory.store.hold(number)
  const flash = directory.store.flash(number)
  const { eui, configuration } = readSettings(flash)!
  const startMs = systemClocks.wallMs()
  // The last four bytes of the EUI-64 tell meters apart.
  const seed = getU32(eui.slice().reverse(), 0)
  const energyOf = simulatedHouse(seed, options.simulated.solarW)
  const board = new FleetBoard(flash, energyOf, configuration.pulsesPerKwh, startMs)
  const source = meterLoad(options, seed, startMs, undefined)
  const prepared = { options, source, past: lookBack(flash) }
  const meter = await firstMeter(prepared, { startMs, boardClock: board.clock, board }, createMeter, quiet, stop)
  if (meter === undefined) return false
  directory.store.release()
  fleet.add(eui, { board, meter })
  return true
}

/** Starts all of them, in turn; fewer when told to stop meanwhile. */
async function startAll(starting: Starting): Promise<void> {
  const { directory, fleet, io, stop } = starting
  const began = Date.now()
  let shown = began
  let yielded = began
  for (const { number } of directory.meters) {
    if (!(await startMember(starting, number)) || stop.stopped) return
    const now = Date.now()
    if (now - yielded >= 20) {
      // Lets signals through.
      await new Promise((resume) => setImmediate(resume))
      yielded = now
    }
    if (now - began < 2000 || now - shown < (io.isTerminal ? 200 : 2000)) continue
    shown = now
    const text = `${fleet.size()} of ${directory.meters.length} meters`
    io.stderr(io.isTerminal ? `\r${text}\x1b[K` : `${text}\n`)
  }
  if (io.isTerminal && shown > began) io.stderr('\r\x1b[K')
}

/** A fleet without meters, at the end of a line. */
function createFleetOn(line: LineHolder, options: MeterOptions, failed: (error: unknown) => void): Fleet {
  const address = parseLineUrl(options.port, options.baud)
  // A port's own speed may stand in its URL.
  const baud = typeof address === 'object' && address.kind === 'serial' ? address.baud : options.baud
  const writer = createPacedWriter(baud, systemTimers, line.write)
  const clock = createScaledClock(systemClocks, systemClocks.wallMs())
  const fleet = createFleet({ clock, timers: systemTimers, upToDate: 'each quarter', failed })
  const busyMs = () => (Math.max(0, writer.waiting() + 1 - frameBytesMax) * 10000) / (baud || 1)
  line.take(fleet.connect({ send: writer.write, busyMs }).received)
  return fleet
}

async function live(
  directory: FleetDirectory,
  options: MeterOptions,
  opened: Line,
  io: Io,
  stop: Stop,
): Promise<number> {
  const line = holdLine(opened, options.port, options.baud, io)
  const began = performance.now()
  let fail: (error: unknown) => void = () => {}
  const failing = new Promise<never>((_, reject) => {
    fail = reject
  })
  failing.catch(() => {})
  const fleet = createFleetOn(line, options, fail)
  try {
    await startAll({ options, directory, fleet, io, stop })
    if (stop.stopped) return 0
    const startMs = Math.round(performance.now() - began)
    const meters = fleet.size()
    if (options.json) io.stdout(`${JSON.stringify({ ready: true, port: line.url(), meters, startMs })}\n`)
    else
      io.stdout(`${meters} meters on ${line.url()}, started in ${(startMs / 1000).toFixed(1)} s. Ctrl-C stops them.\n`)
    await Promise.race([stop.asked, failing])
    return 0
  } finally {
    line.take(() => {})
    fleet.stop()
    await line.close()
  }
}

/**
 * Runs every meter of a directory until told to stop.
 * @returns the exit code: 0 stopped as told, 1 a flash failed, 2 usage or an unusable file, 3 no meters, 20 no port
 */
export async function runFleet(given: Record<string, unknown>, io: Io): Promise<number> {
  let options: MeterOptions
  let directory: FleetDirectory | undefined
  try {
    const read = readFleetOptions(given)
    options = read.options
    directory = openFleetDirectory(read.directory, io.takeLock, io.stderr)
    if (directory === undefined) {
      io.stderr(
        `${read.directory} has no meters: \`smets1 provision --count N --out ${read.directory}\` makes settings for some\n`,
      )
      return keyMissing
    }
  } catch (error) {
    io.stderr(`${words(error)}\n`)
    return usage
  }
  const stop = watchForStop(options.exitWithParent)
  try {
    const opened = await openLine(options.port, options.baud)
    if (opened.ok) return await live(directory, options, opened.line, io, stop)
    io.stderr(`${opened.problem.message}\n`)
    return opened.problem.exitCode
  } catch (error) {
    io.stderr(`${words(error)}\n`)
    return 1
  } finally {
    directory.close()
    stop.end()
  }
}
