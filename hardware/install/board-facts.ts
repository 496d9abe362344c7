// What is known of a board from its prompt, and whether a meter can be installed on it.

import type { EspruinoBoard } from '../boards/board-row.ts'
import { meterFlashBytes, pagesFileBytes, storageHeaderBytes } from '../boards/board-rules.ts'
import { type BoardName, boards } from '../boards/boards.ts'
import { supportedReleases } from '../boards/espruino-release.ts'
import { callsIn, type EspruinoCall, probeBatches, probeCode } from './espruino-calls.ts'
import type { Prompt } from './espruino-prompt.ts'

export interface BoardFacts {
  /** `process.env.BOARD` and `.VERSION`. */
  board: string
  version: string
  variables: number
  variablesFree: number
  variableBytes: number
  /** Bytes of Storage that are free, once what was deleted is compacted away; of it what needs no compacting. */
  storageFree: number
  storageFreeNow: number
  files: string[]
  /** Areas of flash outside Storage that Espruino says are free. */
  freeAreas: { addr: number; length: number }[]
  /** The text that starts a program (.bootcde); '' for none. */
  boot: string
  /** Device of the console. */
  console: string
  /** Of what script and installation call: how many were probed, and those that this Espruino lacks. */
  probed: number
  lacks: EspruinoCall[]
}

export const scriptFile = 'smets1'
export const bootFile = '.bootcde'

/** Variables that the meter needs at its peak (README, "Figures"). */
export const variablesMin = 2500

/** The oldest release that the script is meant for. */
const versionMin = 25

/** Functions that the script names and, on this row, does not reach. */
function callsNotReached(row: EspruinoBoard): string[] {
  const watchdog = row.watchdogSeconds > 0 ? ['E.reboot'] : ['E.enableWatchdog', 'E.kickWatchdog']
  return [...(row.deepSleep ? [] : ['setDeepSleep']), ...watchdog]
}

/**
 * Asks a board for all that matters: each function that the script calls is probed.
 * @param code that is to run on the board: script and flash driver; '' probes what the installation itself calls
 * @throws PromptError
 */
export async function askBoard(prompt: Prompt, row: EspruinoBoard, code: string): Promise<BoardFacts> {
  const memory = (await prompt.run('process.memory()')) as { free: number; total: number; blocksize: number }
  const notReached = callsNotReached(row)
  const calls = callsIn(code).filter(({ name }) => !notReached.includes(name))
  const lacks: EspruinoCall[] = []
  for (const batch of probeBatches(calls)) {
    const works = (await prompt.run(probeCode(batch))) as number[]
    lacks.push(...batch.filter((_, i) => works[i] !== 1))
  }
  const facts = { board: prompt.board, version: prompt.version, probed: calls.length, lacks }
  const heap = { variables: memory.total, variablesFree: memory.free, variableBytes: memory.blocksize }
  const hasModules = !lacks.some(({ name }) => /^(Flash|Storage)\./.test(name))
  const storage = hasModules ? await askStorage(prompt) : noStorage
  const console = String(await prompt.run('E.getConsole()'))
  return { ...facts, ...heap, ...storage, console }
}

const noStorage = { storageFree: 0, storageFreeNow: 0, files: [], freeAreas: [], boot: '' }

async function askStorage(prompt: Prompt) {
  const stats = (await prompt.run('require("Storage").getStats()')) as { freeBytes: number; trashBytes: number }
  const files = (await prompt.run('require("Storage").list()')) as string[]
  const freeAreas = (await prompt.run('require("Flash").getFree()')) as BoardFacts['freeAreas']
  const boot = files.includes(bootFile)
    ? String(await prompt.run(`require("Storage").read("${bootFile}").slice(0,200)`))
    : ''
  return { storageFree: stats.freeBytes + stats.trashBytes, storageFreeNow: stats.freeBytes, files, freeAreas, boot }
}

/** Whether what starts on the board is ours, or what a power cut has left of it (the rest is blank, FFh). */
export function startsMeter(facts: BoardFacts): boolean {
  const start = `require("${scriptFile}")`
  const text = facts.boot.replace(/\xff.*$/s, '')
  return facts.files.includes(bootFile) && (text.startsWith(start) || start.startsWith(text))
}

function rowOf(reports: string): string {
  const name = Object.entries(boards).find(([, row]) => row.reports === reports)?.[0]
  return name === undefined ? `there is no row for it (${Object.keys(boards).join(', ')})` : `use --board ${name}`
}

