// smets1 flash: installs the meter on an Espruino board, through its prompt.

import { rmSync } from 'node:fs'
import { euiFromBytes } from '../../protocol/bytes.ts'
import type { EspruinoBoard } from '../boards/board-row.ts'
import { type BoardName, boards } from '../boards/boards.ts'
import { type Line, openLine } from '../emulator/meter-line.ts'
import { askBoard, type BoardFacts, boardProblems, boardWarnings, startsMeter } from '../install/board-facts.ts'
import { boardScripts } from '../install/board-scripts.ts'
import { connectPrompt, type Prompt, PromptError, promptTiming } from '../install/espruino-prompt.ts'
import { type Installed, installMeter, startInstalled, uninstallMeter } from '../install/flash-board.ts'
import { boardSettings, loadFlashDriver } from '../install/installed-settings.ts'
import { type OpenPort, promptLine } from '../install/prompt-line.ts'
import { type MeterSettings, readSettingsFile } from '../settings/settings-file.ts'
import { boardList } from './flash-list.ts'
import { type FlashOptions, readFlashOptions } from './flash-options.ts'
import { exampleSettings, rehearsalBoard } from './flash-rehearse.ts'
import { type BoardRead, type FlashReport, reportLines } from './flash-report.ts'
import type { Io } from './io.ts'
import { createProgress } from './progress.ts'

const code = { ok: 0, failed: 1, usage: 2, keyMissing: 3, portUnavailable: 20 } as const

/** Runs that follow a restart of the board in the middle of one. */
const restartsMax = 2

/** Reads a board that was flashed. Passed in by `main.ts`, as it needs the bridge's side. */
export type ReadBoard = (meter: {
  url: string
  baud: number
  open?: OpenPort
  eui: string
  /** The key that it was given just now; `undefined` leaves it to the DCO's vault. */
  key: Uint8Array | undefined
  /** The state directory, where that is. */
  state: string
  setClockFromMs: number
}) => Promise<BoardRead>

class FlashError extends Error {
  readonly exitCode: number
  constructor(exitCode: number, message: string) {
    super(message)
    this.exitCode = exitCode
  }
}

/** A clock further off than this is set. */
const clockOffMs = 2000

interface FlashRequest {
  options: FlashOptions
  row: EspruinoBoard
  settings: MeterSettings | undefined
  script: Uint8Array
  driver: string
  /** Called with each thing that is done, before it is done. */
  step(text: string): void
}

/** What is needed before the board is touched. @throws FlashError */
async function prepare(given: Record<string, unknown>, step: (text: string) => void): Promise<FlashRequest> {
  try {
    const options = readFlashOptions(given)
    const fromFile = options.settings === undefined ? undefined : readSettingsFile(options.settings)
    const settings = fromFile ?? (options.rehearse ? exampleSettings() : undefined)
    const { meter, flashDriver: driver } = await boardScripts(options.board)
    const script = options.changes.uninstall || options.changes.settingsOnly ? '' : meter
    return { options, row: boards[options.board], settings, script: Buffer.from(script, 'latin1'), driver, step }
  } catch (error) {
    throw new FlashError(code.usage, (error as Error).message)
  }
}

/** Problems with the settings on the board and those for it. @throws FlashError when there are none at all */
async function settingsProblems(prompt: Prompt, facts: BoardFacts, request: FlashRequest): Promise<string[]> {
  const { options, row, settings, driver } = request
  if (options.changes.uninstall || options.changes.dryRun) return []
  const pagesFile = 'spi' in row.flash ? undefined : row.flash.storageFile
  const hasPages = !options.changes.erase && (pagesFile === undefined || facts.files.includes(pagesFile))
  if (hasPages) await loadFlashDriver(prompt, driver)
  const found = hasPages ? await boardSettings(prompt, row) : undefined
  if (found === undefined && settings === undefined) {
    throw new FlashError(code.keyMissing, 'it has no settings: smets1 provision writes a file of them, for --settings')
  }
  const eui = settings === undefined ? found?.eui : euiFromBytes(settings.eui)
  if (found === undefined || found.eui === eui) return []
  return [`it holds the logs of another meter, ${found.eui}, not ${eui}: --erase takes them off`]
}

