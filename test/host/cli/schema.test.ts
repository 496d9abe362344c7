// A user's own copy of the schemas: every message of a bench is checked against it.

import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { finished, freshPath } from '../../support/bench/cli.ts'
import { duisSchemaDirectory } from '../../support/bench/duis-schema.ts'

test('up --schema checks what comes in and what goes out', async () => {
  const state = freshPath()
  const schema = ['--schema', duisSchemaDirectory()]
  const { code, out, err } = await finished(['up', '--once', '--state', state, '--http-port', '0', ...schema])
  assert.is(code, 0, err)
  assert.match(out, /Both agree/)
  assert.not.match(readFileSync(join(state, 'bridge.log'), 'utf8'), /own message is not valid/)
})

test('a folder without schemas is reported, with the exit code for schemas', async () => {
  const empty = freshPath()
  mkdirSync(empty)
  for (const directory of [empty, join(empty, 'nowhere')]) {
    const run = await finished(['up', '--once', '--state', freshPath(), '--http-port', '0', '--schema', directory])
    assert.is(run.code, 10, run.err)
    assert.match(run.err, /--schema/)
    assert.not.match(run.err, /\n\s+at /)
  }
})

test.run()
