// What answers at a prompt, and whether a meter can be put on it.

import { type BoardName, boards, type EspruinoBoard, meterFlashBytes } from '../boards/boards.ts'
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
  /** What the meter needs, and this Espruino lacks. */
  lacks: string[]
}

export const scriptFile = 'smets1'
export const bootFile = '.bootcde'

/** Bytes of a Storage file's header. */
const headerBytes = 32

/** Variables that the meter takes at its peak (README, "Figures"). */
export const variablesMin = 2500

/** The oldest version that has all of the language that the script uses. Only 2v29 was ever run. */
const versionMin = 20
const versionTried = '2v29'

/** What the script uses, by a piece of code that is true where it works. */
const needs: readonly (readonly [string, string])[] = [
  ['let in blocks', '(()=>{let a=1;{let a=2}return a==1})()'],
  ['arrow functions', '[1,2].map(x=>x*2)[1]==4'],
  ['??', '(void 0??7)==7'],
  ['typed arrays', '(()=>{let a=new Uint8Array(4);a.set([1,2],1);return a.subarray(1,3)[1]==2&&a.fill(9)[0]==9})()'],
  ['for … of', '(()=>{let n=0;for(const i of [1,2])n+=i;return n==3})()'],
  ['E.setConsole', 'typeof E.setConsole=="function"'],
  ['E.enableWatchdog', 'typeof E.enableWatchdog=="function"'],
  ['setWatch', 'typeof setWatch=="function"'],
  ['the module Flash', 'typeof require("Flash").erasePage=="function"'],
  ['the module Storage', 'typeof require("Storage").getStats=="function"'],
]

/** Asks a board for all that matters. @throws PromptError */
export async function askBoard(prompt: Prompt, row: EspruinoBoard): Promise<BoardFacts> {
  const memory = (await prompt.run('process.memory()')) as { free: number; total: number; blocksize: number }
  const lacks: string[] = []
  const serial = [`the UART ${row.line.device}`, `typeof ${row.line.device}.setup=="function"`] as const
  const spi = 'spi' in row.flash ? [[`the port ${row.flash.spi}`, `typeof ${row.flash.spi}=="object"`] as const] : []
  const sleep = row.deepSleep ? [['setDeepSleep', 'typeof setDeepSleep=="function"'] as const] : []
  for (const [what, code] of [...needs, serial, ...spi, ...sleep]) {
    // A syntax that is not known throws as well.
    if ((await prompt.run(`(()=>{try{return !!eval(${JSON.stringify(code)})}catch(e){}return false})()`)) !== true) {
      lacks.push(what)
    }
  }
  const facts = { board: prompt.board, version: prompt.version, lacks }
  const heap = { variables: memory.total, variablesFree: memory.free, variableBytes: memory.blocksize }
  const storage = await askStorage(prompt, lacks)
  const console = String(await prompt.run('E.getConsole()'))
  return { ...facts, ...heap, ...storage, console }
}

async function askStorage(prompt: Prompt, lacks: readonly string[]) {
  if (lacks.some((what) => what.startsWith('the module'))) {
    return { storageFree: 0, storageFreeNow: 0, files: [], freeAreas: [], boot: '' }
  }
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

/** Bytes of the Storage file around the meter's pages; 0 where they are not in Storage. */
export function pagesFileBytes({ flash }: EspruinoBoard): number {
  if ('spi' in flash || flash.storageFile === undefined) return 0
  return flash.base - flash.storageFile.at - headerBytes + flash.pages * 4096
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

/**
 * Why a meter cannot be put on this board, each with what to do; none when it can.
 * @param scriptBytes of the bundle
 * @param erase whether all of Storage may be erased first
 */
export function boardProblems(name: BoardName, facts: BoardFacts, scriptBytes: number, erase: boolean): string[] {
  const row = boards[name]
  if (facts.board !== row.reports) {
    return [`this board is ${facts.board}, and ${name} is ${row.reports}: ${rowOf(facts.board)}`]
  }
  const problems: string[] = []
  const [, major, minor] = /^(\d+)v(\d+)/.exec(facts.version) ?? []
  if (Number(major) < 2 || (Number(major) === 2 && Number(minor) < versionMin)) {
    problems.push(
      `its Espruino is ${facts.version}, 2v${versionMin} at least is needed: update it (espruino.com/Download)`,
    )
  }
  if (facts.lacks.length > 0) problems.push(`its Espruino ${facts.version} lacks ${facts.lacks.join(', ')}`)
  if (facts.variables < variablesMin) {
    problems.push(`it has ${facts.variables} variables of memory, ${variablesMin} are needed: this board is too small`)
  }
  const pages = pagesFileBytes(row)
  const hasPages = 'spi' in row.flash || facts.files.includes(row.flash.storageFile?.name ?? '')
  const scriptNeeds = scriptBytes + headerBytes + 256
  const needed = scriptNeeds + (pages > 0 && !hasPages ? pages + headerBytes : 0)
  const others = otherPrograms(facts)
  if (!erase) {
    const room = facts.storageFree + (facts.files.includes(scriptFile) ? scriptBytes : 0)
    if (facts.lacks.length === 0 && room < needed) {
      problems.push(
        `its Storage has ${room} bytes free, ${needed} are needed: ${facts.files.length > 0 ? 'erase files of yours there, or all with --erase' : 'this board is too small'}`,
      )
    }
    if (others.length > 0) {
      problems.push(
        `another program starts on it (${others.join(', ')}): save what you need, then --erase takes it off`,
      )
    }
    if (pages > 0 && !hasPages && facts.files.length > 0) {
      problems.push(
        `its Storage must be empty, because the meter's pages come first in it, and has ${facts.files.join(', ')}: save what you need, then --erase empties it`,
      )
    }
  }
  if (!('spi' in row.flash) && pages === 0 && facts.lacks.length === 0) {
    const { base } = row.flash
    const end = base + meterFlashBytes(row)
    if (!facts.freeAreas.some(({ addr, length }) => addr <= base && addr + length >= end)) {
      const areas = facts.freeAreas.map(
        ({ addr, length }) => `${addr.toString(16)}h to ${(addr + length).toString(16)}h`,
      )
      problems.push(
        `its flash from ${base.toString(16)}h to ${end.toString(16)}h, where the meter's pages are to be, is not free (free: ${areas.join(', ') || 'none'})`,
      )
    }
  }
  return problems
}

/** What does not stop anything, and is worth knowing. */
export function boardWarnings(name: BoardName, facts: BoardFacts): string[] {
  const row = boards[name]
  const warnings: string[] = []
  if (!facts.version.startsWith(versionTried)) {
    warnings.push(`its Espruino is ${facts.version}; the script was run on ${versionTried} only`)
  }
  if (facts.console === row.line.device) {
    warnings.push(
      `its console is on ${facts.console}, the meter's line: once the meter runs the console is on ${row.console}`,
    )
  }
  return warnings
}
