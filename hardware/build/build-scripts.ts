// npm run build:firmware: the scripts of each board in build/, smets1-BOARD.js (the meter) and flash-BOARD.js (the driver of
// its flash). They are built again only when a source has changed.

import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type BoardName, boards, isBoard } from '../boards/boards.ts'
import { type Bundle, bundleFirmware, bundleFlashDriver } from './bundle.ts'

/** The folder of package.json. This file runs as dist/hardware/build/build-scripts.js. */
const root = join(import.meta.dirname, '../../..')
const output = join(root, 'build')
/** Everything that a script is made of or by; the lock file names the versions of the build tools and of tweetnacl. */
const inputs = ['protocol', 'firmware', 'hardware/boards', 'hardware/build', 'package-lock.json']

/** SHA-256 over all sources. */
function sourcesHash(): string {
  const hash = createHash('sha256')
  for (const input of inputs) {
    const names = input.includes('.') ? [''] : readdirSync(join(root, input)).filter((name) => name.endsWith('.ts'))
    for (const name of names.sort()) {
      const text = readFileSync(join(root, input, name))
      hash.update(`${input}/${name} ${text.length}\n`).update(text)
    }
  }
  return hash.digest('hex')
}

/** Writes a file in one step: another process may read it. */
function replaceFile(name: string, text: string): void {
  const fresh = join(output, `${name}.${process.pid}`)
  writeFileSync(fresh, text, 'latin1')
  renameSync(fresh, join(output, name))
}

function hasScripts(board: BoardName, hash: string): boolean {
  try {
    return readFileSync(join(output, `${board}.sources`), 'latin1') === hash
  } catch {
    return false
  }
}

/** Builds the scripts of a board unless they are up to date. @throws Error naming what Espruino would not run */
export async function buildScripts(board: BoardName): Promise<Bundle | undefined> {
  const hash = sourcesHash()
  if (hasScripts(board, hash)) return undefined
  const meter = await bundleFirmware(board)
  const { scriptBytesMax } = boards[board]
  if (meter.bytes > scriptBytesMax) throw new Error(`${board}: ${meter.bytes} bytes are more than ${scriptBytesMax}`)
  const driver = await bundleFlashDriver(board)
  mkdirSync(output, { recursive: true })
  replaceFile(`smets1-${board}.js`, meter.code)
  replaceFile(`flash-${board}.js`, driver.code)
  // Last: a build that was stopped does not look up to date.
  replaceFile(`${board}.sources`, hash)
  return meter
}

const usage = `npm run build:firmware [-- BOARD ...]
Writes build/smets1-BOARD.js. Boards: ${Object.keys(boards).join(', ')}; all of them unless named.`

/** The command. Exit code 1: Espruino would not run a source. Exit code 2: an unknown board. */
async function main(args: string[]): Promise<number> {
  if (args.includes('--help')) {
    console.log(usage)
    return 0
  }
  let last: Bundle | undefined
  for (const name of args.length > 0 ? args : Object.keys(boards)) {
    if (!isBoard(name)) {
      console.error(`no board "${name}"\n${usage}`)
      return 2
    }
    try {
      last = (await buildScripts(name)) ?? last
      const bytes = readFileSync(join(output, `smets1-${name}.js`)).length
      console.log(`build/smets1-${name}.js  ${bytes} bytes: ${boards[name].title}`)
    } catch (error) {
      console.error(`${name}: ${error instanceof Error ? error.message : error}`)
      return 1
    }
  }
  for (const part of last?.parts ?? []) console.log(`  ${String(part.bytes).padStart(6)}  ${part.name}`)
  return 0
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = await main(process.argv.slice(2))
