// Rules of the code base that a program can check.

import { readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { outsideSubset, subsetRules } from '../hardware/build/espruino-subset.ts'
import { libraryCases } from './support/espruino/library-cases.ts'
import { subsetCases } from './support/espruino/subset-cases.ts'
import { espruinoFaults, worldlyFaults } from './support/espruino/typescript-subset.ts'
import { asFolders, type Folder, filesIn, folders, type Import, importCycle, sourceFiles } from './support/imports.ts'
import { root } from './support/repository.ts'
import { largeParameters, longFunctions } from './support/tidy/exceptions.ts'
import { functionsOf, parameterObjects } from './support/tidy/functions.ts'
import { replacedWords } from './support/tidy/replaced-words.ts'

const files = sourceFiles()
const cases = [...subsetCases, ...libraryCases]

/** Lines of a file at most. */
const linesMax = 300

const mayImport: { [folder in Folder]: readonly Folder[] } = {
  protocol: [],
  firmware: ['protocol'],
  hardware: ['protocol', 'firmware'],
  host: ['protocol'],
  emulation: ['protocol', 'firmware', 'hardware', 'host'],
  test: ['protocol', 'firmware', 'hardware', 'host', 'emulation'],
}

/** The rooms of host/ from the ground floor up. A room imports only rooms that stand before it. */
const rooms = [
  ...['catalogue', 'state', 'store'],
  ...['pki', 'duis', 'dco'],
  ...['access', 'wan', 'trace', 'cache'],
  ...['delivery', 'audit', 'metrics', 'feed', 'requests', 'services', 'schedule'],
  ...['config', 'bridge'],
  ...['http', 'runtime'],
  ...['collector', 'cli', 'client', 'doctor', 'provision'],
]

function roomOf(path: string): string {
  return path.split('/')[1] ?? ''
}

/** The only import across the halves: the command that dispatches to both. */
function isDispatch(path: string, { target, dynamic }: Import): boolean {
  return path === 'host/cli/commands.ts' && dynamic && /^(hardware|emulation)\/cli$/.test(dirname(target))
}

function assertNone(faults: string[]): void {
  assert.is(faults.length, 0, faults.join('\n'))
}

/** Lines of a function and members of a parameter object, at most. */
const functionLinesMax = 70
const membersMax = 10

/** What is larger than its limit, or than its exception; and exceptions that are needed no more. */
function largerThan(found: Map<string, number>, max: number, exceptions: Readonly<Record<string, number>>): string[] {
  const large = [...found].filter(([name, size]) => size > (exceptions[name] ?? max))
  const needless = Object.keys(exceptions).filter((name) => (found.get(name) ?? 0) <= max)
  return [
    ...large.map(([name, size]) => `${name}: ${size}, at most ${exceptions[name] ?? max}`),
    ...needless.map((name) => `${name} is no exception any more: take it off the list`),
  ]
}

test(`no function has more than ${functionLinesMax} lines, but for a list that may only shrink`, () => {
  const found = new Map<string, number>()
  for (const { path, text } of files.filter((file) => file.path.endsWith('.ts'))) {
    for (const { name, lines } of functionsOf(text)) {
      found.set(`${path} ${name}`, Math.max(lines, found.get(`${path} ${name}`) ?? 0))
    }
  }
  assertNone(largerThan(found, functionLinesMax, longFunctions))
})

test(`no parameter object has more than ${membersMax} members, but for a list that may only shrink`, () => {
  const found = new Map<string, number>()
  for (const { path, text } of files) {
    for (const { name, members } of parameterObjects(text)) found.set(`${path} ${name}`, members)
  }
  assertNone(largerThan(found, membersMax, largeParameters))
})

test('lengths of functions and sizes of parameter objects are counted in the text with its types', () => {
  const text =
    'interface AParts {\n  a: number\n  b?(c: number): void\n}\n\nexport const f = (p: AParts) => {\n  return p\n}\n'
  assert.equal(functionsOf(text), [{ name: 'f', lines: 3 }])
  assert.equal(parameterObjects(text), [{ name: 'AParts', members: 2 }])
})

test('folders import only what they may', () => {
  const faults: string[] = []
  for (const { path, folder, imports } of files) {
    for (const one of imports) {
      const { target, ours } = one
      const to = target.split('/')[0] as Folder
      const allowed = to === folder || mayImport[folder].includes(to) || isDispatch(path, one)
      // The launcher of a clone starts what it has compiled.
      const isLauncher = path === 'host/cli/smets1.js' && target === 'dist/host/cli/main.js'
      if (ours && !allowed && !isLauncher) faults.push(`${path} imports ${target}`)
      // A file of ours is named with its ending, so that Node finds it.
      if (ours && !/\.(ts|js|json)$/.test(target)) faults.push(`${path} imports ${target} without its ending`)
    }
  }
  assertNone(faults)
})

test('what the package contains does without hardware/build, which it leaves out', () => {
  const faults: string[] = []
  for (const { path, folder, imports } of files) {
    if (folder === 'test' || path.startsWith('hardware/build/')) continue
    for (const { target, dynamic, typeOnly } of imports) {
      // board-scripts.ts asks first whether it is there.
      if (target.startsWith('hardware/build/') && !dynamic && !typeOnly) faults.push(`${path} imports ${target}`)
    }
  }
  assertNone(faults)
})

test('protocol/ uses tweetnacl in seal.ts and nothing else; firmware/ uses nothing', () => {
  const faults: string[] = []
  for (const { path, folder, imports } of files) {
    if (folder !== 'protocol' && folder !== 'firmware') continue
    for (const { target, ours } of imports) {
      if (!ours && !(path === 'protocol/seal.ts' && target === 'tweetnacl')) faults.push(`${path} imports ${target}`)
    }
  }
  assertNone(faults)
})

test('packages that are imported are named in package.json; what is published needs no build tool', () => {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const faults: string[] = []
  for (const { path, folder, imports } of files) {
    const isBuild = path.startsWith('hardware/build/') || path === 'host/cli/compile.js'
    for (const { target, ours, typeOnly } of imports) {
      if (typeOnly || folder === 'test' || target.startsWith('node:')) continue
      const name = target.split('/', target.startsWith('@') ? 2 : 1).join('/')
      // The mock port is for tests of the serial path; the scripts of boards are built where the sources are.
      const isDevelopment = isBuild || name.endsWith('/binding-mock') || path === 'hardware/install/board-scripts.ts'
      const named = isDevelopment ? { ...dependencies, ...devDependencies } : dependencies
      if (ours ? !isDevelopment && target.startsWith('hardware/build/') : !Object.hasOwn(named, name))
        faults.push(`${path} imports ${target}${builtinModules.includes(name) ? ' without "node:"' : ''}`)
    }
  }
  assertNone(faults)
})

test('files do not import each other in a cycle, nor do folders', () => {
  assert.is(importCycle(files)?.join(' -> '), undefined)
  // The dispatch of commands is a table of dynamic imports, not a dependency of the room.
  const parts = files.map((file) => ({ ...file, imports: file.imports.filter((one) => !isDispatch(file.path, one)) }))
  assert.is(importCycle(asFolders(parts))?.join(' -> '), undefined)
})

test('rooms of host/ import only rooms below, in the order of the plan', () => {
  const place = new Map(rooms.map((room, i) => [room, i]))
  const faults: string[] = []
  for (const { path, folder, imports } of files) {
    if (folder !== 'host') continue
    const from = place.get(roomOf(path))
    if (from === undefined) faults.push(`${path} is in no room of host/`)
    for (const { target, ours } of imports) {
      const to = ours && target.startsWith('host/') ? place.get(roomOf(target)) : undefined
      if (from !== undefined && to !== undefined && to > from) faults.push(`${path} imports ${target}`)
    }
  }
  assertNone(faults)
})

test('no barrels, no utils, nothing unexpected at the top', () => {
  const faults: string[] = []
  for (const { path, text } of files) {
    if (basename(path).startsWith('index.')) faults.push(`${path} is a barrel`)
    if (/^export\s+(type\s+)?\*/m.test(text)) faults.push(`${path} exports all of another file`)
    if (path.split('/').some((part) => /^(utils?|helpers?|common|misc)(\.ts)?$/.test(part))) faults.push(path)
  }
  const ignored = readFileSync(join(root, '.gitignore'), 'utf8').split(/[\n/]+/)
  const expected = [
    ...['package.json', 'package-lock.json', 'tsconfig.json', 'biome.json', 'LICENSE', 'docs'],
    ...['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md'],
    ...[...folders, ...ignored],
  ]
  for (const name of readdirSync(root)) if (!name.startsWith('.') && !expected.includes(name)) faults.push(name)
  assertNone(faults)
})

/** Non-null assertions (`!`) in host/. This number may only become smaller. */
const nonNullMax = 34

/** Non-null assertions in TypeScript, apart from strings and comments. */
function countNonNull(text: string): number {
  const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*|'(?:[^'\\\n]|\\.)*'/g, '')
  return [...code.matchAll(/[\w\])]!(?![=\w(])/g)].length
}