/** Examines the board. @throws FlashError for one on which a meter cannot be installed */
async function examine(prompt: Prompt, request: FlashRequest, io: Io): Promise<BoardFacts> {
  const { options, row, script, driver, step } = request
  step('each function that script and installation call is probed, and memory, Storage and free flash are read')
  const facts = await askBoard(prompt, row, Buffer.from(script).toString('latin1') + driver)
  step(
    `${facts.probed} functions probed, ${facts.lacks.length} missing; ${facts.variables} variables, ${facts.storageFree} bytes of Storage free`,
  )
  const { erase, uninstall, settingsOnly } = options.changes
  const problems = boardProblems(options.board, facts, script.length, erase || uninstall)
  if (settingsOnly && !startsMeter(facts)) problems.push('there is no meter on it yet: leave --settings-only out')
  if (problems.length === 0) problems.push(...(await settingsProblems(prompt, facts, request)))
  for (const warning of boardWarnings(options.board, facts)) io.stderr(`note: ${warning}\n`)
  if (problems.length > 0) {
    throw new FlashError(
      code.failed,
      `nothing was changed:\n${problems.map((problem) => `  ${problem}\n`).join('')}`.trimEnd(),
    )
  }
  return facts
}

/** Stops what runs on the board, without starting what is in its Storage. */
async function stopProgram(line: Line, prompt: Prompt, baud: number): Promise<Prompt> {
  await prompt.restart('reset()')
  return connectPrompt(line, baud)
}

/** Installs; after a restart of the board it continues where it was. */
async function install(line: Line, first: Prompt, request: FlashRequest, io: Io): Promise<Installed> {
  const { options, row, settings, driver } = request
  const progress = createProgress(io)
  const { settingsOnly, erase } = options.changes
  const script = settingsOnly ? undefined : request.script
  let prompt = first
  try {
    for (let restarts = 0; ; restarts++) {
      try {
        prompt = await stopProgram(line, prompt, options.baud)
        const facts = await askBoard(prompt, row, '')
        const { show } = progress
        const parts = { row, facts, script, driver, settings, erase, progress: show, step: request.step }
        return await installMeter(prompt, parts)
      } catch (error) {
        const again = error instanceof PromptError && error.fault === 'restarted' && restarts < restartsMax
        if (!again) throw error
        io.stderr('the board restarted; continuing\n')
        prompt = await connectPrompt(line, options.baud)
      }
    }
  } finally {
    progress.end()
  }
}

/** Reads the meter, over its line or, without one, through the console. */
async function readMeter(line: Line, prompt: Prompt, eui: string, request: FlashRequest, read: ReadBoard) {
  const { options, row, settings } = request
  const meter = { eui, key: settings?.key, state: options.state, setClockFromMs: clockOffMs }
  try {
    if (options.line === undefined) {
      const first = await read({ ...meter, url: options.port, baud: options.baud, open: promptLine(prompt, row) })
      return { first, through: 'console' as const }
    }
    // It may be the same port, if the console was on it before the meter started.
    await line.close()
    return { first: await read({ ...meter, url: options.line, baud: row.line.baud }), through: 'line' as const }
  } catch (error) {
    return { notRead: (error as Error).message }
  }
}

async function flash(line: Line, request: FlashRequest, read: ReadBoard, io: Io): Promise<FlashReport> {
  const { options, row, script, driver } = request
  const startMs = performance.now()
  request.step('version and board are read, and a function is defined that answers each line with a CRC-32')
  const prompt = await connectPrompt(line, options.baud)
  request.step(`Espruino ${prompt.version} on ${prompt.board} answers`)
  const facts = await examine(prompt, request, io)
  const { variables, variablesFree, storageFree } = facts
  const board = { board: facts.board, espruino: facts.version, storageFree, scriptBytes: script.length }
  const report = { ...board, variables, variablesFree, seconds: 0 }
  if (options.changes.dryRun) return { ...report, done: 'looked', running: startsMeter(facts) }
  if (options.changes.uninstall) {
    const progress = createProgress(io)
    const quiet = await stopProgram(line, prompt, options.baud)
    const { erase: logs } = options.changes
    const parts = { row, facts: await askBoard(quiet, row, ''), driver, logs, progress: progress.show }
    const left = await uninstallMeter(quiet, parts)
    progress.end()
    return { ...report, done: 'uninstalled', left }
  }
  request.step('reset(): what runs on the board is stopped; nothing is started from Storage')
  const installed = await install(line, prompt, request, io)
  const seconds = (performance.now() - startMs) / 1000
  if (options.settings !== undefined && !options.rehearse) {
    // The key is in one place then, and no second meter begins with it, which would repeat the counters of this one.
    rmSync(options.settings)
    io.stderr(`${options.settings} is removed: the board has the settings\n`)
  }
  request.step('load(): the board starts the script, and must say so within 30 s')
  const words = await startInstalled(await connectPrompt(line, options.baud))
  io.stderr(`the meter says: ${words}\n`)
  request.step(
    options.line === undefined
      ? `the meter is woken and read through its console; its clock is set when it is wrong`
      : `the meter is woken and read over ${options.line}; its clock is set when it is wrong`,
  )
  const running = await connectPrompt(line, options.baud)
  const memory = (await running.run('process.memory()')) as { free: number; total: number }
  const free = { variables: memory.total, variablesFree: memory.free }
  const first = await readMeter(line, running, installed.eui, request, read)
  return { ...report, ...installed, ...free, seconds, done: 'installed', words, ...first }
}