/** What another program on the board is started by. */
function otherPrograms(facts: BoardFacts): string[] {
  return facts.files.filter(
    (name) =>
      (name === bootFile && !startsMeter(facts)) || /^\.(boot[0-3]|bootrst|bootPowerOn|bootFirst|varimg)$/.test(name),
  )
}

/** What is wrong with its Espruino and its heap. */
function interpreterProblems(facts: BoardFacts): string[] {
  const problems: string[] = []
  const [, major, minor] = /^(\d+)v(\d+)/.exec(facts.version) ?? []
  if (Number(major) < 2 || (Number(major) === 2 && Number(minor) < versionMin)) {
    problems.push(
      `its Espruino is ${facts.version}, 2v${versionMin} at least is needed: update it (espruino.com/Download)`,
    )
  }
  if (facts.lacks.length > 0) {
    const missing = facts.lacks.map(({ name, since }) => `${name} (${/^\d/.test(since) ? `since ${since}` : since})`)
    problems.push(
      `its Espruino ${facts.version} lacks ${missing.join(', ')}: a build of a version in brackets, or later, that does not leave it out has it`,
    )
  }
  if (facts.variables < variablesMin) {
    problems.push(`it has ${facts.variables} variables of memory, ${variablesMin} are needed: this board is too small`)
  }
  return problems
}

/** What keeps script and pages out of its Storage as it is. */
function storageProblems(row: EspruinoBoard, facts: BoardFacts, scriptBytes: number): string[] {
  const problems: string[] = []
  const pages = pagesFileBytes(row)
  const hasPages = 'spi' in row.flash || facts.files.includes(row.flash.storageFile ?? '')
  const needed = scriptBytes + storageHeaderBytes + 256 + (pages > 0 && !hasPages ? pages + storageHeaderBytes : 0)
  const room = facts.storageFree + (facts.files.includes(scriptFile) ? scriptBytes : 0)
  if (facts.lacks.length === 0 && room < needed) {
    problems.push(
      `its Storage has ${room} bytes free, ${needed} are needed: ${facts.files.length > 0 ? 'erase files of yours there, or all with --erase' : 'this board is too small'}`,
    )
  }
  const others = otherPrograms(facts)
  if (others.length > 0) {
    problems.push(`another program starts on it (${others.join(', ')}): save what you need, then --erase removes it`)
  }
  if (pages > 0 && !hasPages && facts.files.length > 0) {
    problems.push(
      `its Storage must be empty, because the meter's pages come first in it, and has ${facts.files.join(', ')}: save what you need, then --erase empties it`,
    )
  }
  return problems
}

/** Pages outside Storage that are not free. */
function pageProblems(row: EspruinoBoard, facts: BoardFacts): string[] {
  if ('spi' in row.flash || pagesFileBytes(row) > 0 || facts.lacks.length > 0) return []
  const { base } = row.flash
  const end = base + meterFlashBytes(row)
  if (facts.freeAreas.some(({ addr, length }) => addr <= base && addr + length >= end)) return []
  const areas = facts.freeAreas.map(({ addr, length }) => `${addr.toString(16)}h to ${(addr + length).toString(16)}h`)
  return [
    `its flash from ${base.toString(16)}h to ${end.toString(16)}h, where the meter's pages are to be, is not free (free: ${areas.join(', ') || 'none'})`,
  ]
}

/**
 * Why a meter cannot be installed on this board, each with what to do; none when it can.
 * @param scriptBytes of the bundle
 * @param erase whether all of Storage may be erased first
 */
export function boardProblems(name: BoardName, facts: BoardFacts, scriptBytes: number, erase: boolean): string[] {
  const row = boards[name]
  if (facts.board !== row.reports) {
    return [`this board is ${facts.board}, and ${name} is ${row.reports}: ${rowOf(facts.board)}`]
  }
  const problems = interpreterProblems(facts)
  if (scriptBytes > row.scriptBytesMax) {
    problems.push(`the script has ${scriptBytes} bytes, and this board has room for ${row.scriptBytesMax}`)
  }
  if (!erase) problems.push(...storageProblems(row, facts, scriptBytes))
  return [...problems, ...pageProblems(row, facts)]
}

/** What does not stop anything, and is worth knowing. */
export function boardWarnings(name: BoardName, facts: BoardFacts): string[] {
  const row = boards[name]
  const warnings: string[] = []
  if (!supportedReleases.some((version) => facts.version.startsWith(version))) {
    warnings.push(`its Espruino is ${facts.version}; the script is meant for ${supportedReleases.join(' and ')} only`)
  }
  if (facts.console === row.line.device) {
    warnings.push(
      `its console is on ${facts.console}, the meter's line: once the meter runs the console is on ${row.console}`,
    )
  }
  return warnings
}
