// How imports are read from a source, for the house rules.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { definedTooLate } from '../hardware/build/definition-order.ts'
import { importCycle, importsOf } from './support/imports.ts'

test('imports are found in all their forms', () => {
  const text = [
    "import a from './a.ts'",
    "import type { B } from '../protocol/b.ts'",
    "import { type C, type D } from './c.ts'",
    'import {',
    '  d,',
    '  type E,',
    "} from 'tweetnacl'",
    "import './e.ts'",
    "const f = await import('./f.ts')",
    "export { g } from './g.ts'",
    'const h = "import x from \'./h.ts\'"',
  ].join('\n')
  const found = importsOf('host/x.ts', text)
  assert.equal(found.map(({ target }) => target).sort(), [
    'host/a.ts',
    'host/c.ts',
    'host/e.ts',
    'host/f.ts',
    'host/g.ts',
    'protocol/b.ts',
    'tweetnacl',
  ])
  assert.equal(
    found.filter(({ typeOnly }) => typeOnly).map(({ target }) => target),
    ['protocol/b.ts', 'host/c.ts'],
  )
  const to = (target: string) => [{ target, ours: true, typeOnly: false, dynamic: false, names: [] }]
  assert.equal(
    importCycle([
      { path: 'a', imports: to('b') },
      { path: 'b', imports: to('a') },
    ]),
    ['a', 'b', 'a'],
  )
  assert.is(
    importCycle([
      { path: 'a', imports: to('b') },
      { path: 'b', imports: [] },
    ]),
    undefined,
  )
  assert.equal(definedTooLate([]), [])
})

test.run()
