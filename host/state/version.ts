// The version of this program.

import { readFileSync } from 'node:fs'

// Three folders up, because this file runs as dist/host/state/version.js.
const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
  version: string
}

export { version }
