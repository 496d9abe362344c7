// The settings of a meter in a file: who it is, its key, its configuration.

import { readFileSync, statSync } from 'node:fs'
import { flashPagesFull, pageBytes } from '../../firmware/flash-map.ts'
import { readSettings, type Settings } from '../../firmware/settings.ts'
import { createMemoryFlash } from '../flash-file.ts'

/**
 * Reads settings from a meter's flash file, which others may not read. The file stays as it is.
 * @throws Error naming the file and what to do
 */
export function readSettingsFile(path: string): Settings {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (!stats?.isFile()) throw new Error(`there is no file ${path}: smets1 up makes a meter, in .smets1/meter/flash.bin`)
  if ((stats.mode & 0o077) !== 0) {
    throw new Error(
      `${path} holds a meter's key and others may read it (mode ${(stats.mode & 0o777).toString(8)}): run chmod 600 ${path}`,
    )
  }
  const pages = stats.size / pageBytes
  if (Number.isInteger(pages) && pages >= 2 && pages <= flashPagesFull * 16) {
    const bytes = readFileSync(path)
    const flash = createMemoryFlash({ pageBytes, pages })
    // Pages of settings are the first two.
    for (let page = 0; page < 2; page++) {
      flash.program(page * pageBytes, new Uint8Array(bytes.subarray(page * pageBytes, (page + 1) * pageBytes)))
    }
    const settings = readSettings(flash)
    if (settings !== undefined) return settings
  }
  throw new Error(`${path} holds no settings of a meter: it is not a meter's flash, or one that was never provisioned`)
}
