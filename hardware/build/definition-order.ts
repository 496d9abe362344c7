// Espruino does not hoist functions: a function exists once the interpreter has passed its declaration.

import type { AnyNode } from 'acorn'
import type { Binding, Reference } from './syntax-tree.ts'

/** True when a use lies in a declared function of its binding's own level: it runs when that function does. */
function isDeferred({ within, binding }: Reference): boolean {
  const level = binding?.level
  const inside = level === undefined ? within : within.slice(within.indexOf(level) + 1)
  return inside.some((fn) => fn.type === 'FunctionDeclaration')
}

/**
 * Uses of a function, by code that runs when the interpreter comes to it, at a place where that function, or one that
 * it uses in turn, is not defined yet. A use counts as a call: passing a function on may call it.
 */
export function definedTooLate(references: Reference[]): Reference[] {
  const uses = new Map<Binding['node'], Reference[]>()
  for (const reference of references) {
    for (const fn of reference.within) {
      if (fn.type !== 'FunctionDeclaration') continue
      const list = uses.get(fn) ?? []
      list.push(reference)
      uses.set(fn, list)
    }
  }

  /** The last place at which a function that `binding` may run, on its own level, becomes defined. */
  function neededAt(binding: Binding, seen: Set<AnyNode>): number {
    if (seen.has(binding.node)) return 0
    seen.add(binding.node)
    let at = binding.node.start
    for (const use of uses.get(binding.node) ?? []) {
      const needed = use.binding
      if (needed?.node.type !== 'FunctionDeclaration' || needed.level !== binding.level) continue
      at = Math.max(at, neededAt(needed, seen))
    }
    return at
  }

  return references.filter((reference) => {
    const { binding } = reference
    if (binding?.node.type !== 'FunctionDeclaration') return false
    // What is deferred is judged where the function around it is used.
    return !isDeferred(reference) && neededAt(binding, new Set()) > reference.node.start
  })
}
