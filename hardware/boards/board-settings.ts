// Settings for a board, written through its prompt: computed here by the meter's own code on a copy of the board's pages, and
// then done there operation by operation. The key only goes to the board; it is never read from one.

import { newestPage, pageHeaderBytes, pageKind } from '../../firmware/flash-pages.ts'
import {
  type Configuration,
  decodeConfiguration,
  defaultConfiguration,
  encodeConfiguration,
  type Settings,
  writeSettings,
} from '../../firmware/settings.ts'
import { crc16, euiFromBytes, getU16, getU32, putU16, putU32, sameBytes } from '../../protocol/bytes.ts'
import { keyBytes } from '../../protocol/seal.ts'
import { createMemoryFlash, type FlashGeometry } from '../emulator/flash-file.ts'
import type { MeterSettings } from '../settings/settings-file.ts'

/** What is done to the flash of a board, in this order. */
export type FlashOperation = { erase: number } | { address: number; bytes: Uint8Array }

/** Pages for settings, the first of the flash; a change is written into the other one. */
export const settingsPages = 2

/** The parts of a settings page that may be read: its header and the EUI-64, and all behind the key. */
export const settingsParts = {
  head: { at: 0, bytes: pageHeaderBytes + 8 },
  tail: { at: pageHeaderBytes + 8 + keyBytes, bytes: 6 + 14 + 160 },
} as const

/** A page of settings without its key. */
export interface SettingsPage {
  head: Uint8Array
  tail: Uint8Array
}

/** The settings on a board, without the key. */
export interface SettingsFound {
  /** The page that they are in, 0 or 1. */
  page: number
  eui: string
  version: number
  configuration: Configuration
  /** CRC-16 of all of it, the key included. */
  crc: number
}

/** A flash with what was read of the settings pages, which records what is done to it. */
function copyOfPages(geometry: FlashGeometry, pages: readonly SettingsPage[]) {
  const memory = createMemoryFlash({ ...geometry, pages: settingsPages })
  pages.forEach(({ head, tail }, page) => {
    memory.program(page * geometry.pageBytes + settingsParts.head.at, head)
    memory.program(page * geometry.pageBytes + settingsParts.tail.at, tail)
  })
  const done: FlashOperation[] = []
  const flash = {
    ...memory,
    program(address: number, bytes: Uint8Array) {
      memory.program(address, bytes)
      done.push({ address, bytes: bytes.slice() })
    },
    erase(page: number) {
      memory.erase(page)
      done.push({ erase: page })
    },
  }
  return { flash, done }
}

/** The newest settings in the pages; `undefined` for a board that has none. */
export function settingsFound(geometry: FlashGeometry, pages: readonly SettingsPage[]): SettingsFound | undefined {
  const { flash } = copyOfPages(geometry, pages)
  const newest = newestPage(flash, 0, settingsPages, pageKind.settings)
  if (newest.page < 0) return undefined
  const { head, tail } = pages[newest.page]!
  const configuration = decodeConfiguration(tail.slice(6, 6 + getU16(tail, 4)), newest.format)
  const { page } = newest
  return {
    page,
    eui: euiFromBytes(head.slice(pageHeaderBytes)),
    version: getU32(tail, 0),
    configuration,
    crc: newest.extra,
  }
}

/** CRC-16 of settings as they are stored. */
function crcOf(settings: Settings): number {
  const configuration = encodeConfiguration(settings.configuration)
  const bytes = new Uint8Array(8 + keyBytes + 6 + configuration.length)
  bytes.set(settings.eui, 0)
  bytes.set(settings.key, 8)
  putU32(bytes, 8 + keyBytes, settings.version)
  putU16(bytes, 12 + keyBytes, configuration.length)
  bytes.set(configuration, 14 + keyBytes)
  return crc16(bytes, 0, bytes.length)
}

/** The settings of a board that has `found` after a settings file was applied: as `takeSettings`, without knowing its key. */
export function settingsAfter(found: SettingsFound | undefined, { eui, key, configuration }: MeterSettings): Settings {
  if (found === undefined) return { eui, key, version: 1, configuration: configuration ?? defaultConfiguration() }
  const wanted = configuration ?? found.configuration
  const isSet = sameBytes(encodeConfiguration(wanted), encodeConfiguration(found.configuration))
  return { eui, key, version: found.version + (isSet ? 0 : 1), configuration: wanted }
}

/** Whether a board has these settings, key and all. */
export function hasSettings(found: SettingsFound | undefined, settings: Settings): boolean {
  return found?.version === settings.version && found.crc === crcOf(settings)
}

/**
 * What to do to a board's flash so that it has the settings. The old ones are valid until the new ones are whole; then
 * their page, with the old key, is cleared.
 */
export function settingsOperations(
  geometry: FlashGeometry,
  pages: readonly SettingsPage[],
  settings: Settings,
): FlashOperation[] {
  const { flash, done } = copyOfPages(geometry, pages)
  const old = newestPage(flash, 0, settingsPages, pageKind.settings).page
  writeSettings(flash, settings)
  if (old >= 0) flash.erase(old)
  return done
}

/** What to do so that no settings and no key remain. */
export function noSettingsOperations(geometry: FlashGeometry, pages: readonly SettingsPage[]): FlashOperation[] {
  const { flash, done } = copyOfPages(geometry, pages)
  for (let page = 0; page < settingsPages; page++) flash.erase(page)
  return done
}
