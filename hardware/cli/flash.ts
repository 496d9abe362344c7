// smets1 flash: the meter onto an Espruino board, by its prompt.

import type { Settings } from '../../firmware/settings.ts'
import { euiFromBytes } from '../../protocol/bytes.ts'
import { askBoard, type BoardFacts, boardProblems, boardWarnings, pagesFileBytes, startsMeter } from '../board-facts.ts'
import { type BoardName, boards, type EspruinoBoard } from '../boards.ts'
import { attendPrompt, type Prompt, PromptError } from '../espruino-prompt.ts'
import {
  boardSettings,
  type Installed,
  installMeter,
  loadFlashDriver,
  startInstalled,
  uninstallMeter,
} from '../flash-board.ts'
import { type Line, openLine } from '../line.ts'
import { type OpenPort, promptLine } from '../prompt-line.ts'
import { type FlashOptions, readFlashOptions } from './flash-options.ts'
import { type BoardRead, type FlashReport, reportLines } from './flash-report.ts'
import type { Io } from './io.ts'
import { createProgress } from './progress.ts'
import { readSettingsFile } from './settings-file.ts'

const code = { ok: 0, failed: 1, usage: 2, portUnavailable: 20 } as const

/** Runs that follow a restart of the board in the middle of one. */
const restartsMax = 2

/** What the bridge's side does for a board that was flashed: handed in by `main.ts`, as nothing here knows of it. */
export type ReadBoard = (meter: {
  url: string
  baud: number
  open?: OpenPort
  eui: string
  key: Uint8Array
  setClockFromMs: number
}) => Promise<BoardRead>

class FlashError extends Error {
  readonly exitCode: number
  constructor(exitCode: number, message: string) {
    super(message)
    this.exitCode = exitCode
  }
}

/** A clock further off is set. */
const clockOffMs = 2000

interface Asked {
  options: FlashOptions
  row: EspruinoBoard
  settings: Settings | undefined
  script: Uint8Array
  driver: string
}

/** What is needed before the board is touched. @throws FlashError */
async function prepare(given: Record<string, unknown>): Promise<Asked> {
  try {
    const options = readFlashOptions(given)
    const settings = options.settings === undefined ? undefined : readSettingsFile(options.settings)
    // The bundler is loaded for those who flash, and for nobody else.
    const { bundleFirmware, bundleFlashDriver } = await import('../bundle.ts')
    const script = Buffer.from((await bundleFirmware(options.board)).code, 'latin1')
    const driver = (await bundleFlashDriver(options.board)).code
    return { options, row: boards[options.board], settings, script, driver }
  } catch (error) {
    throw new FlashError(code.usage, (error as Error).message)
  }
}

/** Looks at the board. @throws FlashError for one that a meter cannot be put on */
async function look(prompt: Prompt, { options, row, script, settings, driver }: Asked, io: Io): Promise<BoardFacts> {
  const facts = await askBoard(prompt, row)
  const problems = options.uninstall
    ? boardProblems(options.board, facts, 0, true)
    : boardProblems(options.board, facts, script.length, options.erase)
  if (options.settingsOnly && !startsMeter(facts))
    problems.push('there is no meter on it yet: leave --settings-only out')
  const hasPages = pagesFileBytes(row) === 0 || facts.files.some((name) => name === pagesFileName(row))
  if (problems.length === 0 && settings !== undefined && hasPages && !options.erase) {
    await loadFlashDriver(prompt, driver)
    const found = await boardSettings(prompt, row)
    const eui = euiFromBytes(settings.eui)
    if (found !== undefined && found.eui !== eui) {
      problems.push(`it holds the logs of another meter, ${found.eui}, not ${eui}: --erase takes them off`)
    }
  }
  for (const warning of boardWarnings(options.board, facts)) io.stderr(`note: ${warning}\n`)
  if (problems.length > 0) {
    throw new FlashError(
      code.failed,
      `nothing was changed:\n${problems.map((problem) => `  ${problem}\n`).join('')}`.trimEnd(),
    )
  }
  return facts
}

function pagesFileName({ flash }: EspruinoBoard): string | undefined {
  return 'spi' in flash ? undefined : flash.storageFile?.name
}

/** Stops what runs on the board, without starting what is in its Storage. */
async function stopProgram(line: Line, prompt: Prompt, baud: number): Promise<Prompt> {
  await prompt.restart('reset()')
  return attendPrompt(line, baud)
}

/** Installs; a board that restarts meanwhile is taken up again where it was. */
async function install(line: Line, first: Prompt, asked: Asked, io: Io): Promise<Installed> {
  const { options, row, settings, driver, script } = asked
  const progress = createProgress(io)
  let prompt = first
  try {
    for (let restarts = 0; ; restarts++) {
      try {
        prompt = await stopProgram(line, prompt, options.baud)
        const facts = await askBoard(prompt, row)
        const parts = {
          row,
          facts,
          driver,
          progress: progress.show,
          settings: settings!,
          erase: options.erase && restarts === 0,
        }
        return await installMeter(prompt, { ...parts, script: options.settingsOnly ? undefined : script })
      } catch (error) {
        const again = error instanceof PromptError && error.fault === 'restarted' && restarts < restartsMax
        if (!again) throw error
        io.stderr('the board restarted; going on\n')
        prompt = await attendPrompt(line, options.baud)
      }
    }
  } finally {
    progress.end()
  }
}

