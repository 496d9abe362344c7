// Where files of this repository are that are not compiled.

import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The folder of package.json. This file runs as dist/test/support/repository.js. */
export const root = dirname(dirname(dirname(import.meta.dirname)))

/** A file of the repository as text, by its path from the root. */
export function repositoryText(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}
