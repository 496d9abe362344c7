// Puts a meter onto a board by its prompt. The order is what makes it safe to cut at any moment: nothing starts the script
// while it is not whole. What starts it (.bootcde) goes first and comes back last; a run after a cut finds what is there
// already, chunk by chunk, and sends the rest.

import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { pageBytes } from '../../firmware/flash-map.ts'
import type { EspruinoBoard } from '../boards/board-row.ts'
import { pagesFileBytes } from '../boards/board-rules.ts'
import { noSettingsOperations, settingsPages } from '../boards/board-settings.ts'
import type { MeterSettings } from '../settings/settings-file.ts'
import { type BoardFacts, bootFile, scriptFile, startsMeter } from './board-facts.ts'
import { type Prompt, PromptError } from './espruino-prompt.ts'
import {
  base64,
  changeFlash,
  chunkBytes,
  chunksOf,
  eraseMs,
  type InstalledSettings,
  loadFlashDriver,
  putSettings,
  readSettingsPages,
} from './installed-settings.ts'

/** How long a board may take to compact all of Storage. */
const compactMs = 120000

/** Called with how much of a step is done. */
export type Progress = (step: string, done: number, total: number) => void

const storage = "require('Storage')"

/** The Storage file around the meter's pages; `undefined` where they are not in Storage. */
function pagesFileName({ flash }: EspruinoBoard): string | undefined {
  return 'spi' in flash ? undefined : flash.storageFile
}

/** Whether the Storage file around the meter's pages lies where the row says. */
async function pagesAreInPlace(prompt: Prompt, row: EspruinoBoard): Promise<boolean> {
  const name = pagesFileName(row)
  if (name === undefined) return true
  const { at } = row.storage
  const header = Buffer.from(String(await prompt.run(`btoa(require('Flash').read(32,${at}))`)), 'base64')
  const found = header.subarray(4).toString('latin1').replace(/\0.*$/s, '')
  return found === name && (header.readUInt32LE(0) & 0xffffff) === pagesFileBytes(row)
}

/** Removes what starts the meter: from here on a restart starts nothing. */
async function removeStart(prompt: Prompt, facts: BoardFacts): Promise<void> {
  if (startsMeter(facts)) await prompt.run(`${storage}.erase('${bootFile}');0`, eraseMs)
}

/** Reserves Storage for the meter's pages, if that was not done. @throws Error for a board whose Storage lies elsewhere */
async function reservePages(prompt: Prompt, row: EspruinoBoard, facts: BoardFacts, erase: boolean): Promise<void> {
  const name = pagesFileName(row)
  const { at } = row.storage
  if (name === undefined) {
    if (erase) await prompt.run(`${storage}.eraseAll();0`, compactMs)
    return
  }
  const isThere = facts.files.includes(name)
  if (isThere && !erase) {
    if (await pagesAreInPlace(prompt, row)) return
    throw new Error(`${name} does not lie at ${at.toString(16)}h: save what you need, then --erase makes it anew`)
  }
  // Empty, but not blank: what was deleted still stands in front.
  await prompt.run(`${storage}.eraseAll();0`, compactMs)
  await prompt.run(`${storage}.write('${name}','\\xff',0,${pagesFileBytes(row)});0`, compactMs)
  if (await pagesAreInPlace(prompt, row)) return
  await prompt.run(`${storage}.erase('${name}');0`, eraseMs)
  throw new Error(`its Storage does not begin at ${at.toString(16)}h: this is not the board of that row`)
}

/** CRC-32 of each chunk of a file, as the board has it. */
async function chunkSums(prompt: Prompt, count: number): Promise<number[]> {
  const sums: number[] = []
  for (let from = 0; from < count; from += 32) {
    const some = Math.min(32, count - from)
    const code = `(s=>{let a=[];for(let i=${from};i<${from + some};i++)a.push(E.CRC32(s.read('${scriptFile}',i*${chunkBytes},${chunkBytes})));return a})(${storage})`
    sums.push(...((await prompt.run(code)) as number[]))
  }
  return sums
}

