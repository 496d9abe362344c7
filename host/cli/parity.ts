// smets1 parity: two meters, the same scenario, their answers and times compared.

import { firstDevice } from '../access/registry-rows.ts'
import { loadRegistry } from '../runtime/state-registry.ts'
import { CommandError, exitCode } from '../state/errors.ts'
import { statePaths } from '../state/state-directory.ts'
import { comparisonText } from '../trace/compare.ts'
import { alwaysDiffers } from '../trace/differ-rules.ts'
import { type ParityRow, parity } from '../trace/meter-parity.ts'
import { type Command, type Io, type Options, portOption, textOption, wholeOption } from './command.ts'
import { lineFlags, talking, textsOption } from './line-options.ts'
import { euiOf } from './request-options.ts'

/** The meter at each port: `--device` once for both, or once for each; the first of the registry without. */
function devicesOption(options: Options): [string, string] {
  const given = textsOption(options, 'device').map((text) => euiOf(text, 'device'))
  if (given.length > 2) throw new CommandError(exitCode.usage, '--device is given once, or once for each port')
  const paths = statePaths(textOption(options, 'state') ?? '.smets1')
  const first = given[0] ?? firstDevice(loadRegistry(paths))?.eui
  if (first === undefined)
    throw new CommandError(exitCode.usage, `${paths.registry} has no device: name the meter with --device`)
  return [first, given[1] ?? first]
}

const ms = (value: number) => (value < 100 ? value.toFixed(1) : value.toFixed(0)).padStart(9)

function show({ command, tookMs, comparison }: ParityRow, json: boolean, io: Io): void {
  const ratio = tookMs[0] > 0 ? tookMs[1] / tookMs[0] : undefined
  if (json) {
    const { differences, leftOut, bytes, sameBytes } = comparison ?? {}
    const left = leftOut && Object.fromEntries([...leftOut].map(([reason, fields]) => [reason, [...fields]]))
    io.stdout(`${JSON.stringify({ command, tookMs, ratio, bytes, sameBytes, differences, leftOut: left })}\n`)
    return
  }
  const verdict = comparison === undefined ? '' : comparisonText(comparison, ['A', 'B'])
  const bytes = comparison === undefined ? '' : String(comparison.bytes)
  const times = `${ms(tookMs[0])} ${ms(tookMs[1])} ${(ratio?.toFixed(2) ?? '').padStart(7)}`
  io.stdout(`${command.padEnd(22)} ${times} ${bytes.padStart(7)}  ${verdict}`.trimEnd() + '\n')
}

export const parityCommand: Command = {
  name: 'parity',
  summary: 'ask two meters the same, such as a board and the emulated meter, and compare answers and times',
  options: [
    'The two meters',
    ['--port <url>', 'given twice: the line to meter A, then the line to meter B'],
    [
      '--device <eui>',
      'the meter; given twice if B has another EUI-64 than A (the first of the registry unless given)',
    ],
    ['--rounds <n>', 'ask everything this many times; the times shown are medians', 1],
    ...lineFlags,
    ['--json', 'one JSON object per command, the result last'],
  ],
  examples: ['smets1 parity --port tcp://127.0.0.1:7000 --port /dev/ttyACM0 --rounds 5'],
  async run(options, io) {
    const ports = textsOption(options, 'port').map((port) => portOption({ port }, 'port'))
    const [a, b] = ports
    if (a === undefined || b === undefined || ports.length > 2)
      throw new CommandError(exitCode.usage, 'name two lines: --port A --port B')
    const devices = devicesOption(options)
    if (a === b && devices[0] === devices[1])
      throw new CommandError(
        exitCode.usage,
        'A and B are the same meter on the same line: name two lines, or two devices',
      )
    const rounds = wholeOption(options, 'rounds', 1, 1000) ?? 1
    const json = options.json === true
    let different = 0
    if (!json) {
      io.stdout(`A ${devices[0]} on ${a}\nB ${devices[1]} on ${b}\n`)
      io.stdout(`always different, and not compared: ${alwaysDiffers}\n\n`)
      io.stdout(
        `${'command'.padEnd(22)} ${'A, ms'.padStart(9)} ${'B, ms'.padStart(9)} ${'B / A'.padStart(7)} ${'bytes'.padStart(7)}  answers\n`,
      )
    }
    await talking(options, io, ({ timing, sessions, timeoutMs, lineTo }) => {
      const sides = [
        { line: lineTo(a), eui: devices[0] },
        { line: lineTo(b), eui: devices[1] },
      ] as const
      // At 9,600 baud 13 months take half a minute.
      const begins = (command: string) => io.stderr(`\r${command} …\x1b[K`)
      const done = io.isTerminal ? () => io.stderr('\r\x1b[K') : () => {}
      const parts = { sessions, timing, rounds, timeoutMs }
      const take = (row: ParityRow) => {
        done()
        if (row.comparison !== undefined && row.comparison.differences.length > 0) different += 1
        show(row, json, io)
      }
      return parity(sides, parts, take, io.isTerminal ? begins : undefined).finally(done)
    })
    if (json) io.stdout(`${JSON.stringify({ result: { different } })}\n`)
    else io.stdout(different === 0 ? '\nno difference\n' : `\n${different} commands are answered differently\n`)
    return different === 0 ? exitCode.ok : exitCode.failed
  },
}
