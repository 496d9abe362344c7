// The JavaScript that Espruino does not have, or has with a fault, as rules over a syntax tree. Each was measured on
// Espruino 2v29; test/support/subset-cases.ts holds a snippet for each that fails there, and one that does not.

import { type AnyNode, parse } from 'acorn'
import { releasedGlobals, releasedMembers, releasedStatics } from '../boards/espruino-release.ts'
import { definedTooLate } from './definition-order.ts'
import { isFunction, type Reference, referencesIn, walk } from './syntax-tree.ts'

export interface SubsetFinding {
  rule: string
  /** What stands there. */
  what: string
  /** Position: line from 1, column from 0. */
  line: number
  column: number
}

/** Names that a module has without declaring them. */
const scopeNames = ['module', 'exports']

/** Globals that Espruino lacks and the bundle replaces: the code may use them, what goes to a board may not. */
export const replacedGlobals: { [name: string]: string } = { RangeError: 'Error' }

/** Members of constructors and namespaces that Espruino has with a fault: off in the last bits. */
const faultyStatics: { [owner: string]: string[] } = { Math: ['pow', 'sqrt'] }

/**
 * Methods that Espruino has with a fault, or on some classes only. `slice` of a typed array gives a plain Array (`copyOf` of
 * protocol/bytes.ts and `subarray` do what is meant), `sort` is unstable, arrays have no `lastIndexOf`.
 */
const faultyMethods = ['slice', 'sort', 'lastIndexOf']

/** Methods of the language, as Node has them. */
const languageMethods = new Set(
  [Array, String, Number, Boolean, Date, Promise, RegExp, Uint8Array, Object.getPrototypeOf(Uint8Array), ArrayBuffer]
    .flatMap((owner) => [...Object.getOwnPropertyNames(owner.prototype), ...Object.getOwnPropertyNames(owner)])
    .concat(Object.getOwnPropertyNames(Object.prototype)),
)

/** True for a method of the language that the releases lack, or have with a fault. */
function isAbsentMethod(name: string): boolean {
  if (faultyMethods.includes(name)) return true
  return languageMethods.has(name) && !releasedMembers.includes(name)
}

type Rule = (node: AnyNode) => string | undefined

const keywords: Rule = (node) => {
  if (node.type === 'VariableDeclaration' && node.kind === 'var') return 'var'
  if (node.type === 'AwaitExpression') return 'await'
  if (node.type === 'YieldExpression') return 'yield'
  if (isFunction(node) && node.async) return 'async function'
  if (isFunction(node) && node.generator) return 'generator'
  return undefined
}

const parameters: Rule = (node) => {
  if (node.type === 'AssignmentPattern') return 'default value'
  if (node.type === 'RestElement') return 'rest element'
  if (node.type === 'SpreadElement') return 'spread'
  return node.type === 'ObjectPattern' || node.type === 'ArrayPattern' ? 'destructuring' : undefined
}

const operators: Rule = (node) => {
  if (node.type === 'ChainExpression') return '?.'
  if (node.type === 'BinaryExpression' && node.operator === '**') return '**'
  if (node.type === 'AssignmentExpression' && ['**=', '??=', '||=', '&&='].includes(node.operator)) return node.operator
  return undefined
}

const classes: Rule = (node) => {
  if (node.type === 'PrivateIdentifier') return '#' + node.name
  if (node.type !== 'ClassDeclaration' && node.type !== 'ClassExpression') return undefined
  const parent = node.superClass
  return parent?.type === 'Identifier' && parent.name.endsWith('Error') ? 'extends ' + parent.name : undefined
}

