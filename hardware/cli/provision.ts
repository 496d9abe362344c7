// Makes the flash of a new meter: its identity and its key, and nothing in its logs.

import { flashMapPages, pageBytes } from '../../firmware/flash-map.ts'
import { type Settings, writeSettings } from '../../firmware/settings.ts'
import { openFlashFile } from '../flash-file.ts'

/** Writes settings into a flash file, which is made when it is not there. @throws Error naming the file */
export function provisionFlash(path: string, settings: Settings): void {
  const flash = openFlashFile(path, { pageBytes, pages: flashMapPages })
  try {
    writeSettings(flash, settings)
    flash.sync()
  } finally {
    flash.close()
  }
}
