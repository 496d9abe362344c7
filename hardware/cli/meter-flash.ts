// The flash file of a meter, opened, and made or changed by a settings file first.

import { existsSync, rmSync, statSync } from 'node:fs'
import { flashPagesFull, flashPagesMin, pageBytes } from '../../firmware/flash-map.ts'
import { type FlashFile, type FlashFileOptions, openFlashFile } from '../emulator/flash-file.ts'
import { type MeterSettings, readSettingsFile, takeSettings } from '../settings/settings-file.ts'

/** There is no meter: no flash and no settings to make one. */
export class NoMeter extends Error {}

/** Pages of a flash file, which says so by its size. @throws Error naming what is wrong */
function pagesOf(path: string): number {
  const bytes = statSync(path).size
  const pages = Math.floor(bytes / pageBytes)
  if (bytes % pageBytes !== 0 || pages < flashPagesMin || pages > 4096) {
    throw new Error(
      `the flash file ${path} has ${bytes} bytes; a meter's has whole pages of ${pageBytes}, ${flashPagesMin} at least. ` +
        'It was cut short, or belongs to an older version: `smets1 provision` makes a new meter.',
    )
  }
  return pages
}

function take(flash: FlashFile, settings: MeterSettings, file: string, say: (text: string) => void): void {
  let outcome: string
  try {
    outcome = takeSettings(flash, settings)
  } catch (error) {
    throw new Error(`${file}: ${(error as Error).message}`)
  }
  flash.sync()
  // The key is in one place then, and no second meter begins with it, which would repeat the counters of the first.
  rmSync(file)
  say(`settings ${outcome === 'made' ? 'taken' : outcome}; ${file} is removed, the flash has them`)
}

/**
 * Opens a meter's flash. With a settings file the flash is made when it is not there, takes the settings, and the file is
 * removed. A settings file that is not there was taken before: a service may name it at each start.
 * @throws NoMeter when there is neither; Error naming what is wrong
 */
export function openMeterFlash(
  path: string,
  settingsFile: string | undefined,
  say: (text: string) => void,
  options: FlashFileOptions,
): FlashFile {
  const exists = existsSync(path)
  const hasSettings = settingsFile !== undefined && existsSync(settingsFile)
  if (!exists && !hasSettings) {
    throw new NoMeter(
      `there is no meter in ${path}: no such file${settingsFile === undefined ? '' : `, nor ${settingsFile}`}. ` +
        '`smets1 provision` writes settings for one, to be named with --settings.',
    )
  }
  const settings = hasSettings ? readSettingsFile(settingsFile) : undefined
  if (settingsFile !== undefined && !hasSettings)
    say(`no new settings in ${settingsFile}: the meter has those of before`)
  const flash = openFlashFile(path, { pageBytes, pages: exists ? pagesOf(path) : flashPagesFull }, options)
  try {
    if (settings !== undefined) take(flash, settings, settingsFile!, say)
    return flash
  } catch (error) {
    flash.close()
    throw error
  }
}
