// npm run bench: its names, its table and its JSON.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

async function bench(...args: string[]) {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.js'), ...args])
  let out = ''
  let err = ''
  child.stdout.on('data', (text) => {
    out += text
  })
  child.stderr.on('data', (text) => {
    err += text
  })
  const [code] = await once(child, 'close')
  return { code, out, err }
}

test('a table for people, an array of figures for programs', async () => {
  const [table, json] = await Promise.all([bench('wire'), bench('wire', '--json')])
  assert.equal([table.code, json.code], [0, 0], table.err + json.err)
  const rows: unknown[] = JSON.parse(json.out)
  assert.ok(rows.length > 0)
  for (const row of rows) {
    assert.equal(Object.keys(row as object).sort(), ['bench', 'name', 'unit', 'value'])
    const { bench: name, value } = row as { bench: unknown; value: unknown }
    assert.equal([name, typeof value], ['wire', 'number'])
  }
  const lines = table.out.trimEnd().split('\n')
  assert.is(lines.length, rows.length)
  for (const line of lines) assert.match(line, /^wire +\S.* +[\d.]+ \S*/)
})

test('a bench that does not exist is refused, with the names of those that do', async () => {
  for (const name of ['wires', '--jsn', 'toString']) {
    const { code, err } = await bench(name)
    assert.is(code, 2, name)
    assert.match(err, /there are wire, line, ports/)
  }
})

test.run()
