// Walking a syntax tree of acorn, and finding out which declaration each name means.

import type { AnyNode, Function as FunctionNode, Identifier, Pattern } from 'acorn'

function isNode(value: unknown): value is AnyNode {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string'
}

/** The nodes directly inside a node, in the order of the text. */
export function childrenOf(node: AnyNode): AnyNode[] {
  const children: AnyNode[] = []
  for (const value of Object.values(node)) {
    if (Array.isArray(value)) children.push(...value.filter(isNode))
    else if (isNode(value)) children.push(value)
  }
  // A shorthand property has the same node as its key and as its value.
  return [...new Set(children)].sort((a, b) => a.start - b.start)
}

/** Calls with a node and every node inside it, in the order of the text. */
export function walk(node: AnyNode, visit: (node: AnyNode) => void): void {
  visit(node)
  for (const child of childrenOf(node)) walk(child, visit)
}

export function isFunction(node: AnyNode): node is FunctionNode & AnyNode {
  return (
    node.type === 'FunctionDeclaration' || node.type === 'FunctionExpression' || node.type === 'ArrowFunctionExpression'
  )
}

export interface Binding {
  name: string
  /** The declaration: a function, or the name where it is declared. */
  node: AnyNode
  /** The node whose scope holds it: a block, a loop, a function, the program. */
  scope: AnyNode
  /** The innermost function around that scope; `undefined` at the level of the program. */
  level: AnyNode | undefined
}

export interface Reference {
  node: Identifier
  /** `undefined` for a global. */
  binding: Binding | undefined
  /** The functions around it, outermost first. */
  within: AnyNode[]
}

/** The names that a pattern declares. */
function patternNames(pattern: Pattern): Identifier[] {
  if (pattern.type === 'Identifier') return [pattern]
  if (pattern.type === 'AssignmentPattern') return patternNames(pattern.left)
  if (pattern.type === 'RestElement') return patternNames(pattern.argument)
  if (pattern.type === 'ArrayPattern') return pattern.elements.flatMap((item) => (item ? patternNames(item) : []))
  if (pattern.type === 'ObjectPattern') {
    return pattern.properties.flatMap((item) => patternNames(item.type === 'Property' ? item.value : item.argument))
  }
  return []
}

/** What a statement declares in the block around it. */
function declarationsIn(statement: AnyNode): { name: string; node: AnyNode }[] {
  if (statement.type === 'VariableDeclaration') {
    return statement.declarations.flatMap(({ id }) => patternNames(id).map((node) => ({ name: node.name, node })))
  }
  if ((statement.type === 'FunctionDeclaration' || statement.type === 'ClassDeclaration') && statement.id) {
    return [{ name: statement.id.name, node: statement }]
  }
  if (statement.type === 'ImportDeclaration') {
    return statement.specifiers.map(({ local }) => ({ name: local.name, node: local }))
  }
  if (statement.type === 'ExportNamedDeclaration' && statement.declaration) return declarationsIn(statement.declaration)
  return []
}

/** What the scope that a node opens declares; `undefined` for a node that opens none. `var` counts as `let` does. */
function scopeOf(node: AnyNode): { name: string; node: AnyNode }[] | undefined {
  if (node.type === 'Program' || node.type === 'BlockStatement') return node.body.flatMap(declarationsIn)
  if (node.type === 'SwitchStatement') return node.cases.flatMap((one) => one.consequent.flatMap(declarationsIn))
  if (node.type === 'ForStatement') return node.init ? declarationsIn(node.init) : []
  if (node.type === 'ForOfStatement' || node.type === 'ForInStatement') return declarationsIn(node.left)
  if (node.type === 'CatchClause') {
    return node.param ? patternNames(node.param).map((name) => ({ name: name.name, node: name })) : []
  }
  if (isFunction(node)) {
    const names = node.params.flatMap(patternNames).map((name): { name: string; node: AnyNode } => ({
      name: name.name,
      node: name,
    }))
    if (node.type === 'FunctionExpression' && node.id) names.push({ name: node.id.name, node: node })
    return names
  }
  return undefined
}

/** The children of a node that are not just names of members, keys or labels. */
function meaningfulChildren(node: AnyNode): AnyNode[] {
  if (node.type === 'MemberExpression' && !node.computed) return [node.object]
  if (node.type === 'Property' || node.type === 'MethodDefinition' || node.type === 'PropertyDefinition') {
    return [...(node.computed ? [node.key] : []), ...(node.value ? [node.value] : [])]
  }
  if (node.type === 'LabeledStatement') return [node.body]
  if (node.type === 'BreakStatement' || node.type === 'ContinueStatement' || node.type === 'ImportDeclaration')
    return []
  // Names that are exported from another module are none of this one.
  if (node.type === 'ExportNamedDeclaration' && node.source) return []
  if (node.type === 'ExportSpecifier') return [node.local]
  return childrenOf(node)
}

/** Every use of a name in a program. A name where it is declared counts as a use of itself. */
export function referencesIn(program: AnyNode): Reference[] {
  const references: Reference[] = []

  function visit(node: AnyNode, scopes: Map<string, Binding>[], within: AnyNode[]): void {
    if (node.type === 'Identifier') {
      let binding: Binding | undefined
      for (let i = scopes.length - 1; i >= 0 && binding === undefined; i--) binding = scopes[i]!.get(node.name)
      references.push({ node, binding, within })
      return
    }
    const around = isFunction(node) ? [...within, node] : within
    const level = around.at(-1)
    const declared = scopeOf(node)?.map((one): [string, Binding] => [one.name, { ...one, scope: node, level }])
    const inner = declared === undefined ? scopes : [...scopes, new Map(declared)]
    for (const child of meaningfulChildren(node)) {
      // The name of a function declaration belongs outside its own scope; it is no use of anything.
      if (isFunction(node) && child === node.id) continue
      visit(child, inner, around)
    }
  }

  visit(program, [], [])
  return references
}
