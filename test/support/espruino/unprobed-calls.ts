// What a script for a board calls of Espruino and the language that `smets1 flash` does not probe.

import { type AnyNode, parse } from 'acorn'
import { referencesIn, walk } from '../../../hardware/build/syntax-tree.ts'
import { espruinoCalls } from '../../../hardware/install/espruino-calls.ts'

const owners = [Object, Array, String, Number, Function, Math, Date, Error, Uint8Array, ArrayBuffer, JSON, Promise]

/** Names of methods of the language. Those of our own are shortened to others. */
const standardMethods = new Set(
  owners
    .flatMap((owner) => ('prototype' in owner ? [owner.prototype, Object.getPrototypeOf(owner.prototype)] : []))
    .flatMap((prototype) => (prototype ? Object.getOwnPropertyNames(prototype) : [])),
)

// `exports` and `module` are not called: a script is a module of Espruino's.
const given = new Set(['undefined', 'globalThis', 'arguments', 'exports', 'module'])

/** Names of functions, methods and globals that are probed, without what they belong to. */
const probed = new Set(espruinoCalls.map(({ name }) => name.replace(/^.*[. ]/, '').replace('()', '')))

function memberName(node: AnyNode): string {
  return node.type === 'MemberExpression' && !node.computed && node.property.type === 'Identifier'
    ? node.property.name
    : ''
}

/** The names, sorted; none when all is probed. */
export function unprobedCalls(code: string): string[] {
  const program = parse(code, { ecmaVersion: 2022 })
  const missing = new Set<string>()
  const globals = new Set<unknown>()
  for (const { node, binding } of referencesIn(program)) {
    if (binding !== undefined) continue
    globals.add(node)
    if (!probed.has(node.name) && !given.has(node.name)) {
      if (!espruinoCalls.some(({ name }) => name.startsWith(`${node.name}.`))) missing.add(node.name)
    }
  }
  walk(program, (node) => {
    const name = memberName(node)
    // A function of a global namespace, called or not: `Math.floor`.
    if (node.type === 'MemberExpression' && globals.has(node.object) && name !== '' && name !== 'prototype') {
      const owner = node.object.type === 'Identifier' ? node.object.name : ''
      const isPort = /^(Serial|SPI)\d$/.test(owner)
      if (!isPort && !espruinoCalls.some((call) => call.name === `${owner}.${name}`)) missing.add(`${owner}.${name}`)
    }
    if (node.type === 'CallExpression') {
      const called = memberName(node.callee)
      if (standardMethods.has(called) && !probed.has(called)) missing.add(`.${called}()`)
    }
  })
  return [...missing].sort()
}
