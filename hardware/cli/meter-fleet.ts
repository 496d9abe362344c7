// smets1 meter --fleet: many emulated meters on one line, each with its own flash, load and seed.

import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { createMeter } from '../../firmware/meter.ts'
import { readSettings } from '../../firmware/settings.ts'
import { euiFromBytes, getU32 } from '../../protocol/bytes.ts'
import { createEmulatedBoard, systemTimers } from '../emulator/emulated-board.ts'
import type { FlashFile } from '../emulator/flash-file.ts'
import { createFleet, type FleetMember } from '../emulator/fleet-runner.ts'
import { type Line, openLine, parseLineUrl } from '../emulator/meter-line.ts'
import { createScaledClock, systemClocks } from '../emulator/scaled-clock.ts'
import type { Io } from './io.ts'
import { holdLine, type LineHolder } from './line-holder.ts'
import { faultFlags, settingsFlags } from './meter-flags.ts'
import { openMeterFlash } from './meter-flash.ts'
import { firstMeter } from './meter-live.ts'
import { meterLoad } from './meter-load.ts'
import { type MeterOptions, readMeterOptions, text } from './meter-options.ts'
import { lookBack } from './meter-past.ts'
import { pulseFlags } from './meter-pi-options.ts'
import { type Stop, watchForStop } from './stop.ts'

const usage = 2
const keyMissing = 3

/** A meter by its EUI-64: its flash, and settings that are not in the flash yet. */
interface Place {
  eui: string
  flash: string
  settings: string | undefined
}

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

/** The meters of a directory, in the order of their EUI-64s. @throws Error when it cannot be read */
function placesIn(directory: string): Place[] {
  const mode = statSync(directory).mode & 0o777
  if ((mode & 0o077) !== 0) {
    throw new Error(
      `${directory} holds keys and others may look into it (mode ${mode.toString(8)}): chmod 700 ${directory}`,
    )
  }
  const places = new Map<string, Place>()
  for (const name of readdirSync(directory)) {
    const parts = /^((?:[0-9A-F]{2}-){7}[0-9A-F]{2})\.(settings\.json|flash)$/.exec(name)
    if (parts === null) continue
    const eui = parts[1]!
    const place = places.get(eui) ?? { eui, flash: join(directory, `${eui}.flash`), settings: undefined }
    if (parts[2] !== 'flash') place.settings = join(directory, name)
    places.set(eui, place)
  }
  return [...places.values()].sort((a, b) => (a.eui < b.eui ? -1 : 1))
}

interface Started {
  member: FleetMember
  flash: FlashFile
}

/** Starts a meter and lets it catch up; `undefined` when told to stop meanwhile. @throws Error naming its flash */
async function startMember(
  { eui, flash: path, settings: file }: Place,
  { takeLock, ...options }: MeterOptions & Pick<Io, 'takeLock'>,
  baud: number,
  send: (bytes: Uint8Array) => void,
  stop: Stop,
): Promise<Started | undefined> {
  const flash = openMeterFlash(path, file, () => {}, { takeLock })
  try {
    const settings = readSettings(flash)
    if (settings === undefined) throw new Error(`${path} holds no meter: it has no identity and no key`)
    if (euiFromBytes(settings.eui) !== eui) throw new Error(`${path} is the flash of ${euiFromBytes(settings.eui)}`)
    const startMs = systemClocks.wallMs()
    const boardClock = { nowMs: startMs, upMs: 0 }
    // The last four bytes of the EUI-64 tell meters apart.
    const source = meterLoad(options, getU32(settings.eui.slice().reverse(), 0), startMs, undefined)
    const board = createEmulatedBoard({
      flash,
      clock: () => boardClock.nowMs,
      up: () => boardClock.upMs,
      load: source.load,
      otherLoad: source.otherLoad,
      pulsesPerKwh: settings.configuration.pulsesPerKwh,
      send,
      baud,
      timers: systemTimers,
    })
    const quiet: Io = { stdout: () => {}, stderr: () => {}, isTerminal: false, env: {} }
    const prepared = { options, source, past: lookBack(flash) }
    const meter = await firstMeter(prepared, { startMs, boardClock, board }, createMeter, quiet, stop)
    if (meter !== undefined) return { member: { eui: settings.eui, boardClock, board, meter }, flash }
    flash.close()
    return undefined
  } catch (error) {
    flash.close()
    throw error
  }
}

