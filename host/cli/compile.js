// Compiles our TypeScript to ESM JavaScript in dist/, in the same tree, with source maps. Run by node itself:
// `npm run build`, and before each npm script that needs compiled code. Types are checked by `npm run check` only.

import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(import.meta.dirname))
const folders = ['protocol', 'firmware', 'hardware', 'host', 'emulation', 'test']
const dist = join(root, 'dist')
/** What dist/ was compiled from: for each source its time and size. */
const manifestPath = join(dist, '.compiled.json')

/** Time and size of a file: a source is compiled again when they differ. */
function stamp(path) {
  const { mtimeMs, size } = statSync(path)
  return `${mtimeMs} ${size}`
}

/** All sources by their path from the root, and what decides how they are compiled. */
function sources() {
  const found = {}
  for (const path of ['package-lock.json', 'tsconfig.json', 'host/cli/compile.js'])
    found[path] = stamp(join(root, path))
  for (const folder of folders) {
    for (const entry of readdirSync(join(root, folder), { recursive: true })) {
      if (entry.endsWith('.ts')) found[join(folder, entry)] = stamp(join(root, folder, entry))
    }
  }
  return found
}

function readManifest() {
  try {
    return JSON.parse(readFileSync(manifestPath, 'utf8'))
  } catch {
    return {}
  }
}

/** Imports keep their form; only their ending changes. Nothing is bundled. */
const importEndings = {
  name: 'import-endings',
  setup(builder) {
    builder.onResolve({ filter: /.*/ }, ({ kind, path }) =>
      kind === 'entry-point' ? undefined : { path: path.replace(/^(\..*)\.ts$/, '$1.js'), external: true },
    )
  },
}

/** Writes a file in one step, because another process may read it, or compile as well. */
function replaceFile(path, contents) {
  mkdirSync(dirname(path), { recursive: true })
  const fresh = `${path}.${process.pid}`
  writeFileSync(fresh, contents)
  renameSync(fresh, path)
}

async function compileFiles(paths) {
  const esbuild = await import('esbuild').catch(() => {
    throw new Error('esbuild is not installed, which compiles the TypeScript of this folder: run npm ci')
  })
  const { outputFiles } = await esbuild.build({
    absWorkingDir: root,
    entryPoints: paths,
    outbase: '.',
    outdir: 'dist',
    bundle: true,
    treeShaking: false,
    write: false,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: true,
    // Sources are long, and next to dist/ in a clone; in a package the map still gives file and line.
    sourcesContent: false,
    plugins: [importEndings],
    logLevel: 'error',
  })
  await esbuild.stop()
  for (const { path, contents } of outputFiles) replaceFile(path, contents)
}

/** Removes what was compiled from sources that are gone. */
function removeOrphans(paths) {
  const wanted = new Set(paths.map((path) => path.slice(0, -'.ts'.length)))
  for (const folder of folders) {
    if (!existsSync(join(dist, folder))) continue
    for (const entry of readdirSync(join(dist, folder), { recursive: true })) {
      const source = /^(.*)\.js(\.map)?$/.exec(join(folder, entry))?.[1]
      if (source !== undefined && !wanted.has(source)) rmSync(join(dist, folder, entry), { force: true })
    }
  }
}

/** Brings dist/ up to date. @throws Error for a source that is not TypeScript */
export async function compile() {
  const now = sources()
  const before = readManifest()
  const all = [...new Set([...Object.keys(now), ...Object.keys(before)])]
  const stale = all.filter((path) => now[path] !== before[path])
  if (stale.length === 0) return
  // A compilation that fails or is stopped halfway must not look up to date.
  rmSync(manifestPath, { force: true })
  const isSource = (path) => path.endsWith('.ts')
  const paths = Object.keys(now).filter(isSource)
  const changed = stale.every(isSource) ? stale.filter((path) => now[path] !== undefined) : paths
  if (changed.length > 0) await compileFiles(changed)
  removeOrphans(paths)
  replaceFile(manifestPath, JSON.stringify(now))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await compile().catch((error) => {
    process.stderr.write(`${error.message}\n`)
    process.exitCode = 1
  })
}