/** Starts the meter and reads it, over its line or, without one, through the console. */
async function startAndRead(line: Line, prompt: Prompt, asked: Asked, read: ReadBoard, io: Io) {
  const { options, row, settings } = asked
  const { words } = await startInstalled(prompt)
  io.stderr(`the meter says: ${words}\n`)
  const again = await attendPrompt(line, options.baud)
  const memory = (await again.run('process.memory()')) as { free: number; total: number }
  const meter = { eui: euiFromBytes(settings!.eui), key: settings!.key, setClockFromMs: clockOffMs }
  if (options.line === undefined) {
    const through = await read({ ...meter, url: options.port, baud: options.baud, open: promptLine(again, row) })
    return { words, memory, first: through, through: 'console' as const }
  }
  // It may be the very port, when the console was on it before the meter ran.
  await line.close()
  const first = await read({ ...meter, url: options.line, baud: row.line.baud })
  return { words, memory, first, through: 'line' as const }
}

async function flash(line: Line, asked: Asked, read: ReadBoard, io: Io): Promise<FlashReport> {
  const { options, row, script, driver } = asked
  const startMs = performance.now()
  const prompt = await attendPrompt(line, options.baud)
  const facts = await look(prompt, asked, io)
  const report: FlashReport = {
    done: 'looked',
    board: facts.board,
    espruino: facts.version,
    variables: facts.variables,
    variablesFree: facts.variablesFree,
    storageFree: facts.storageFree,
    scriptBytes: script.length,
    seconds: 0,
  }
  if (options.dryRun) return { ...report, running: startsMeter(facts) }
  if (options.uninstall) {
    const progress = createProgress(io)
    const quiet = await stopProgram(line, prompt, options.baud)
    const parts = { row, facts: await askBoard(quiet, row), driver, logs: options.erase, progress: progress.show }
    const left = await uninstallMeter(quiet, parts)
    progress.end()
    return { ...report, done: 'uninstalled', left }
  }
  const installed = await install(line, prompt, asked, io)
  const seconds = (performance.now() - startMs) / 1000
  const started = await startAndRead(line, await attendPrompt(line, options.baud), asked, read, io)
  const { words, memory, first, through } = started
  const free = { variables: memory.total, variablesFree: memory.free }
  return { ...report, ...installed, ...free, seconds, done: 'installed', words, first, through }
}

/**
 * Runs the command.
 * @returns the exit code: 0 done, 1 not (nothing that starts is left half), 2 usage, 20 no port
 */
async function run(given: Record<string, unknown>, io: Io, read: ReadBoard): Promise<number> {
  let line: Line | undefined
  try {
    const asked = await prepare(given)
    const { port, baud, json } = asked.options
    const opened = await openLine(port, baud)
    if (!opened.ok) throw new FlashError(opened.problem.exitCode, opened.problem.message)
    line = opened.line
    const report = await flash(line, asked, read, io)
    io.stdout(json ? `${JSON.stringify(report)}\n` : reportLines(report, asked.options))
    return code.ok
  } catch (error) {
    const { message } = error as Error
    io.stderr(`${line === undefined ? '' : `${String(given.port)}: `}${message}\n`)
    return error instanceof FlashError
      ? error.exitCode
      : error instanceof PromptError && error.fault === 'silent'
        ? code.portUnavailable
        : code.failed
  } finally {
    await line?.close()
  }
}

const boardNames = (Object.keys(boards) as BoardName[]).join(', ')

/** The command, with the bridge's side of a first read. */
export function flashCommand(read: ReadBoard) {
  return {
    name: 'flash',
    summary: 'put the meter onto an Espruino board: script, settings and key; checked, started and read',
    options: [
      ['--board <board>', `which: ${boardNames}`],
      ['--port <port>', 'the serial port of its console, such as /dev/ttyUSB0'],
      ['--settings <file>', 'who the meter is, its key and configuration: a provisioned meter’s flash file, mode 0600'],
      [
        '--line <port>',
        'port at the other end of the meter’s line, for the first read (through the console without it)',
      ],
      ['--baud <n>', 'speed of the console (as Espruino comes on that board unless given)'],
      ['--dry-run', 'look at the board and say what would be done'],
      ['--settings-only', 'new settings and key, the script stays'],
      ['--erase', 'erase all of the board’s Storage and the meter’s logs first; with --uninstall the logs too'],
      ['--uninstall', 'take off script, settings and key; the logs stay unless --erase'],
      ['--json', 'the summary as JSON'],
    ] as const,
    examples: [
      'smets1 flash --board esp32 --port /dev/ttyUSB0 --settings .smets1/meter/flash.bin --dry-run',
      'smets1 flash --board rp2040 --port /dev/ttyACM0 --settings .smets1/meter/flash.bin --line /dev/ttyUSB0',
      'smets1 flash --board esp32 --port /dev/ttyUSB0 --uninstall',
    ],
    run: (options: Record<string, unknown>, io: Io) => run(options, io, read),
  }
}
