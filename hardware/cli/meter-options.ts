// The options of `smets1 meter`, checked.

import { parseLineUrl } from '../emulator/meter-line.ts'
import type { LoadOptions } from '../load/judge.ts'
import { typicalPeakW } from '../load/solar.ts'

export interface LoadFiles {
  file: string
  /** Readings of active export. */
  exportFile: string | undefined
  yearEnds: boolean
  /** How both files are read. */
  how: LoadOptions
}

/** The simulated household, where there are no readings. */
export interface SimulatedHousehold {
  /** `undefined`: from the meter's EUI-64, so that every meter has a household of its own. */
  seed: number | undefined
  /** Watts peak of the panels on the roof, 0 for none. */
  solarW: number
}

export interface MeterOptions {
  port: string
  flash: string
  /** A settings file to take into the flash first. */
  settings: string | undefined
  baud: number
  simulated: SimulatedHousehold
  load: LoadFiles | undefined
  catchUp: boolean
  days: number
  json: boolean
  exitWithParent: boolean
}

type Given = Record<string, unknown>

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

/** An option's one value; `undefined` when it was not given. @throws Error in words */
export function text(options: Given, name: string): string | undefined {
  const value = options[name]
  if (value === undefined || value === null || value === false) return undefined
  if (Array.isArray(value)) throw new Error(`--${kebab(name)} was given more than once; give it once`)
  if (value === true || value === '') {
    throw new Error(`--${kebab(name)} needs a value; one with a minus is written --${kebab(name)}=-1`)
  }
  return String(value)
}

/** An option's value as a whole number. @throws Error in words */
export function whole(options: Given, name: string, from: number, to: number): number | undefined {
  const value = text(options, name)
  if (value === undefined) return undefined
  const number = Number(value)
  if (!Number.isInteger(number) || number < from || number > to) {
    throw new Error(`--${kebab(name)} is a whole number from ${from} to ${to}, not ${value}`)
  }
  return number
}

/** What the options say of how files of readings are read. */
function readHow(options: Given): LoadOptions {
  const stamps = text(options, 'stamps')
  if (stamps !== undefined && !/^(?:start|end)s?$/.test(stamps)) {
    throw new Error(`--stamps is start or end (of the interval that a stamp names), not ${stamps}`)
  }
  const household = text(options, 'household')
  const meter = text(options, 'meter') ?? household
  if (household !== undefined && meter !== household)
    throw new Error('--household is --meter by its old name; give one')
  const zone = text(options, 'zone')
  return {
    ...(stamps === undefined ? {} : { stamps: stamps.startsWith('end') ? 'end' : 'start' }),
    ...(meter === undefined ? {} : { meter }),
    ...(zone === undefined ? {} : { zone }),
    ...(options.force === true ? { force: true } : {}),
  }
}

function readLoad(options: Given, catchUp: boolean): LoadFiles | undefined {
  const file = text(options, 'load')
  const exportFile = text(options, 'loadExport')
  const yearEnds = options.yearEnds === true
  const how = readHow(options)
  if (file !== undefined && !catchUp) {
    throw new Error('--load puts readings into the log by catching up; leave --no-catch-up out')
  }
  if (file !== undefined) return { file, exportFile, yearEnds, how }
  if (exportFile !== undefined)
    throw new Error('--load-export needs readings of import beside it; name them with --load')
  if (yearEnds || Object.keys(how).length > 0) {
    throw new Error(
      '--stamps, --zone, --meter, --force and --year-ends are for a file of readings; name it with --load',
    )
  }
  return undefined
}

/**
 * Checks the options as a command line parser gives them: camelCase names, `--no-catch-up` as `catchUp: false`.
 * @throws Error with what is wrong and what to write instead
 */
export function readMeterOptions(options: Given): MeterOptions {
  const board = text(options, 'board') ?? 'emulated'
  if (board !== 'emulated') throw new Error(`--board is emulated or pi, not ${board}`)
  if (Object.keys(options).some((name) => name.startsWith('pulse') && options[name] !== undefined)) {
    throw new Error('--pulse-import and its like name GPIO lines of a Pi: add --board pi, or leave them out')
  }
  const port = text(options, 'port')
  if (port === undefined) throw new Error('--port is missing: the line to serve, as in --port tcp://127.0.0.1:7000')
  const address = parseLineUrl(port, 115200)
  if (typeof address === 'string') throw new Error(`--port: ${address}`)
  const flash = text(options, 'flash')
  if (flash === undefined)
    throw new Error('--flash is missing: the file that is the meter’s flash, as in --flash meter.flash')
  const catchUp = options.catchUp !== false
  const load = readLoad(options, catchUp)
  return {
    port,
    flash,
    settings: text(options, 'settings'),
    baud: whole(options, 'baud', 0, 10000000) ?? 115200,
    simulated: {
      seed: whole(options, 'seed', -2147483648, 4294967295),
      // Beside real readings nothing is simulated unless asked for.
      solarW: whole(options, 'solar', 0, 1000000) ?? (load === undefined ? typicalPeakW : 0),
    },
    load,
    catchUp,
    days: whole(options, 'days', 0, 3650) ?? 30,
    json: options.json === true,
    exitWithParent: options.exitWithParent === true,
  }
}
