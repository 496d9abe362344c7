// The settings and the key of a meter on a board, put there by its prompt with the driver of the meter's own flash.

import { crc32 } from 'node:zlib'
import { pageBytes } from '../../firmware/flash-map.ts'
import { euiFromBytes } from '../../protocol/bytes.ts'
import type { EspruinoBoard } from '../boards/board-row.ts'
import {
  type FlashOperation,
  hasSettings,
  type SettingsFound,
  type SettingsPage,
  settingsAfter,
  settingsFound,
  settingsOperations,
  settingsPages,
  settingsParts,
} from '../boards/board-settings.ts'
import type { MeterSettings } from '../settings/settings-file.ts'
import type { Prompt } from './espruino-prompt.ts'

/** Bytes of one chunk: with all around it a line of some 330 characters, less than the smallest receive buffer. */
export const chunkBytes = 192

/** How long a board may take to erase a page. */
export const eraseMs = 15000

/** Which meter a board is, and the version of its settings. */
export interface InstalledSettings {
  eui: string
  settingsVersion: number
}

export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

export function chunksOf(bytes: Uint8Array): Uint8Array[] {
  const chunks: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += chunkBytes) chunks.push(bytes.subarray(at, at + chunkBytes))
  return chunks
}

/** Gives the board functions for its flash: the meter's own driver, for as long as it is not restarted. */
export async function loadFlashDriver(prompt: Prompt, driver: string): Promise<void> {
  await prompt.run("global.K='';0")
  for (const chunk of chunksOf(Buffer.from(driver))) await prompt.run(`K+=atob('${base64(chunk)}');0`)
  await prompt.run('eval(K);delete global.K;0')
}

/** What the pages of settings show but for the key. */
export async function readSettingsPages(prompt: Prompt): Promise<SettingsPage[]> {
  const read = async (page: number, { at, bytes }: { at: number; bytes: number }) => {
    const text = await prompt.run(`btoa(readFlash(${page * pageBytes + at},${bytes}))`)
    return new Uint8Array(Buffer.from(String(text), 'base64'))
  }
  const pages: SettingsPage[] = []
  for (let page = 0; page < settingsPages; page++) {
    pages.push({ head: await read(page, settingsParts.head), tail: await read(page, settingsParts.tail) })
  }
  return pages
}

/** Does what is to be done to the flash, and reads each back. @throws Error when flash does not hold it */
export async function changeFlash(prompt: Prompt, operations: readonly FlashOperation[]): Promise<void> {
  for (const operation of operations) {
    if ('erase' in operation) {
      await prompt.run(`eraseFlash(${operation.erase});0`, eraseMs)
      continue
    }
    const { address, bytes } = operation
    const code = `(b=>{programFlash(${address},b);b=readFlash(${address},b.length);return E.CRC32(b)})(new Uint8Array(E.toArrayBuffer(atob('${base64(bytes)}'))))`
    if ((await prompt.run(code, eraseMs)) !== crc32(bytes)) {
      throw new Error(`the flash does not hold what was written at ${address}: it is worn out, or not connected`)
    }
  }
}

/** Erases the page of settings that is not in use, unless it is blank: a rotation that was cut leaves the old key in it. */
async function eraseOtherPage(prompt: Prompt, used: number): Promise<void> {
  const other = used === 0 ? 1 : 0
  // The board looks at its cells: a key is never read from one.
  const isBlank = `(b=>{for(let i=0;i<b.length;i++)if(b[i]!==255)return false;return true})`
  const { at, bytes } = settingsParts.tail
  if (await prompt.run(`${isBlank}(readFlash(${other * pageBytes},${at + bytes}))`)) return
  await changeFlash(prompt, [{ erase: other }])
}

/** Puts settings into the flash, if they are not there; no other key is left in it. @returns the meter's EUI-64 and the version of its settings */
export async function putSettings(
  prompt: Prompt,
  row: EspruinoBoard,
  given: MeterSettings | undefined,
): Promise<InstalledSettings> {
  const geometry = { pageBytes, pages: row.flash.pages }
  const pages = await readSettingsPages(prompt)
  const found = settingsFound(geometry, pages)
  if (given === undefined && found === undefined) throw new Error('there are no settings on the board')
  if (given === undefined) return { eui: found!.eui, settingsVersion: found!.version }
  const installed = (settings: { version: number }) => ({
    eui: euiFromBytes(given.eui),
    settingsVersion: settings.version,
  })
  const settings = settingsAfter(found, given)
  if (hasSettings(found, settings)) {
    await eraseOtherPage(prompt, found!.page)
    return installed(settings)
  }
  await changeFlash(prompt, settingsOperations(geometry, pages, settings))
  if (!hasSettings(settingsFound(geometry, await readSettingsPages(prompt)), settings)) {
    throw new Error('the board does not hold the settings that were written')
  }
  return installed(settings)
}

/** The settings on a board whose prompt has the flash driver. */
export async function boardSettings(prompt: Prompt, row: EspruinoBoard): Promise<SettingsFound | undefined> {
  return settingsFound({ pageBytes, pages: row.flash.pages }, await readSettingsPages(prompt))
}
