// What was done to a board, for a person.

import { type BoardName, boards } from '../boards/boards.ts'
import type { FlashOptions } from './flash-options.ts'

/** A meter that was just read. */
export interface BoardRead {
  manufacturer: string
  model: string
  firmwareVersion: string
  clockAheadMs: number | undefined
  registers: number[]
  importDays: number
  otherDays: number
  answeredMs: number
}

export interface FlashReport {
  done: 'looked' | 'installed' | 'uninstalled'
  board: string
  espruino: string
  /** Variables of the heap: in all, and free (with the meter running, once it is installed). */
  variables: number
  variablesFree: number
  storageFree: number
  scriptBytes: number
  /** Time from the first contact with the board until the installation was complete. */
  seconds: number
  /** Looked at: whether a meter starts on it already. */
  running?: boolean
  /** Uninstalled: what of ours is left. */
  left?: 'logs' | 'nothing'
  bytesSent?: number
  sha256?: string
  eui?: string
  settingsVersion?: number
  /** What the meter printed when it started. */
  words?: string
  first?: BoardRead
  /** How it was read: over its line, or through the console without trying its UART. */
  through?: 'line' | 'console'
  /** Why it could not be read. */
  notRead?: string
  /** Rehearsed on a simulated board: what was done, in order. */
  rehearsal?: Rehearsal | undefined
}

export interface Rehearsal {
  steps: string[]
  /** Lines of code that the prompt was given, and bytes both ways. */
  lines: number
  bytes: number
  /** What those bytes take at the speed of the board's console. */
  lineSeconds: number
}

const count = (number: number) => String(Math.round(number)).replace(/\B(?=(\d{3})+$)/g, ',')

function plan(report: FlashReport, options: FlashOptions): string {
  if (options.changes.uninstall)
    return report.running ? 'would take off the script, its start, settings and key' : 'has no meter on it'
  if (options.changes.settingsOnly) return 'would get new settings and key, the script stays'
  const first = options.changes.erase ? 'would be erased (all of its Storage, and the logs), then ' : 'would '
  return `${first}get settings and a script of ${count(report.scriptBytes)} bytes${report.running ? ' in place of the one that is there' : ''}`
}

function firstRead({ first, through }: FlashReport, options: FlashOptions): string {
  if (first === undefined) return ''
  const [activeImport, activeExport, reactiveImport, reactiveExport] = first.registers.map(count)
  const clock =
    first.clockAheadMs === undefined ? 'lost' : `${Math.round(first.clockAheadMs)} ms ahead of this machine's`
  const way =
    through === 'line' ? `over ${options.line}` : 'through the console; the UART itself was not tested (--line)'
  return (
    `first read: ${first.manufacturer} ${first.model} ${first.firmwareVersion}, ${way}, ${count(first.answeredMs)} ms\n` +
    `  import ${activeImport} Wh, export ${activeExport} Wh, reactive ${reactiveImport} and ${reactiveExport} varh; clock ${clock}\n` +
    `  keeps ${first.importDays} days of import, ${first.otherDays} of the other channels\n`
  )
}

function rehearsalLines({ steps, lines, bytes, lineSeconds }: Rehearsal, name: BoardName): string {
  const { title, consoleBaud } = boards[name]
  const numbered = steps.map((step, i) => `${String(i + 1).padStart(3)}. ${step}\n`)
  return (
    `rehearsed on a simulated ${title}; no port was opened, and no file was changed\n${numbered.join('')}` +
    `${count(lines)} lines of code, ${count(bytes)} bytes both ways: ${count(lineSeconds)} s at ${count(consoleBaud)} baud, and what the board needs\n`
  )
}

/** The summary as lines of text. */
export function reportLines(report: FlashReport, options: FlashOptions): string {
  const rehearsed = report.rehearsal === undefined ? '' : rehearsalLines(report.rehearsal, options.board)
  return `${rehearsed}${summary(report, options)}`
}

function summary(report: FlashReport, options: FlashOptions): string {
  const board = `${report.board}, Espruino ${report.espruino}: ${count(report.variablesFree)} of ${count(report.variables)} variables free`
  if (report.done === 'looked') {
    return `${board}, ${count(report.storageFree)} bytes of Storage free\nit ${plan(report, options)}\n`
  }
  if (report.done === 'uninstalled') {
    const left =
      report.left === 'logs' ? 'the logs stay in its flash (--erase takes them off too)' : 'nothing of ours is left'
    return `${board} before\nscript, settings and key are off; ${left}\n`
  }
  const { console, line } = boards[options.board]
  const script =
    report.sha256 === ''
      ? 'script unchanged'
      : `script ${count(report.scriptBytes)} bytes (${count(report.bytesSent ?? 0)} sent), read back, SHA-256 ${report.sha256!.slice(0, 16)}…`
  return (
    `${board} with the meter running\n${script}; ${report.eui}, settings version ${report.settingsVersion}; ${report.seconds.toFixed(1)} s\n` +
    `the console is on ${console}, the line on ${line.device} at ${count(line.baud)} baud\n` +
    firstRead(report, options)
  )
}
