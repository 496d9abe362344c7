// The functions of a source file with their lengths, and the members of its parameter objects.

import type { AnyNode } from 'acorn'
import { parse } from 'acorn'
import { walk } from '../../../hardware/build/syntax-tree.ts'
import { strip } from '../espruino/typescript-subset.ts'

export interface FoundFunction {
  name: string
  lines: number
}

function nameOf(node: AnyNode, parents: Map<AnyNode, string>): string {
  if ('id' in node && node.id !== null && typeof node.id === 'object' && 'name' in node.id) return String(node.id.name)
  return parents.get(node) ?? 'function'
}

/** Names that functions get from what they are assigned to. */
function assignedNames(node: AnyNode, names: Map<AnyNode, string>): void {
  if (node.type === 'VariableDeclarator' && node.init && node.id.type === 'Identifier')
    names.set(node.init, node.id.name)
  if (node.type === 'Property' && node.key.type === 'Identifier') names.set(node.value, node.key.name)
  if (node.type === 'MethodDefinition' && node.key.type === 'Identifier') names.set(node.value, node.key.name)
}

/** Every function of a TypeScript text with its length in lines of that text. */
export function functionsOf(source: string): FoundFunction[] {
  const { code, lineOf } = strip(source)
  const program = parse(code, { ecmaVersion: 'latest', sourceType: 'module', locations: true })
  const names = new Map<AnyNode, string>()
  const found: AnyNode[] = []
  walk(program, (node) => {
    assignedNames(node, names)
    if (/^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(node.type)) found.push(node)
  })
  return found.flatMap((node) => {
    if (!node.loc) return []
    const { start, end } = node.loc
    const lines = lineOf(end.line, end.column - 1) - lineOf(start.line, start.column) + 1
    return { name: nameOf(node, names), lines }
  })
}

/** Members of the interfaces and types of a formatted text whose names end in Parts or Options. */
export function parameterObjects(source: string): { name: string; members: number }[] {
  const declared = /^(?:export )?(?:interface|type) (\w+(?:Parts|Options))\b[^{\n]*\{\n([\s\S]*?)\n\}/gm
  return [...source.matchAll(declared)].map(([, name = '', body = '']) => {
    const members = body.split('\n').filter((line) => /^ {2}(?:readonly )?['\w]+\??(?:<[^>]*>)?[(:]/.test(line))
    return { name, members: members.length }
  })
}