test(`host/ has at most ${nonNullMax} non-null assertions`, () => {
  const found = files
    .filter(({ folder }) => folder === 'host')
    .map(({ path, text }) => ({ path, count: countNonNull(text) }))
  const total = found.reduce((sum, { count }) => sum + count, 0)
  const list = found.filter(({ count }) => count > 0).map(({ path, count }) => `${path} ${count}`)
  assert.ok(total <= nonNullMax, `${total}: ${list.join(', ')}`)
  assert.is(countNonNull("const a = b!.c[0]!\n// d!\nif (!e && f !== g) h('i!')"), 2)
})

test('identifiers in host/ have none of the words that the field’s terms have replaced', () => {
  const host = files.filter(({ folder }) => folder === 'host')
  assertNone(host.flatMap(({ path, text }) => replacedWords(text).map((name) => `${path}: ${name}`)))
  assert.equal(replacedWords("const openDoor = told // door\nconst outdoors = 'rubbish'"), ['openDoor', 'told'])
})

test(`no file has more than ${linesMax} lines`, () => {
  const long = files.map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }))
  assertNone(long.filter(({ lines }) => lines > linesMax).map(({ path, lines }) => `${path} has ${lines} lines`))
})

test('no words that say a thing is not done, no test left out or alone', () => {
  // Written apart, so that this file does not find itself.
  const words = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX', 'HA' + 'CK'].join('|')})\\b`)
  const alone = new RegExp(`\\b(test|suite)\\.(${['on' + 'ly', 'sk' + 'ip'].join('|')})\\b`)
  const paths = [...folders.flatMap(filesIn), ...readdirSync(root).filter((name) => /\.(md|json|ts)$/.test(name))]
  const faults: string[] = []
  for (const path of paths.filter((one) => /\.(ts|js|md|json|xml|csv|sh|txt|html|css)$/.test(one))) {
    if (path === 'package-lock.json') continue
    readFileSync(join(root, path), 'utf8')
      .split('\n')
      .forEach((line, i) => {
        if (words.test(line) || (path.startsWith('test/') && alone.test(line)))
          faults.push(`${path}:${i + 1}: ${line.trim()}`)
      })
  }
  assertNone(faults)
})

