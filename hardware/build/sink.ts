// Moves functions that only one rarely called function needs into it. On Espruino a function costs six variables and one
// for each parameter, from when the code that defines it is run until nothing refers to it any more. Defined inside the
// function that needs them, they take that memory only while it is at work.

import remapping, { type SourceMapInput } from '@jridgewell/remapping'
import { type AnyNode, type Program, parse } from 'acorn'
import MagicString from 'magic-string'
import { referencesIn } from './syntax-tree.ts'

/** Statements of the top level that belong to one name: its declaration, and what is assigned to its members. */
interface Unit {
  name: string
  statements: AnyNode[]
  /** Names of the top level that it uses. */
  uses: Set<string>
}

/** The name that a statement `name.member… = …` assigns to; '' for any other statement. */
function memberOwner(statement: AnyNode): string {
  if (statement.type !== 'ExpressionStatement' || statement.expression.type !== 'AssignmentExpression') return ''
  let target: AnyNode = statement.expression.left
  if (target.type !== 'MemberExpression') return ''
  while (target.type === 'MemberExpression') target = target.object
  return target.type === 'Identifier' ? target.name : ''
}

function declaredName(statement: AnyNode): string {
  if (statement.type === 'FunctionDeclaration') return statement.id?.name ?? ''
  if (statement.type !== 'VariableDeclaration' || statement.declarations.length !== 1) return ''
  const id = statement.declarations[0]!.id
  return id.type === 'Identifier' ? id.name : ''
}

/** Units by name; what belongs to none is the program's own, under ''. */
function unitsOf(program: Program): Map<string, Unit> {
  const units = new Map<string, Unit>([['', { name: '', statements: [], uses: new Set() }]])
  for (const statement of program.body) {
    const name = declaredName(statement) || memberOwner(statement)
    const unit = units.get(name) ?? { name, statements: [], uses: new Set() }
    unit.statements.push(statement)
    units.set(name, unit)
  }
  const unitAt = (at: number) =>
    [...units.values()].find(({ statements }) => statements.some(({ start, end }) => start <= at && at < end))!
  for (const { node, binding } of referencesIn(program)) {
    if (binding?.scope !== program) continue
    const unit = unitAt(node.start)
    if (unit.name !== node.name) unit.uses.add(node.name)
  }
  return units
}

/** Names that can be reached from one without passing through another. */
function reach(units: Map<string, Unit>, from: string, except: string): Set<string> {
  const found = new Set<string>()
  const visit = (name: string) => {
    if (name === except || found.has(name)) return
    found.add(name)
    for (const used of units.get(name)?.uses ?? []) visit(used)
  }
  visit(from)
  return found
}

/** True for a unit that may be made anew each time: functions, and constants that nothing changes. */
function isMovable({ statements }: Unit): boolean {
  const first = statements[0]!
  if (first.type === 'FunctionDeclaration') return true
  return first.type === 'VariableDeclaration' && first.declarations[0]!.init !== null
}

function sinkInto(script: Script, into: string): Script {
  const program = parse(script.code, { ecmaVersion: 2022 })
  const units = unitsOf(program)
  const target = units.get(into)?.statements[0]
  if (target?.type !== 'FunctionDeclaration')
    throw new Error(`there is no function ${into} for others to be moved into`)
  const elsewhere = reach(units, '', into)
  const moved = [...reach(units, into, '')]
    .filter((name) => name !== into && !elsewhere.has(name))
    .map((name) => units.get(name)!)
    .filter(isMovable)
  const text = new MagicString(script.code)
  for (const { start, end } of moved.flatMap((unit) => unit.statements).sort((a, b) => a.start - b.start)) {
    text.appendLeft(end, '\n').move(start, end, target.body.start + 1)
  }
  const map = remapping([text.generateMap({ hires: true }) as SourceMapInput, script.map], () => null)
  return { code: text.toString(), map: map.toString() }
}

/** Code and its source map as text. */
export interface Script {
  code: string
  map: string
}

/**
 * The script with everything that only `cold` functions need moved into them, the first of the list first: name inner ones
 * before those that call them.
 * @throws Error for a name that is no function of the top level
 */
export function sink(script: Script, cold: readonly string[]): Script {
  return cold.reduce(sinkInto, script)
}
