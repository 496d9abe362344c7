// smets1 doctor: what is wrong between this machine and a meter, and the fix.

import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { firstDevice } from '../access/registry-rows.ts'
import { createDco } from '../dco/sealer.ts'
import { openVault } from '../dco/vault.ts'
import { parseEui } from '../duis/request.ts'
import { loadRegistry } from '../runtime/state-registry.ts'
import { systemTiming } from '../runtime/system-timing.ts'
import { CommandError, exitCode } from '../state/errors.ts'
import { statePaths } from '../state/state-directory.ts'
import { version } from '../state/version.ts'
import { openPort } from '../wan/bindings.ts'
import type { LossRow } from '../wan/line-test.ts'
import { type Command, type Io, type Options, portOption, textOption, wholeOption } from './command.ts'
import { lineFindings } from './line-findings.ts'
import { allPortFindings, type Finding, machineFindings, portFindings } from './port-findings.ts'
import { listedPorts, thisSystem } from './port-system.ts'

const marks = { ok: 'ok     ', warning: 'warning', wrong: 'wrong  ' } as const
const colours = { ok: 32, warning: 33, wrong: 31 } as const

function findingLine({ check, state, text, fix }: Finding, colour: boolean): string {
  const mark = colour ? `\u001b[${colours[state]}m${marks[state]}\u001b[0m` : marks[state]
  return `${mark} ${check}: ${text}\n${fix === undefined ? '' : `        fix: ${fix}\n`}`
}

function lossTable(loss: readonly LossRow[]): string {
  if (loss.length === 0) return ''
  const cell = (text: string | number, width: number) => String(text).padStart(width)
  const rows = loss.map(({ baud, sent, lost, damaged, roundTripMs: trip }) => {
    const times = trip === undefined ? '–' : `${trip.min} / ${trip.median} / ${trip.max}`
    const share = `${((lost * 100) / sent).toFixed(2)} %`
    return `${cell(baud, 9)}${cell(sent, 8)}${cell(lost, 8)}${cell(share, 10)}${cell(damaged, 9)}  ${times}\n`
  })
  return `\n     baud    sent    lost            damaged  round trip ms: least / median / most\n${rows.join('')}`
}

/** The meter that the options mean, by its EUI-64; `undefined` when nothing says which. */
function meterIn(options: Options, state: ReturnType<typeof statePaths>): string | undefined {
  const given = textOption(options, 'device')
  if (given !== undefined) {
    const eui = parseEui(given.toUpperCase())
    if (eui === undefined) throw new CommandError(exitCode.usage, `--device is an EUI-64, not ${given}`)
    return eui
  }
  return existsSync(state.registry) ? firstDevice(loadRegistry(state))?.eui : undefined
}

async function lineOf(options: Options, io: Io, port: string) {
  const state = statePaths(textOption(options, 'state') ?? '.smets1')
  const vault = existsSync(state.vault) ? openVault(state.vault) : { key: () => undefined }
  return lineFindings({
    url: port,
    baud: wholeOption(options, 'baud', 300, 4000000) ?? 115200,
    eui: meterIn(options, state),
    dco: createDco(vault, randomBytes),
    frames: wholeOption(options, 'frames', 1, 100000) ?? 100,
    setClock: options.setClock === true,
    confirmClock: options.confirmClock === true,
    openPort,
    timing: systemTiming,
    randomBytes,
    progress: (text) => {
      if (io.isTerminal) io.stderr(`${text} …\n`)
    },
  })
}

export const doctorCommand: Command = {
  name: 'doctor',
  summary:
    'test the ports of this machine and the line to a meter: permissions, line loss, clock, key; each fault with its fix',
  options: [
    'What is tested',
    ['--port <url>', 'the line to test; without it, all serial ports of this machine'],
    ['--baud <n>', 'bits per second of the line', 115200],
    ['--device <eui>', 'EUI-64 of the meter (the first of the registry unless given)'],
    ['--frames <n>', 'frames of the loss test at each speed', 100],
    ['--set-clock', 'set the clock of the meter if it has lost it or is more than two seconds wrong'],
    ['--confirm-clock', 'with --set-clock: set it also by more than a day ahead'],
    'Output and state',
    ['--json', 'findings and loss table as JSON'],
    ['--state <dir>', 'the state directory with registry and keys', '.smets1'],
  ],
  examples: ['smets1 doctor', 'smets1 doctor --port /dev/ttyUSB0', 'smets1 doctor --port /dev/ttyUSB0 --set-clock'],
  async run(options, io) {
    const system = { ...thisSystem(), listed: await listedPorts() }
    const port = portOption(options, 'port')
    const findings = await machineFindings(system)
    let loss: LossRow[] = []
    const isSocket = port !== undefined && /^(tcp|unix):\/\//.test(port)
    if (port === undefined) findings.push(...allPortFindings(system))
    else if (!isSocket) findings.push(...portFindings(system, port))
    const stops = findings.some(({ check, state }) => state === 'wrong' && check !== 'node' && check !== 'console')
    if (port !== undefined && !stops) {
      const line = await lineOf(options, io, port)
      findings.push(...line.findings)
      loss = line.loss
    } else if (port !== undefined) io.stderr('the line is not tested until that is put right\n')
    const colour = process.stdout.isTTY === true && io.env.NO_COLOR === undefined
    if (options.json === true) io.stdout(`${JSON.stringify({ version, port, findings, loss })}\n`)
    else io.stdout(findings.map((finding) => findingLine(finding, colour)).join('') + lossTable(loss))
    return findings.some(({ state }) => state === 'wrong') ? exitCode.failed : exitCode.ok
  },
}
