// Writes the declarations (.d.ts) of the package's entry points to dist/, and of what they refer to. Run by `npm run prepack`.

import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const root = dirname(dirname(import.meta.dirname))
const dist = join(root, 'dist')
const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const entries = Object.values(exports).flatMap(({ types }) => (types === undefined ? [] : [join(root, types)]))

function declarations() {
  return readdirSync(dist, { recursive: true })
    .filter((path) => path.endsWith('.d.ts'))
    .map((path) => join(dist, path))
}

// Those of an earlier build may be of sources that are gone.
for (const path of declarations()) rmSync(path)
execFileSync('tsc', ['-p', join(import.meta.dirname, 'declarations.tsconfig.json')], {
  stdio: 'inherit',
  env: { ...process.env, PATH: `${join(root, 'node_modules/.bin')}:${process.env.PATH}` },
})

/** TypeScript leaves the endings of imports as they are in the sources. */
const ending = /((?:from |import\()['"]\.{1,2}\/[^'"]*)\.ts(['"])/g
const wanted = new Set()
const open = [...entries]
for (let path = open.pop(); path !== undefined; path = open.pop()) {
  if (wanted.has(path)) continue
  wanted.add(path)
  const text = readFileSync(path, 'utf8')
  for (const [, from] of text.matchAll(ending)) open.push(join(dirname(path), `${from.replace(/^.*['"]/, '')}.d.ts`))
  writeFileSync(path, text.replace(ending, '$1.js$2'))
}
for (const path of declarations()) if (!wanted.has(path)) rmSync(path)
