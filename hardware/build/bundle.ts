// The meter for a board as one script. On the board it is the Storage module `smets1`, which `.bootcde` requires: code in
// Storage stays in flash and costs hardly any of the heap.

import { SourceMap } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { parse } from 'acorn'
import { build, type Plugin } from 'esbuild'
import { minify } from 'terser'
import { boardFault } from '../boards/board-rules.ts'
import { type BoardName, boards } from '../boards/boards.ts'
import { outsideSubset, replacedGlobals } from './espruino-subset.ts'
import { cutNacl } from './nacl-cut.ts'
import { type Script, sink } from './sink.ts'
import { walk } from './syntax-tree.ts'

export interface BundleOptions {
  /** JavaScript of a function that gives milliseconds of UTC since 1970; the board's own clock unless given. */
  clock?: string
}

export interface Bundle {
  code: string
  bytes: number
  /** Where the bytes come from: a file of ours, or the cut of tweetnacl. The largest first. */
  parts: { name: string; bytes: number }[]
}

// Names that Espruino gives and takes in objects, and those of the language: all others are ours, and shortened.
const espruinoNames = [
  ...['setup', 'tx', 'rx', 'path', 'repeat', 'edge', 'debounce', 'setConsole', 'force'],
  ...['read', 'write', 'on', 'erasePage', 'getPage', 'addr', 'log', 'enableWatchdog', 'kickWatchdog', 'reboot'],
  ...['send', 'data', 'count', 'sck', 'miso', 'mosi', 'baud'],
]
const languageNames = [Object, Array, String, Number, Boolean, Function, Math, Date, Error, Uint8Array, ArrayBuffer]
  .flatMap((owner) => [owner, (owner as { prototype?: object }).prototype, Object.getPrototypeOf(owner)])
  .concat(Object.getPrototypeOf(Uint8Array.prototype))
  .flatMap((owner) => (owner ? Object.getOwnPropertyNames(owner) : []))

/** The folder of package.json. This file runs as dist/hardware/build/bundle.js, but boards get what the sources say. */
const root = dirname(dirname(dirname(import.meta.dirname)))
const naclName = 'tweetnacl (cut)'

const naclPlugin: Plugin = {
  name: 'nacl-cut',
  setup(builder) {
    builder.onResolve({ filter: /^tweetnacl$/ }, () => ({ path: naclName, namespace: 'cut' }))
    builder.onLoad({ filter: /.*/, namespace: 'cut' }, () => ({ contents: cutNacl(), loader: 'js' }))
  },
}

/** Functions that are at work seldom, inner ones first. */
const coldFunctions = [
  ...['box', 'selfTest', 'blockOfDay', 'snapshot', 'takeAsk', 'readDailyReads', 'readProfile', 'inventory'],
  ...[
    'addEvent',
    'appendRecord',
    'commitEnergy',
    'takeBilling',
    'beginHalfHour',
    'enterDay',
    'passMidnight',
    'switchTariff',
  ],
  ...['passTime', 'noteOutage', 'startMetering', 'writeConfiguration', 'changeClock', 'settle', 'act'],
  ...['hear', 'reply', 'sendNext', 'answerWornOut', 'openWork'],
]

/** What is used so often that a short name for it pays. */
const aliases = ['Uint8Array', 'Uint16Array', 'Math.floor', 'Math.min', 'Math.max', 'Math.abs'].map((of) => ({
  of,
  name: `alias_${of.replace('.', '_')}`,
}))

/** A value as code, its keys without quotes: a quoted name is never shortened. */
function literal(value: object): string {
  return JSON.stringify(value).replace(/"(\w+)":/g, '$1:')
}

/** Code that opens the meter's flash on a board, and the import that it needs. */
function flashOpener(name: BoardName): { imported: string; code: string } {
  const { flash } = boards[name]
  const { ratedErases, wordPrograms, ...place } = flash
  const open = 'spi' in flash ? 'spiFlash' : 'chipFlash'
  const spi = 'spi' in flash ? `, ${flash.spi}` : ''
  return {
    imported: `import { ${open} } from '../boards/${'spi' in flash ? 'spi-flash' : 'espruino-flash'}.ts'`,
    code: `${open}(${literal({ ...place, spi: undefined, storageFile: undefined })}${spi})`,
  }
}

/** The program of a board: the meter. */
function meterEntry(name: BoardName, clock: string): string {
  // Of the row, what runs on the board.
  const { console, line, pulses, powerFail, deepSleep, watchdogSeconds } = boards[name]
  const run = { console, pulses, powerFail, deepSleep, watchdogSeconds }
  const { device, baud, options } = line
  const { imported, code } = flashOpener(name)
  return [
    "import { startBoard } from '../boards/espruino.ts'",
    imported,
    `startBoard(${literal({ ...run, line: { baud, options } })}, ${device}, () => ${code}, ${clock})`,
  ].join('\n')
}