test('clock, timers, randomness, process and console come in at entry points only', () => {
  const faults: string[] = []
  for (const { path, folder, text, imports } of files) {
    const isEntry = /^host\/(cli|runtime|http|pki)\//.test(path) || /^(hardware|emulation|test)$/.test(folder)
    if (isEntry || !path.endsWith('.ts')) continue
    for (const { line, what } of worldlyFaults(text)) {
      // Buffer is Node's own array, which only protocol/ and firmware/ must do without.
      if (what !== 'Buffer' || folder !== 'host') faults.push(`${path}:${line}: ${what}`)
    }
    for (const { target, names } of imports) {
      const random = names.find((name) => /^(random|getRandom|webcrypto)/.test(name))
      if (target === 'node:crypto' && random !== undefined) faults.push(`${path} imports ${random}`)
      if (/^node:(timers|process|perf_hooks)/.test(target)) faults.push(`${path} imports ${target}`)
    }
  }
  assertNone(faults)
})

test('what runs on a board keeps to the language that Espruino has', () => {
  const faults: string[] = []
  for (const { path, folder, text } of files) {
    if (folder !== 'protocol' && folder !== 'firmware' && path !== 'hardware/boards/espruino.ts') continue
    for (const { line, what } of espruinoFaults(text)) faults.push(`${path}:${line}: ${what}`)
  }
  assertNone(faults)
})

for (const { rule, what, bad, good } of cases) {
  test(`the subset refuses ${what} (${rule}) and takes what does its work`, () => {
    const found = outsideSubset(`let result; ${bad}`, true)
    assert.ok(
      found.some((one) => one.rule === rule && one.what === what),
      JSON.stringify(found),
    )
    assert.equal(outsideSubset(`let result; ${good}`, true), [])
    for (const code of [bad, good]) assert.is(new Function(`let result; ${code}; return result`)(), true, code)
  })
}

test('each rule of the subset has a case', () => {
  assert.equal([...new Set(cases.map(({ rule }) => rule))].sort(), [...subsetRules].sort())
})

test('the rules see through types, and name the line', () => {
  const source = 'type A = { a: number }\n\nexport function f(a: A | undefined): number {\n  return a?.a ?? 2 ** 3\n}\n'
  assert.equal(espruinoFaults(source), [
    { line: 4, what: '?.' },
    { line: 4, what: '**' },
  ])
  const clock =
    'export const now: () => number = () => Date.now()\nexport const f = (Date: { now(): 1 }, d = new Date(5)) => d\n'
  assert.equal(worldlyFaults(clock), [{ line: 1, what: 'Date.now' }])
  assert.equal(
    worldlyFaults('const process = 1\nexport const a = process + Math.random() + +new Date()').map(({ what }) => what),
    ['Math.random', 'new Date()'],
  )
})

test.run()
