// What `smets1 flash` may be told, checked.

import { type BoardName, boards, isBoard } from '../boards/boards.ts'
import { text, whole } from './meter-options.ts'

export interface FlashOptions {
  board: BoardName
  port: string
  /** File with settings; `undefined` keeps those on the board. */
  settings: string | undefined
  line: string | undefined
  state: string
  baud: number
  dryRun: boolean
  settingsOnly: boolean
  erase: boolean
  uninstall: boolean
  json: boolean
}

/** Checks the options as a command line parser gives them. @throws Error with what is wrong and what to write instead */
export function readFlashOptions(given: Record<string, unknown>): FlashOptions {
  const names = Object.keys(boards).join(', ')
  const board = text(given, 'board')
  if (board === undefined) throw new Error(`--board is missing: one of ${names}`)
  if (!isBoard(board)) throw new Error(`--board is one of ${names}, not ${board}`)
  const port = text(given, 'port')
  if (port === undefined)
    throw new Error('--port is missing: the serial port of the board’s console, as in /dev/ttyUSB0')
  if (/^[a-z]+:\/\//.test(port)) throw new Error(`--port is a serial port, not ${port}`)
  const [dryRun, settingsOnly, erase, uninstall] = ['dryRun', 'settingsOnly', 'erase', 'uninstall'].map(
    (name) => given[name] === true,
  ) as [boolean, boolean, boolean, boolean]
  if (uninstall && settingsOnly) throw new Error('--uninstall takes the settings off: leave --settings-only out')
  if (settingsOnly && erase) throw new Error('--settings-only keeps what is on the board: leave --erase out')
  const settings = text(given, 'settings')
  if (settings === undefined && settingsOnly) throw new Error('--settings-only needs --settings FILE')
  const baud = whole(given, 'baud', 300, 4000000) ?? boards[board].consoleBaud
  const line = text(given, 'line')
  const state = text(given, 'state') ?? '.smets1'
  return { board, port, settings, line, state, baud, dryRun, settingsOnly, erase, uninstall, json: given.json === true }
}
