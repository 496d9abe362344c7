// What `smets1 meter` may be told, checked.

import type { StampRule } from '../load-layouts.ts'

export interface MeterOptions {
  port: string
  flash: string
  baud: number
  /** `undefined`: from the meter's EUI-64, so that every meter has a household of its own. */
  seed: number | undefined
  load: { file: string; stamps: StampRule; household: string | undefined; yearEnds: boolean } | undefined
  catchUp: boolean
  days: number
  json: boolean
  exitWithParent: boolean
}

type Given = Record<string, unknown>

/** An option's one value; `undefined` when it was not given. @throws Error in words */
export function text(options: Given, name: string): string | undefined {
  const value = options[name]
  if (value === undefined || value === null || value === false) return undefined
  if (Array.isArray(value)) throw new Error(`--${name} was given more than once; give it once`)
  if (value === true || value === '') throw new Error(`--${name} needs a value`)
  return String(value)
}

/** An option's value as a whole number. @throws Error in words */
export function whole(options: Given, name: string, from: number, to: number): number | undefined {
  const value = text(options, name)
  if (value === undefined) return undefined
  const number = Number(value)
  if (!Number.isInteger(number) || number < from || number > to) {
    throw new Error(`--${name} is a whole number from ${from} to ${to}, not ${value}`)
  }
  return number
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
  const flash = text(options, 'flash')
  if (flash === undefined)
    throw new Error('--flash is missing: the file that is the meter’s flash, as in --flash meter.flash')
  const file = text(options, 'load')
  const stamps = text(options, 'stamps')
  const household = text(options, 'household')
  const yearEnds = options.yearEnds === true
  const catchUp = options.catchUp !== false
  if (stamps !== undefined && !/^(?:start|end)s?$/.test(stamps)) {
    throw new Error(`--stamps is start or end (of the half-hour that a stamp names), not ${stamps}`)
  }
  if (file === undefined && (stamps !== undefined || household !== undefined || yearEnds)) {
    throw new Error('--stamps, --household and --year-ends say how to read a file of readings; name it with --load')
  }
  if (file !== undefined && !catchUp) {
    throw new Error('--load puts readings into the log by catching up; leave --no-catch-up out')
  }
  return {
    port,
    flash,
    baud: whole(options, 'baud', 0, 10000000) ?? 115200,
    seed: whole(options, 'seed', -2147483648, 4294967295),
    load:
      file === undefined
        ? undefined
        : { file, stamps: stamps?.startsWith('end') ? 'end' : 'start', household, yearEnds },
    catchUp,
    days: whole(options, 'days', 0, 3650) ?? 30,
    json: options.json === true,
    exitWithParent: options.exitWithParent === true,
  }
}
