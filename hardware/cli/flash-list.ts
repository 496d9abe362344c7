// smets1 flash --list: the boards, for a person and as JSON.

import type { EspruinoBoard } from '../boards/board-row.ts'
import { pulseRate } from '../boards/board-rules.ts'
import { type BoardName, boards } from '../boards/boards.ts'

const names = Object.keys(boards) as BoardName[]

const count = (number: number) => String(number).replace(/\B(?=(\d{3})+$)/g, ',')

function espruinoOf({ build }: EspruinoBoard): string {
  return build.release === undefined
    ? `no download (${build.why}); build it yourself: ${build.build}`
    : `${build.release}: ${build.file} from ${build.page}`
}

function flashOf({ flash, storage }: EspruinoBoard): string {
  const words = flash.wordPrograms === undefined ? 'any number of times' : `at most ${flash.wordPrograms} times`
  const rules = `rated for ${count(flash.ratedErases)} erases; a word may be programmed ${words} between two`
  const where =
    'spi' in flash
      ? `in a chip on ${flash.spi} (select ${flash.select})`
      : `from ${flash.base.toString(16)}h, erased by ${count(flash.eraseBytes)} bytes`
  return `${flash.pages} pages of 4,096 bytes ${where}; ${rules}; Storage of ${count(storage.bytes)} bytes`
}

function linesOf(name: BoardName): [string, string][] {
  const row = boards[name]
  const { line, pulses, heap } = row
  const { ofOne, ofAll, stepMs } = pulseRate(row)
  const pins = line.options.path ?? `TX ${line.options.tx}, RX ${line.options.rx}`
  const inputs =
    pulses.pins.length === 0
      ? `none; a steady load of ${pulses.perHour} pulses an hour`
      : `${pulses.pins.join(', ')} (${pulses.mode}, ${pulses.edge} edge, ${pulses.debounceMs} ms debounce)`
  return [
    ['Espruino', espruinoOf(row)],
    ['reports', `${row.reports}; ${count(heap.variables)} variables of ${heap.bytes} bytes`],
    ['console', `${row.console} at ${count(row.consoleBaud)} baud`],
    [
      'line',
      `${line.device}, ${pins}; ${count(line.baud)} baud, ${count(line.baudMax)} at most; ${line.bytesAtOnce} bytes at once`,
    ],
    ['inputs', inputs],
    [
      'counts',
      `${ofOne} pulses a second on one input, ${ofAll} on all together, computed: ${pulses.debounceMs} ms of debounce each way, and a queue of ${count(row.eventQueueBytes)} bytes during a step of ${count(stepMs)} ms`,
    ],
    [
      'power fail',
      row.powerFail === undefined ? 'no input' : `${row.powerFail}, pulled up, falls before the supply fails`,
    ],
    ['flash', flashOf(row)],
    ['script', `at most ${count(row.scriptBytesMax)} bytes`],
    ['read from', row.source.join('; ')],
  ]
}

function table(): string {
  const rows = names.map((name) => {
    const { build, line, title } = boards[name]
    return [name, title, build.release ?? 'own build', `${line.options.tx ?? '-'} ${line.options.rx ?? '-'}`]
  })
  const head = ['board', 'what', 'Espruino', 'TX RX']
  const widths = head.map((word, i) => Math.max(word.length, ...rows.map((row) => row[i]?.length ?? 0)))
  return [head, ...rows]
    .map((row) =>
      row
        .map((word, i) => word.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** The boards: a table and what is known of each, or all of it as JSON. */
export function boardList(asJson: boolean): string {
  if (asJson) {
    const rows = names.map((name) => ({ board: name, ...boards[name], pulseRate: pulseRate(boards[name]) }))
    return `${JSON.stringify(rows)}\n`
  }
  const details = names.map((name) => {
    const lines = linesOf(name).map(([what, text]) => `  ${what.padEnd(10)} ${text}\n`)
    return `\n${name}: ${boards[name].title}\n${lines.join('')}`
  })
  return `${table()}\n${details.join('')}\nNo board has been tried: all but linux is read from Espruino's source (2v29 unless it says otherwise).\n`
}