/** Starts all of them, in turn; fewer when told to stop meanwhile. */
async function startAll(
  places: readonly Place[],
  options: MeterOptions,
  line: LineHolder,
  started: Started[],
  io: Io,
  stop: Stop,
): Promise<void> {
  const address = parseLineUrl(options.port, options.baud)
  // A port's own speed may stand in its URL.
  const baud = typeof address === 'object' && address.kind === 'serial' ? address.baud : options.baud
  const began = Date.now()
  let shown = began
  for (const place of places) {
    const one = await startMember(place, { ...options, takeLock: io.takeLock }, baud, line.write, stop)
    if (one === undefined || stop.stopped) return
    started.push(one)
    const now = Date.now()
    // Lets signals through.
    await new Promise((resume) => setImmediate(resume))
    if (now - began < 2000 || now - shown < (io.isTerminal ? 200 : 2000)) continue
    shown = now
    io.stderr(
      io.isTerminal
        ? `\r${started.length} of ${places.length} meters\x1b[K`
        : `${started.length} of ${places.length} meters\n`,
    )
  }
  if (io.isTerminal && shown > began) io.stderr('\r\x1b[K')
}

/** Serves until told to stop. @throws what a meter's firmware or flash throws */
async function serve(started: readonly Started[], line: LineHolder, stop: Stop): Promise<void> {
  const clock = createScaledClock(systemClocks, systemClocks.wallMs())
  let fail: (error: unknown) => void = () => {}
  const failing = new Promise<never>((_, reject) => {
    fail = reject
  })
  const fleet = createFleet(
    started.map(({ member }) => member),
    clock,
    systemTimers,
    fail,
  )
  line.take(fleet.received)
  await Promise.race([stop.asked, failing])
  line.take(() => {})
  fleet.stop()
}

async function live(
  places: readonly Place[],
  options: MeterOptions,
  opened: Line,
  io: Io,
  stop: Stop,
): Promise<number> {
  const line = holdLine(opened, options.port, options.baud, io)
  const started: Started[] = []
  const began = performance.now()
  try {
    await startAll(places, options, line, started, io, stop)
    if (stop.stopped) return 0
    const startMs = Math.round(performance.now() - began)
    if (options.json) {
      io.stdout(`${JSON.stringify({ ready: true, port: line.url(), meters: started.length, startMs })}\n`)
    } else
      io.stdout(
        `${started.length} meters on ${line.url()}, started in ${(startMs / 1000).toFixed(1)} s. Ctrl-C stops them.\n`,
      )
    await serve(started, line, stop)
    return 0
  } finally {
    for (const { flash } of started) flash.close()
    await line.close()
  }
}

/**
 * Runs every meter of a directory until told to stop.
 * @returns the exit code: 0 stopped as told, 1 a flash failed, 2 usage or an unusable file, 3 no meters, 20 no port
 */
export async function runFleet(given: Record<string, unknown>, io: Io): Promise<number> {
  let options: MeterOptions
  let places: Place[]
  try {
    const read = readFleetOptions(given)
    options = read.options
    places = placesIn(read.directory)
    if (places.length === 0) {
      io.stderr(
        `${read.directory} has no meters: \`smets1 provision --count N --out ${read.directory}\` makes settings for some\n`,
      )
      return keyMissing
    }
  } catch (error) {
    io.stderr(`${words(error)}\n`)
    return usage
  }
  const opened = await openLine(options.port, options.baud)
  if (!opened.ok) {
    io.stderr(`${opened.problem.message}\n`)
    return opened.problem.exitCode
  }
  const stop = watchForStop(options.exitWithParent)
  try {
    return await live(places, options, opened.line, io, stop)
  } catch (error) {
    io.stderr(`${words(error)}\n`)
    return 1
  } finally {
    stop.end()
  }
}