/** Sends the script, but for what the board has of it. @returns bytes sent */
async function sendScript(prompt: Prompt, script: Uint8Array, facts: BoardFacts, progress: Progress): Promise<number> {
  const chunks = chunksOf(script)
  const wanted = chunks.map((chunk) => crc32(chunk))
  const blank = chunks.map((chunk) => crc32(new Uint8Array(chunk.length).fill(0xff)))
  let have: number[] = []
  if (facts.files.includes(scriptFile)) {
    const size = await prompt.run(`${storage}.read('${scriptFile}').length`)
    have = size === script.length ? await chunkSums(prompt, chunks.length) : []
    const resumable = have.length > 0 && have.every((sum, i) => sum === wanted[i] || sum === blank[i])
    if (!resumable) {
      have = []
      await prompt.run(`${storage}.erase('${scriptFile}');0`, eraseMs)
    }
  }
  let sent = 0
  for (const [i, chunk] of chunks.entries()) {
    progress('script', i * chunkBytes, script.length)
    if (have[i] === wanted[i]) continue
    const at = i * chunkBytes
    const code = `(s=>{s.write('${scriptFile}',atob('${base64(chunk)}'),${at},${script.length});return E.CRC32(s.read('${scriptFile}',${at},${chunk.length}))})(${storage})`
    if ((await prompt.run(code, i === 0 ? compactMs : eraseMs)) !== wanted[i]) {
      throw new Error(`Storage does not hold bytes ${at} to ${at + chunk.length} of the script as they were sent`)
    }
    sent += chunk.length
  }
  progress('script', script.length, script.length)
  return sent
}

/** Reads the script back, whole. @throws Error when it is not what was sent */
async function readBack(prompt: Prompt, script: Uint8Array, progress: Progress): Promise<string> {
  const step = chunkBytes * 2
  const hash = createHash('sha256')
  for (let at = 0; at < script.length; at += step) {
    progress('read back', at, script.length)
    const count = Math.min(step, script.length - at)
    const text = await prompt.run(`btoa(${storage}.read('${scriptFile}',${at},${count}))`)
    hash.update(Buffer.from(String(text), 'base64'))
  }
  progress('read back', script.length, script.length)
  const found = hash.digest('hex')
  if (found !== createHash('sha256').update(script).digest('hex')) {
    throw new Error('the script in Storage is not what was sent: run it again')
  }
  return found
}

function reserveStep(row: EspruinoBoard, erase: boolean): string {
  const erased = erase ? 'Storage is erased; ' : ''
  if ('spi' in row.flash)
    return `${erased}the meter's ${row.flash.pages} pages are in the flash chip on ${row.flash.spi}`
  const from = `${row.flash.base.toString(16)}h`
  return row.flash.storageFile === undefined
    ? `${erased}the meter's ${row.flash.pages} pages are outside Storage, from ${from}`
    : `${erased}Storage "${row.flash.storageFile}" is made around the meter's ${row.flash.pages} pages from ${from}, if it is not there`
}

/** What starts the script; it names the script, so that a second run knows it. */
function bootText(script: Uint8Array): string {
  return `require("${scriptFile}");//${script.length} ${createHash('sha256').update(script).digest('hex').slice(0, 16)}`
}

export interface InstallParts {
  row: EspruinoBoard
  facts: BoardFacts
  /** The bundle; `undefined` leaves the script as it is. */
  script: Uint8Array | undefined
  driver: string
  /** `undefined` leaves those that are on it. */
  settings: MeterSettings | undefined
  /** Empties the board's Storage, and the meter's pages, first. */
  erase: boolean
  progress: Progress
  /** Called with what is done next, for a rehearsal. */
  step(text: string): void
}

export interface Installed extends InstalledSettings {
  bytesSent: number
  /** Of the script on the board, in hexadecimal; '' when it was left alone. */
  sha256: string
}

/**
 * Puts script and settings onto a board on which nothing runs, and makes it start with them. Cut anywhere, it is run again.
 * @throws PromptError, or Error for a board that does not hold what it is given
 */
