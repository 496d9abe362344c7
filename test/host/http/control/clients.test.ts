// The examples of docs/how-to/control-api.md, run as they stand there.

import { spawn, spawnSync } from 'node:child_process'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { blocksOf } from '../../../docs/documents.ts'
import { send, startControlBench } from '../../../support/bench/control-bench.ts'
import { repositoryText } from '../../../support/repository.ts'

const test = suite('examples of clients')
const path = 'docs/how-to/control-api.md'
const document = { path, text: repositoryText(path) }
let bench: Awaited<ReturnType<typeof startControlBench>>

test.before(async () => {
  bench = await startControlBench()
  await send(`${bench.running.url}/api/v1/serviceS`, 'POST', { 'content-type': 'application/xml' }, '<a/>')
  await send(`${bench.running.url}/api/v1/serviceS`, 'POST', { 'content-type': 'application/xml' }, '<b/>')
})
test.after(() => bench.stop())

/** Runs a program while the bench answers in this process. */
function run(command: string, args: string[], input: string): Promise<{ code: number | null; out: string }> {
  const child = spawn(command, args)
  let out = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => (out += bytes))
  child.stdin.end(input.replaceAll('bench/control', bench.paths.control))
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, out })))
}

const has = (program: string) => spawnSync(program, ['--version']).status === 0

test('curl', async () => {
  if (!has('curl')) return
  const [, script = ''] = blocksOf(document, 'sh')
  const { code, out } = await run('sh', ['-e', '-s'], script)
  assert.is(code, 0, out)
  assert.match(out, '"users":4')
  assert.match(out, '"effect":"delay"')
  assert.match(out, '{"removed":1}')
  assert.match(out, '<b/>')
})

test('Python', async () => {
  if (!has('python3')) return
  const [script = ''] = blocksOf(document, 'python')
  const { code, out } = await run('python3', ['-'], script)
  assert.is(code, 0, out)
  assert.match(out, /^2\S+Z \S+ E48$/m, out)
  assert.equal((await bench.call('GET', '/faults', { scope: 'read' })).json(), { faults: [] })
})

test.run()
