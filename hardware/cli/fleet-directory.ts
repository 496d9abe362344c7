// The directory of a fleet: one file with the flash of every meter, and the settings files of meters that are not in it yet.

import { existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Flash } from '../../firmware/board.ts'
import { flashPagesFull, pageBytes } from '../../firmware/flash-map.ts'
import { readSettings } from '../../firmware/settings.ts'
import { euiFromBytes } from '../../protocol/bytes.ts'
import { openFlashFile, type TakeLock } from '../emulator/flash-file.ts'
import { type FlashStore, openFlashStore } from '../emulator/flash-store.ts'
import { type MeterSettings, readSettingsFile, takeSettings } from '../settings/settings-file.ts'

const geometry = { pageBytes, pages: flashPagesFull }

export interface FleetDirectory {
  store: FlashStore
  /** The EUI-64s of its meters and the numbers of their flashes, in the order of the EUI-64s. */
  meters: readonly { eui: string; number: number }[]
  /** Writes everything to the disk, and gives the directory up. */
  close(): void
}

/** What a directory holds that belongs to a meter, by EUI-64. */
interface Found {
  settings: Map<string, { path: string; read: MeterSettings }>
  /** Flash files of single meters: of an earlier version, or of a meter that ran alone. */
  flashes: Map<string, string>
}

/** @throws Error when the directory or a settings file cannot be read, or others may look into it */
function look(directory: string): Found {
  const mode = statSync(directory).mode & 0o777
  if ((mode & 0o077) !== 0) {
    throw new Error(
      `${directory} holds keys and others may look into it (mode ${mode.toString(8)}): chmod 700 ${directory}`,
    )
  }
  const found: Found = { settings: new Map(), flashes: new Map() }
  for (const name of readdirSync(directory).sort()) {
    const parts = /^((?:[0-9A-F]{2}-){7}[0-9A-F]{2})\.(settings\.json|flash)$/.exec(name)
    if (parts === null) continue
    const [eui, path] = [parts[1]!, join(directory, name)]
    if (parts[2] === 'flash') found.flashes.set(eui, path)
    else {
      const read = readSettingsFile(path)
      if (euiFromBytes(read.eui) !== eui) throw new Error(`${path} has the settings of ${euiFromBytes(read.eui)}`)
      found.settings.set(eui, { path, read })
    }
  }
  return found
}

function copyFlash(from: Flash, to: Flash): void {
  for (let page = 0; page < geometry.pages; page++) {
    const bytes = from.read(page * pageBytes, pageBytes)
    to.erase(page)
    if (bytes.some((byte) => byte !== 0xff)) to.program(page * pageBytes, bytes)
  }
}

/** Copies the flash file of a single meter. @throws Error naming the file */
function takeFlash(path: string, eui: string, into: Flash, takeLock: TakeLock | undefined): void {
  const { size } = statSync(path)
  if (size !== pageBytes * geometry.pages) {
    throw new Error(
      `${path} has ${size} bytes; a meter of a fleet has ${pageBytes * geometry.pages}. Run this one alone ` +
        `(smets1 meter --flash), and move its file elsewhere.`,
    )
  }
  const file = openFlashFile(path, geometry, { takeLock })
  try {
    const settings = readSettings(file)
    if (settings === undefined) throw new Error(`${path} holds no meter: it has no identity and no key`)
    if (euiFromBytes(settings.eui) !== eui) throw new Error(`${path} is the flash of ${euiFromBytes(settings.eui)}`)
    copyFlash(file, into)
  } finally {
    file.close()
  }
}

/** The meters in a store by EUI-64, and the numbers of flashes without a meter: a start was interrupted. */
function indexOf(store: FlashStore): { numbers: Map<string, number>; free: number[] } {
  const numbers = new Map<string, number>()
  const free: number[] = []
  for (let number = 0; number < store.count(); number++) {
    const settings = readSettings(store.flash(number))
    if (settings === undefined) free.push(number)
    else numbers.set(euiFromBytes(settings.eui), number)
  }
  return { numbers, free }
}

/** Takes what waits in the directory into the store. The files are removed once the store has it on the disk. */
function takeIn(store: FlashStore, { settings, flashes }: Found, takeLock: TakeLock | undefined) {
  const { numbers, free } = indexOf(store)
  const flashOf = (eui: string): Flash => {
    const number = numbers.get(eui) ?? free.pop() ?? store.add(1)
    numbers.set(eui, number)
    return store.flash(number)
  }
  for (const [eui, path] of flashes) {
    if (numbers.has(eui)) throw new Error(`${path}: the fleet has this meter already; move the file elsewhere`)
    takeFlash(path, eui, flashOf(eui), takeLock)
  }
  for (const [eui, { read }] of settings) takeSettings(flashOf(eui), read)
  store.sync()
  // A key is in one place then, and no second meter begins with it, which would repeat the counters of the first.
  for (const { path } of settings.values()) rmSync(path)
  for (const path of flashes.values()) rmSync(path)
  return numbers
}

/**
 * Opens the fleet in a directory. Meters whose settings files, or flash files of their own, are there become part of it.
 * @returns `undefined` when there is no meter
 * @throws Error naming the file, what is wrong and the fix
 */
export function openFleetDirectory(
  directory: string,
  takeLock: TakeLock | undefined,
  say: (text: string) => void,
): FleetDirectory | undefined {
  const path = join(directory, 'fleet.flash')
  const isThere = existsSync(path)
  const found = look(directory)
  if (!isThere && found.settings.size + found.flashes.size === 0) return undefined
  let lock: { release(): void } | undefined
  try {
    lock = takeLock?.(`${path}.lock`, `the fleet in ${directory}`)
  } catch (error) {
    throw new Error(`${(error as Error).message}. Stop that fleet first, or name another directory.`)
  }
  try {
    const store = openFlashStore(path, geometry)
    try {
      const numbers = takeIn(store, found, takeLock)
      if (found.flashes.size > 0) say(`${found.flashes.size} flash files are part of ${path} now, and removed\n`)
      const meters = [...numbers].map(([eui, number]) => ({ eui, number })).sort((a, b) => (a.eui < b.eui ? -1 : 1))
      return {
        store,
        meters,
        close() {
          store.close()
          lock?.release()
        },
      }
    } catch (error) {
      store.close()
      throw error
    }
  } catch (error) {
    lock?.release()
    throw error
  }
}