export async function installMeter(prompt: Prompt, parts: InstallParts): Promise<Installed> {
  const { row, facts, script, settings, erase, progress, step } = parts
  if (script === undefined) {
    // Settings are whole or the old ones at any moment: what starts the meter can stay.
    step('settings and key are written into the other settings page, read back, and the old page is cleared')
    await loadFlashDriver(prompt, parts.driver)
    return { bytesSent: 0, sha256: '', ...(await putSettings(prompt, row, settings)) }
  }
  const boot = bootText(script)
  // With the same script in place a restart in the middle starts a whole meter.
  step(`${bootFile}, which starts a script, is removed: from here on a restart starts nothing half`)
  if (facts.boot !== boot || erase) await removeStart(prompt, facts)
  step(reserveStep(row, erase))
  await reservePages(prompt, row, facts, erase)
  step(`the driver of the meter's flash is loaded into memory (${parts.driver.length} bytes)`)
  await loadFlashDriver(prompt, parts.driver)
  // Where the pages are not in Storage, emptying that has not emptied them.
  const toErase = erase && pagesFileBytes(row) === 0 ? row.flash.pages : 0
  for (let page = 0; page < toErase; page++) await prompt.run(`eraseFlash(${page});0`, eraseMs)
  step('settings and key are written into a settings page, and compared by their CRC; the key is never read back')
  const settingsNow = await putSettings(prompt, row, settings)
  progress('settings', 1, 1)
  step(
    `the script goes to Storage "${scriptFile}" in ${Math.ceil(script.length / chunkBytes)} parts of ${chunkBytes} bytes; each is compared by its CRC-32, and those that are there already are not sent`,
  )
  const bytesSent = await sendScript(prompt, script, erase ? { ...facts, files: [] } : facts, progress)
  step(`all ${script.length} bytes are read back, and their SHA-256 compared`)
  const sha256 = await readBack(prompt, script, progress)
  step(`${bootFile} is written last: from here on the board starts the script`)
  await prompt.run(`${storage}.write('${bootFile}',${JSON.stringify(boot)});0`, eraseMs)
  if ((await prompt.run(`${storage}.read('${bootFile}')`)) !== boot) throw new Error(`${bootFile} was not written`)
  return { bytesSent, sha256, ...settingsNow }
}

/**
 * Removes what `installMeter` wrote: what starts the script, the script, the settings with the key. The logs stay unless
 * `logs`. @returns what is left of it
 */
export async function uninstallMeter(
  prompt: Prompt,
  parts: { row: EspruinoBoard; facts: BoardFacts; driver: string; logs: boolean; progress: Progress },
): Promise<'logs' | 'nothing'> {
  const { row, facts, logs, progress } = parts
  await removeStart(prompt, facts)
  if (facts.files.includes(scriptFile)) await prompt.run(`${storage}.erase('${scriptFile}');0`, eraseMs)
  const file = pagesFileName(row)
  const hasPages = file === undefined || facts.files.includes(file)
  if (!hasPages) return 'nothing'
  await loadFlashDriver(prompt, parts.driver)
  const geometry = { pageBytes, pages: row.flash.pages }
  await changeFlash(prompt, noSettingsOperations(geometry, await readSettingsPages(prompt)))
  if (!logs) return 'logs'
  for (let page = settingsPages; page < row.flash.pages; page++) {
    progress('logs', page, row.flash.pages)
    await prompt.run(`eraseFlash(${page});0`, eraseMs)
  }
  if (file !== undefined) await prompt.run(`${storage}.erase('${file}');0`, eraseMs)
  progress('logs', row.flash.pages, row.flash.pages)
  return 'nothing'
}

/**
 * Starts what was installed, and waits until it says how it went: `started, boot 3`.
 * @throws Error with its words when it does not start
 */
export async function startInstalled(prompt: Prompt): Promise<string> {
  await prompt.restart('load()')
  const said = await prompt.waitFor(/smets1: ((?:started|not started)[^\r\n]*)\r?\n/, 30000)
  if (said === undefined) throw new PromptError('lost', 'the script was started and said nothing for 30 s')
  if (said[1]!.startsWith('not started')) throw new Error(`the meter did not start: ${said[1]}`)
  return said[1]!
}
