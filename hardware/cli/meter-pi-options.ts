// The options of `smets1 meter --board pi`, checked.

import { parseLineUrl } from '../emulator/meter-line.ts'
import type { PulseInput } from '../pi/pulse-input.ts'
import { parsePulseInput, pulseInputForm, pulseKinds } from '../pi/pulse-input.ts'
import { faultFlags, loadFlags } from './meter-flags.ts'
import { text, whole } from './meter-options.ts'

export interface PiMeterOptions {
  port: string
  flash: string
  /** A settings file to take into the flash first. */
  settings: string | undefined
  baud: number
  /** One at least. */
  inputs: PulseInput[]
  json: boolean
  exitWithParent: boolean
}

/** Flags for the help of `smets1 meter`. */
export const pulseFlags = pulseKinds.map(
  (kind) => [`--pulse-${kind} <line>`, `with --board pi: the input that counts ${kind.replace('-', ' ')}`] as const,
)

/** The flag of an input as the command line parser names it: `pulseReactiveImport`. */
function camel(flag: string): string {
  return flag.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
}

/** Flags of the emulated board, and what each is when it was not given: of `--no-…` the parser makes true. */
const emulatedOnly = [...loadFlags, ...faultFlags].map(([flag]) => {
  const name = flag.replace(/^--| .*$/g, '')
  return name.startsWith('no-') ? { name, key: name.slice(3), absent: true } : { name, key: name, absent: undefined }
})

/** @throws Error with what is wrong and what to write instead */
export function readPiMeterOptions(options: Record<string, unknown>): PiMeterOptions {
  const port = text(options, 'port')
  if (port === undefined) throw new Error('--port is missing: the line to serve, as in --port /dev/serial0')
  const address = parseLineUrl(port, 115200)
  if (typeof address === 'string') throw new Error(`--port: ${address}`)
  const flash = text(options, 'flash')
  if (flash === undefined) throw new Error('--flash is missing: the file that is the meter’s flash')
  for (const { name, key, absent } of emulatedOnly) {
    const given = options[camel(key)]
    if (given !== undefined && given !== absent) {
      throw new Error(
        `--${name} is for a simulated load, and a Pi counts real pulses: leave it out, or use --board emulated`,
      )
    }
  }
  const inputs: PulseInput[] = []
  for (const kind of pulseKinds) {
    const written = text({ [`pulse-${kind}`]: options[camel(`pulse-${kind}`)] }, `pulse-${kind}`)
    if (written === undefined) continue
    const input = parsePulseInput(kind, written)
    if (typeof input === 'string') throw new Error(input)
    inputs.push(input)
  }
  if (inputs.length === 0) {
    throw new Error(`--board pi counts pulses: name an input, as in --pulse-import GPIO17. It is ${pulseInputForm}`)
  }
  return {
    port,
    flash,
    settings: text(options, 'settings'),
    baud: whole(options, 'baud', 0, 10000000) ?? 115200,
    inputs,
    json: options.json === true,
    exitWithParent: options.exitWithParent === true,
  }
}
