// The options of `smets1 flash`, checked.

import { type BoardName, boards, isBoard } from '../boards/boards.ts'
import { text, whole } from './meter-options.ts'

/** What is done to the board. */
export interface BoardChanges {
  /** Only look: the board keeps what it has. */
  dryRun: boolean
  settingsOnly: boolean
  erase: boolean
  uninstall: boolean
}

export interface FlashOptions {
  board: BoardName
  /** Uses a simulated board: no port is opened, no file changed. */
  rehearse: boolean
  port: string
  /** File with settings; `undefined` keeps those on the board. */
  settings: string | undefined
  line: string | undefined
  state: string
  baud: number
  changes: BoardChanges
  json: boolean
}

/** Checks the options as a command line parser gives them. @throws Error with what is wrong and what to write instead */
export function readFlashOptions(given: Record<string, unknown>): FlashOptions {
  const names = Object.keys(boards).join(', ')
  const rehearse = text(given, 'rehearse')
  const board = rehearse ?? text(given, 'board')
  if (board === undefined) throw new Error(`--board is missing: one of ${names} (smets1 flash --list describes them)`)
  const flag = rehearse === undefined ? '--board' : '--rehearse'
  if (!isBoard(board)) throw new Error(`${flag} is one of ${names}, not ${board}`)
  const port = rehearse === undefined ? text(given, 'port') : 'rehearsal'
  if (rehearse !== undefined && (given.port !== undefined || given.line !== undefined)) {
    throw new Error('--rehearse opens no port: leave --port and --line out')
  }
  if (port === undefined)
    throw new Error('--port is missing: the serial port of the board’s console, as in /dev/ttyUSB0')
  if (/^[a-z]+:\/\//.test(port)) throw new Error(`--port is a serial port, not ${port}`)
  const [dryRun, settingsOnly, erase, uninstall] = ['dryRun', 'settingsOnly', 'erase', 'uninstall'].map(
    (name) => given[name] === true,
  ) as [boolean, boolean, boolean, boolean]
  if (rehearse !== undefined && (uninstall || settingsOnly || dryRun)) {
    throw new Error('--rehearse shows a whole installation: leave --dry-run, --settings-only and --uninstall out')
  }
  if (uninstall && settingsOnly) throw new Error('--uninstall takes the settings off: leave --settings-only out')
  if (settingsOnly && erase) throw new Error('--settings-only keeps what is on the board: leave --erase out')
  const settings = text(given, 'settings')
  if (settings === undefined && settingsOnly) throw new Error('--settings-only needs --settings FILE')
  const baud = whole(given, 'baud', 300, 4000000) ?? boards[board].consoleBaud
  const line = text(given, 'line')
  const state = text(given, 'state') ?? '.smets1'
  const isRehearsal = rehearse !== undefined
  const changes = { dryRun, settingsOnly, erase, uninstall }
  return { board, rehearse: isRehearsal, port, settings, line, state, baud, changes, json: given.json === true }
}