/** One script of all modules, in the order in which they need each other; its source map as text. */
async function joinModules(name: BoardName, entry: string, cold: string[]): Promise<Script> {
  const result = await build({
    absWorkingDir: root,
    stdin: {
      contents: entry,
      resolveDir: join(root, 'hardware', 'build'),
      sourcefile: `entry of ${name}`,
      loader: 'ts',
    },
    bundle: true,
    write: false,
    // No wrapper: the script is a module of Espruino's, whose top level is its own.
    format: 'cjs',
    platform: 'neutral',
    external: ['Flash'],
    // Nothing is lowered: what Espruino lacks is refused below, where it stands.
    target: 'esnext',
    define: { ...replacedGlobals, ...Object.fromEntries(aliases.map(({ name, of }) => [of, name])) },
    banner: { js: `let ${aliases.map(({ name, of }) => `${name} = ${of}`).join(', ')};` },
    sourcemap: 'external',
    outfile: join(root, 'build', 'out.js'),
    plugins: [naclPlugin],
    logLevel: 'silent',
  })
  const text = (ending: string) => result.outputFiles.find(({ path }) => path.endsWith(ending))!.text
  return sink({ code: withLet(text('.js')), map: text('.map') }, cold)
}

/** Declarations are all `let`: esbuild makes those of the top level `var`, and `const` is longer. Each is in its place. */
function withLet(code: string): string {
  let text = code
  const kinds: { at: number; length: number }[] = []
  walk(parse(code, { ecmaVersion: 2022 }), (node) => {
    if (node.type === 'VariableDeclaration') kinds.push({ at: node.start, length: node.kind.length })
  })
  // From the end on, so that places before stay what they are.
  for (const { at, length } of kinds.sort((a, b) => b.at - a.at))
    text = `${text.slice(0, at)}let${text.slice(at + length)}`
  return text
}

/** Shortens names and code by what Espruino was seen to run; `test/espruino.test.ts` runs the outcome. */
async function shorten({ code, map }: Script): Promise<Script> {
  // A name that is also the text of a string may be a key (the fields of a message are).
  const texts: string[] = []
  walk(parse(code, { ecmaVersion: 2022 }), (node) => {
    if (node.type === 'Literal' && typeof node.value === 'string') texts.push(node.value)
  })
  const result = await minify(code, {
    ecma: 2015,
    toplevel: true,
    compress: {
      passes: 4,
      // Only plain expressions: inlining a function with variables brings back `var`.
      inline: 1,
      keep_infinity: true,
      // `this` in none of those it is applied to, and no getter of ours has an effect.
      unsafe_arrows: true,
      unsafe_methods: true,
      pure_getters: true,
    },
    mangle: { properties: { builtins: true, reserved: [...texts, ...espruinoNames, ...languageNames] } },
    format: { semicolons: true, ascii_only: true },
    sourceMap: { content: map, asObject: true },
  })
  return { code: result.code!, map: JSON.stringify(result.map) }
}

/** Where a place in generated code comes from: `file:line`. */
function origin(map: SourceMap, line: number, column: number): { name: string; line: number } {
  const entry = map.findEntry(line - 1, column)
  if (!('originalSource' in entry) || entry.originalSource === undefined)
    return { name: 'hardware/build/bundle.ts', line: 1 }
  const source = entry.originalSource
  if (source.endsWith(naclName)) return { name: naclName, line: entry.originalLine + 1 }
  return { name: relative(root, join(root, 'build', source)), line: entry.originalLine + 1 }
}

/** @throws Error naming file and line of everything that Espruino would not run as Node does */
function demandSubset(code: string, mapText: string): void {
  const map = new SourceMap(JSON.parse(mapText))
  const faults = outsideSubset(code, true).map(({ what, line, column }) => {
    const at = origin(map, line, column)
    return `${at.name}:${at.line}: ${what}`
  })
  if (faults.length > 0)
    throw new Error(`Espruino would not run this as Node does:\n  ${[...new Set(faults)].join('\n  ')}`)
}

function partsOf(code: string, mapText: string): Bundle['parts'] {
  const map = new SourceMap(JSON.parse(mapText))
  const sizes = new Map<string, number>()
  code.split('\n').forEach((text, line) => {
    for (let column = 0; column < text.length; column++) {
      const { name } = origin(map, line + 1, column)
      sizes.set(name, (sizes.get(name) ?? 0) + 1)
    }
  })
  return [...sizes].map(([name, bytes]) => ({ name, bytes })).sort((a, b) => b.bytes - a.bytes)
}

async function bundle(name: BoardName, entry: string, cold: string[]): Promise<Bundle> {
  const fault = boardFault(boards[name])
  if (fault !== undefined) throw new Error(`board ${name}: ${fault}`)
  const joined = await joinModules(name, entry, cold)
  demandSubset(joined.code, joined.map)
  const short = await shorten(joined)
  demandSubset(short.code, short.map)
  return { code: short.code, bytes: Buffer.byteLength(short.code), parts: partsOf(short.code, short.map) }
}

/**
 * The meter for a board as one script.
 * @throws Error for a row that cannot work, and for code outside the subset, naming file and line
 */
export function bundleFirmware(name: BoardName, options: BundleOptions = {}): Promise<Bundle> {
  return bundle(name, meterEntry(name, options.clock ?? '() => Date.now()'), coldFunctions)
}

/**
 * The meter's flash of a board for its prompt, as one script: the same driver that the meter has. It defines
 * `readFlash(address, count)`, `programFlash(address, bytes)` and `eraseFlash(page)`.
 * @throws Error as `bundleFirmware`
 */
export function bundleFlashDriver(name: BoardName): Promise<Bundle> {
  const { imported, code } = flashOpener(name)
  const entry = [
    imported,
    `const flash = ${code}`,
    "globalThis['readFlash'] = (address, count) => flash.read(address, count)",
    "globalThis['programFlash'] = (address, bytes) => flash.program(address, bytes)",
    "globalThis['eraseFlash'] = (page) => flash.erase(page)",
  ]
  return bundle(name, entry.join('\n'), [])
}
