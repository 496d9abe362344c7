// The source files and their imports, for the tidy test.

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { root } from './repository.ts'

export const folders = ['protocol', 'firmware', 'hardware', 'host', 'emulation', 'test'] as const
export type Folder = (typeof folders)[number]

export interface Import {
  /** What is imported: a file of this repository by its path from the root, or the name of a package. */
  target: string
  ours: boolean
  typeOnly: boolean
  dynamic: boolean
  /** The names between braces; empty for other forms. */
  names: string[]
}

export interface SourceFile {
  /** Path from the root. */
  path: string
  folder: Folder
  text: string
  imports: Import[]
}

/** Paths of all files in a folder, from the root. */
export function filesIn(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort()
}

const statement = /^(import|export)\b(\s+type\b)?([^'"`;=]*?)\bfrom\s*['"]([^'"]+)['"]/gm
const bare = /^import\s*['"]([^'"]+)['"]/gm
const dynamicImport = /\bimport\(\s*['"]([^'"]+)['"]\s*\)/g

/** Every import of a text: static, for effect, dynamic, and what it exports from elsewhere. */
export function importsOf(path: string, text: string): Import[] {
  const found: Import[] = []

  function add(name: string, typeOnly: boolean, names: string[], dynamic = false): void {
    const ours = name.startsWith('.')
    const target = ours ? relative(root, join(root, dirname(path), name)) : name
    found.push({ target, ours, typeOnly, dynamic, names })
  }

  for (const [, , type, middle, name] of text.matchAll(statement)) {
    const names = /\{([^}]*)\}/.exec(middle!)?.[1]?.split(',') ?? []
    const own = names.map((one) => one.trim()).filter((one) => one !== '')
    const onlyTypes = own.length > 0 && own.every((one) => one.startsWith('type ')) && !/^[^{]*\w\s*,/.test(middle!)
    add(name!, type !== undefined || onlyTypes, own)
  }
  for (const [, name] of text.matchAll(bare)) add(name!, false, [])
  for (const [, name] of text.matchAll(dynamicImport)) add(name!, false, [], true)
  return found
}

/** Every TypeScript and JavaScript file of this repository. */
export function sourceFiles(): SourceFile[] {
  return folders.flatMap((folder) =>
    filesIn(folder)
      .filter((path) => /\.[cm]?[jt]s$/.test(path))
      .map((path) => {
        const text = readFileSync(join(root, path), 'utf8')
        return { path, folder, text, imports: importsOf(path, text) }
      }),
  )
}

/** A cycle among the imports of files, as the paths along it; `undefined` when there is none. */
export function importCycle(files: { path: string; imports: Import[] }[]): string[] | undefined {
  const byPath = new Map(files.map((file) => [file.path, file]))
  const done = new Set<string>()
  const way: string[] = []

  function visit(path: string): string[] | undefined {
    if (way.includes(path)) return [...way.slice(way.indexOf(path)), path]
    if (done.has(path)) return undefined
    way.push(path)
    for (const { target, ours } of byPath.get(path)?.imports ?? []) {
      const cycle = ours ? visit(target) : undefined
      if (cycle !== undefined) return cycle
    }
    way.pop()
    done.add(path)
    return undefined
  }

  for (const { path } of files) {
    const cycle = visit(path)
    if (cycle !== undefined) return cycle
  }
  return undefined
}

/** The same imports between folders: one entry for each folder, without imports inside it. */
export function asFolders(
  files: readonly { path: string; imports: Import[] }[],
): { path: string; imports: Import[] }[] {
  const folders = new Map<string, Map<string, Import>>()
  for (const { path, imports } of files) {
    const from = dirname(path)
    const found = folders.get(from) ?? new Map<string, Import>()
    folders.set(from, found)
    for (const one of imports) {
      const to = dirname(one.target)
      if (one.ours && to !== from) found.set(to, { ...one, target: to })
    }
  }
  return [...folders].map(([path, imports]) => ({ path, imports: [...imports.values()] }))
}
