// Rules over syntax, applied to TypeScript: the types are stripped file by file, findings are carried back to their line.

import { SourceMap } from 'node:module'
import { type AnyNode, type Program, parse } from 'acorn'
import { transformSync } from 'esbuild'
import { outsideSubset } from '../../../hardware/build/espruino-subset.ts'
import { referencesIn, walk } from '../../../hardware/build/syntax-tree.ts'

export interface Fault {
  line: number
  what: string
}

interface Stripped {
  code: string
  /** Line in the TypeScript of a place in the JavaScript. */
  lineOf(line: number, column: number): number
}

export function strip(source: string): Stripped {
  const { code, map } = transformSync(source, { loader: 'ts', target: 'esnext', sourcemap: 'external' })
  const lines = new SourceMap(JSON.parse(map))
  return {
    code,
    lineOf(line, column) {
      const entry = lines.findEntry(line - 1, column)
      return 'originalLine' in entry ? entry.originalLine + 1 : 0
    },
  }
}

/** What in a TypeScript module Espruino does not have. */
export function espruinoFaults(source: string): Fault[] {
  const { code, lineOf } = strip(source)
  return outsideSubset(code).map(({ what, line, column }) => ({ line: lineOf(line, column), what }))
}

// Time and timers, randomness, the process and the console.
const worldlyGlobals = [
  ...['process', 'console', 'Buffer', 'performance', 'crypto'],
  ...['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'],
]

function worldlyMember(node: AnyNode): string | undefined {
  if (node.type === 'NewExpression' && node.arguments.length === 0) {
    return node.callee.type === 'Identifier' && node.callee.name === 'Date' ? 'new Date()' : undefined
  }
  if (node.type !== 'MemberExpression' || node.object.type !== 'Identifier') return undefined
  const name = `${node.object.name}.${node.property.type === 'Identifier' ? node.property.name : ''}`
  return name === 'Date.now' || name === 'Math.random' ? name : undefined
}

/** Where a TypeScript module uses the environment directly: clock, timers, randomness, process, console, Buffer. */
export function worldlyFaults(source: string): Fault[] {
  const { code, lineOf } = strip(source)
  const program: Program = parse(code, { ecmaVersion: 'latest', sourceType: 'module', locations: true })
  const faults: Fault[] = []
  const add = (node: AnyNode, what: string) =>
    faults.push({ line: lineOf(node.loc!.start.line, node.loc!.start.column), what })
  walk(program, (node) => {
    const what = worldlyMember(node)
    if (what !== undefined) add(node, what)
  })
  for (const { node, binding } of referencesIn(program)) {
    if (binding === undefined && worldlyGlobals.includes(node.name)) add(node, node.name)
  }
  return faults
}
