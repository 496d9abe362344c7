// Espruino does not hoist functions: a function exists once the interpreter has passed its declaration.

import type { AnyNode } from 'acorn'
import type { Binding, Reference } from './syntax-tree.ts'

/** The functions inside which, seen from a scope, a piece of code lies. */
function withinScope(reference: Reference, scope: AnyNode): AnyNode[] {
  return reference.within.filter((fn) => fn.start > scope.start && fn.end <= scope.end && fn !== scope)
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

  /** The last place at which a function that `binding` may run, in its own scope, becomes defined. */
  function neededAt(binding: Binding, seen: Set<AnyNode>): number {
    if (seen.has(binding.node)) return 0
    seen.add(binding.node)
    let at = binding.node.start
    for (const use of uses.get(binding.node) ?? []) {
      const needed = use.binding
      if (needed?.node.type !== 'FunctionDeclaration' || needed.scope !== binding.scope) continue
      at = Math.max(at, neededAt(needed, seen))
    }
    return at
  }

  return references.filter((reference) => {
    const { binding } = reference
    if (binding?.node.type !== 'FunctionDeclaration') return false
    // Inside a declared function of the same scope it runs when that one does, and is judged there.
    if (withinScope(reference, binding.scope).some((fn) => fn.type === 'FunctionDeclaration')) return false
    return neededAt(binding, new Set()) > reference.node.start
  })
}
