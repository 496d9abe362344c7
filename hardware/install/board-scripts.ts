// The scripts that go to a board. A package contains them in build/; in a clone they are built there when the sources have
// changed.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BoardName } from '../boards/boards.ts'

/** The folder of package.json. This file runs as dist/hardware/install/board-scripts.js. */
const root = join(import.meta.dirname, '../../..')

export interface BoardScripts {
  /** The meter. */
  meter: string
  /** The driver of the meter's flash, for the prompt of a board on which no meter runs. */
  flashDriver: string
}

/** @throws Error when a script cannot be built, or is missing from the package */
export async function boardScripts(board: BoardName): Promise<BoardScripts> {
  // Only a clone has the sources.
  if (existsSync(join(root, 'hardware', 'build'))) {
    const { buildScripts } = await import('../build/build-scripts.ts')
    await buildScripts(board)
  }
  const read = (name: string) => {
    const path = join(root, 'build', name)
    if (!existsSync(path)) throw new Error(`${path} is missing from this installation: install the package again`)
    return readFileSync(path, 'latin1')
  }
  return { meter: read(`smets1-${board}.js`), flashDriver: read(`flash-${board}.js`) }
}