/** Opens the port of the console, or a simulated board. @throws FlashError */
async function openConsole(request: FlashRequest) {
  const { port, baud, rehearse } = request.options
  if (rehearse) return rehearsalBoard(request.row, promptTiming)
  const opened = await openLine(port, baud)
  if (!opened.ok) throw new FlashError(opened.problem.exitCode, opened.problem.message)
  return { line: opened.line, rehearsal: undefined }
}

/** Notes before anything is done to a board that Espruino must be built for it. */
function noteBuild({ options, row }: FlashRequest, io: Io): void {
  if (row.build.release !== undefined) return
  io.stderr(
    `note: there is no Espruino to download for ${options.board} (${row.build.why}). Build it: ${row.build.build}\n`,
  )
}

/**
 * Runs the command.
 * @returns the exit code: 0 done, 1 not (nothing that starts is left half), 2 usage, 3 no settings, 20 no port
 */
async function run(given: Record<string, unknown>, io: Io, read: ReadBoard): Promise<number> {
  if (given.list === true) {
    io.stdout(boardList(given.json === true))
    return code.ok
  }
  let line: Line | undefined
  const steps: string[] = []
  try {
    const request = await prepare(given, (text) => steps.push(text))
    noteBuild(request, io)
    const opened = await openConsole(request)
    line = opened.line
    const report = await flash(line, request, read, io)
    report.rehearsal = opened.rehearsal?.(steps, request.row.consoleBaud)
    io.stdout(request.options.json ? `${JSON.stringify(report)}\n` : reportLines(report, request.options))
    if (report.notRead === undefined) return code.ok
    io.stderr(`the meter runs, but the first read failed: ${report.notRead}\n`)
    return code.failed
  } catch (error) {
    const { message } = error as Error
    io.stderr(`${line === undefined ? '' : `${line.url}: `}${message}\n`)
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
    summary: 'install the meter on an Espruino board: script, settings and key; then check, start and read it',
    options: [
      'Try it first',
      ['--list', 'show the boards: Espruino to download, pins, limits and sources; with --json, all of it'],
      ['--rehearse <board>', 'run the whole procedure on a simulated board: no port is opened and nothing is changed'],
      'What is installed',
      ['--board <board>', `the board: ${boardNames}`],
      ['--settings <file>', 'settings file of smets1 provision: written to the board, then deleted here'],
      ['--settings-only', 'write new settings and key; leave the script'],
      ['--erase', 'first erase all of Storage and the logs of the meter; with --uninstall, the logs too'],
      ['--uninstall', 'remove script, settings and key; the logs stay unless --erase is given'],
      ['--dry-run', 'look at the board and say what would be done'],
      'Ports',
      ['--port <port>', 'serial port of the console of the board, such as /dev/ttyUSB0'],
      ['--baud <n>', 'bits per second of the console (the speed of a new Espruino on that board unless given)'],
      [
        '--line <port>',
        'port at the other end of the line of the meter, for the first read (through the console unless given)',
      ],
      'Output and state',
      ['--json', 'the summary as JSON'],
      ['--state <dir>', 'the state directory, where the DCO has the key for the first read', '.smets1'],
    ] as const,
    examples: [
      'smets1 flash --list',
      'smets1 flash --rehearse esp32',
      'smets1 flash --board esp32 --port /dev/ttyUSB0 --dry-run',
      'smets1 flash --board rp2040 --port /dev/ttyACM0 --settings .smets1/meters/00-DB-….settings.json --line /dev/ttyUSB0',
      'smets1 flash --board esp32 --port /dev/ttyUSB0 --uninstall',
    ],
    run: (options: Record<string, unknown>, io: Io) => run(options, io, read),
  }
}
