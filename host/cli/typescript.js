// Lets Node import our TypeScript as it is. Only `.ts` files are touched: translating the packages as well, as the
// usual loaders do, costs half a second at every start.

import { readFile } from 'node:fs/promises'
import { register } from 'node:module'
import { fileURLToPath } from 'node:url'
import { isMainThread } from 'node:worker_threads'

// Node runs this file twice: once to be told about it, and once in the thread where modules are loaded.
if (isMainThread) register(import.meta.url)

let transform

/** Node's hook for loading a module. */
export async function load(url, context, next) {
  if (!url.endsWith('.ts')) return next(url, context)
  transform ??= (await import('esbuild')).transform
  const source = await readFile(fileURLToPath(url), 'utf8')
  const options = { loader: 'ts', format: 'esm', target: 'node20', sourcemap: 'inline', sourcefile: fileURLToPath(url) }
  const { code } = await transform(source, options)
  return { format: 'module', source: code, shortCircuit: true }
}