const literals: Rule = (node) => {
  if (node.type === 'TaggedTemplateExpression') return 'tagged template'
  if (node.type === 'Property' && node.computed) return 'computed key'
  if (node.type !== 'Literal') return undefined
  if (node.bigint) return 'BigInt literal'
  return node.regex && /\(\?[=!<]/.test(node.regex.pattern)
    ? 'lookahead or named group in a regular expression'
    : undefined
}

const control: Rule = (node) => {
  if (node.type === 'LabeledStatement') return 'label'
  if (node.type !== 'SwitchStatement') return undefined
  const fallback = node.cases.findIndex((one) => !one.test)
  return fallback >= 0 && fallback < node.cases.length - 1 ? 'case after default' : undefined
}

const members: Rule = (node) => {
  if (node.type === 'AssignmentExpression' && node.left.type === 'MemberExpression') {
    const { property, computed } = node.left
    if (!computed && property.type === 'Identifier' && property.name === 'length') return 'assignment to length'
  }
  if (node.type === 'MemberExpression' && !node.computed && node.property.type === 'Identifier') {
    const owner = node.object.type === 'Identifier' ? node.object.name : ''
    const { name } = node.property
    const isReleased =
      !Object.hasOwn(releasedStatics, owner) || [...releasedStatics[owner]!, 'prototype'].includes(name)
    if (!isReleased || faultyStatics[owner]?.includes(name)) return `${owner}.${name}`
  }
  if (node.type !== 'CallExpression' || node.callee.type !== 'MemberExpression' || node.callee.computed)
    return undefined
  const { object, property } = node.callee
  if (property.type !== 'Identifier' || !isAbsentMethod(property.name)) return undefined
  const owner = object.type === 'Identifier' ? object.name : ''
  // An owner that is listed is judged above, member by member.
  return Object.hasOwn(releasedStatics, owner) ? undefined : `.${property.name}()`
}

const nodeRules: { [name: string]: Rule } = { keywords, parameters, operators, classes, literals, control, members }

/** Names of every rule. */
export const subsetRules = [...Object.keys(nodeRules), 'globals', 'loop closures', 'definition order', 'semicolons']

/** A loop's own variable is one for all its turns in Espruino: a function made in the loop sees the last value. */
function isLoopClosure({ node, binding, within }: Reference): boolean {
  if (binding === undefined || !/^For(In|Of)?Statement$/.test(binding.scope.type)) return false
  return within.some((fn) => fn.start > binding.scope.start && fn.end < binding.scope.end && node.start > fn.start)
}

/** Statements that an interpreter without semicolon insertion runs into the next one. */
function lacksSemicolon(node: AnyNode, code: string): boolean {
  const ends = /^(Expression|Return|Throw|Break|Continue)Statement$|^VariableDeclaration$/.test(node.type)
  return ends && code[node.end - 1] !== ';' && /^\s*[^\s;})]/.test(code.slice(node.end))
}

/**
 * What in JavaScript code is outside the subset. `output` is for code as it goes to a board: it must be a script, and
 * end its statements with semicolons; without it the code is a module whose semicolons the bundler sets.
 * @throws SyntaxError for code that is no JavaScript
 */
export function outsideSubset(code: string, output = false): SubsetFinding[] {
  const sourceType = output ? 'script' : 'module'
  const program = parse(code, { ecmaVersion: 2022, sourceType, locations: true })
  const findings: SubsetFinding[] = []

  function found(rule: string, what: string, node: AnyNode): void {
    findings.push({ rule, what, line: node.loc!.start.line, column: node.loc!.start.column })
  }

  const references = referencesIn(program)
  // A name of ours, which a shortened one may be, is not Espruino's object of that name.
  const own = new Set<AnyNode>(references.filter(({ binding }) => binding !== undefined).map(({ node }) => node))
  walk(program, (node) => {
    if (node.type === 'MemberExpression' && own.has(node.object))
      node = { ...node, object: { ...node.object, name: '' } as typeof node.object }
    for (const [rule, judge] of Object.entries(nodeRules)) {
      const what = judge(node)
      if (what !== undefined) found(rule, what, node)
    }
    // The declaration in the head of a loop ends with the head's own punctuation.
    if (output && lacksSemicolon(node, code) && !/^\s*(of|in)\b/.test(code.slice(node.end))) {
      found('semicolons', 'statement without its semicolon', node)
    }
  })
  for (const reference of references) {
    const { node, binding } = reference
    const isReleased = releasedGlobals.includes(node.name) || scopeNames.includes(node.name)
    const isReplaced = !output && Object.hasOwn(replacedGlobals, node.name)
    if (binding === undefined && !isReleased && !isReplaced) found('globals', node.name, node)
    if (isLoopClosure(reference)) found('loop closures', `a function sees the loop's ${node.name}`, node)
  }
  for (const { node } of definedTooLate(references)) {
    found('definition order', `${node.name} may run before what it needs is defined`, node)
  }
  return findings
}
