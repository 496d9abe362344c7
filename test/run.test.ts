// The test runner itself: what it selects, what counts as a failure, and its exit code.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, extname, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

const run = suite('test runner')
const extension = extname(import.meta.filename)
const folder = mkdtempSync(join(tmpdir(), 'smets1-runner-'))
run.after(() => rmSync(folder, { recursive: true, force: true }))

const head = `import { test } from ${JSON.stringify(import.meta.resolve('uvu'))}\n`
const passing = `${head}test('passes', () => {})\ntest.run()\n`
/** Contents of test files by name. */
const files: { [name: string]: string } = {
  'good/passes': passing,
  'good/passes-twice': `${head}test('a', () => {})\ntest('b', () => {})\ntest.run()\n`,
  'good/takes-hours.long': passing,
  'bad/fails': `${head}test('a', () => {})\ntest('b', () => { throw new Error('the wrong sum') })\ntest.run()\n`,
  'bad/hangs': `setInterval(() => {}, 1000)\nconsole.log('still waiting')\n`,
  'bad/lingers': `${passing}setInterval(() => {}, 1000)\n`,
  'bad/is-killed': `process.kill(process.pid, 'SIGKILL')\n`,
  'bad/is-empty': `${head}test.run()\n`,
  'bad/exits-early': `${head}test('a', () => process.exit(0))\ntest.run()\n`,
  'bad/fails-afterwards': `${head}test('a', () => {})\ntest.run()\nprocess.once('exit', () => { process.exitCode = 3 })\n`,
  'bad/does-not-load': `import './missing.js'\n`,
}
for (const [name, text] of Object.entries(files)) {
  const path = join(folder, `${name}.test${extension}`)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

async function runner(...args: string[]) {
  const path = join(import.meta.dirname, `run${extension}`)
  const child = spawn(process.execPath, [...process.execArgv, path, '--folder', folder, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let out = ''
  child.stdout.on('data', (text) => {
    out += text
  })
  let err = ''
  child.stderr.on('data', (text) => {
    err += text
  })
  const [code] = await once(child, 'close')
  // A failed file's own totals stand further up.
  const totals = out.slice(out.lastIndexOf('  Files: '))
  const total = (word: string) => Number(new RegExp(`^ +${word}: +(\\d+)`, 'm').exec(totals)?.[1])
  return { code, out, err, files: total('Files'), total: total('Total'), passed: total('Passed') }
}

run('files that pass: exit code 0, the totals summed, and nothing of what they printed', async () => {
  const { code, out, files, total, passed } = await runner('good/')
  assert.equal({ code, files, total, passed }, { code: 0, files: 2, total: 3, passed: 3 })
  assert.not.match(out, '•')
})

run('long tests run only when asked for', async () => {
  assert.is((await runner('--long')).files, 1)
  assert.is((await runner('--all', 'good/')).files, 3)
})

run('patterns select by path', async () => {
  assert.is((await runner('good/passes.test.ts')).files, 1)
  assert.is((await runner('passes.test.ts', 'twice')).files, 2)
  const none = await runner('nothing-like-this')
  assert.is(none.code, 2)
  assert.match(none.err, 'no test file')
})

run('each way to fail counts, is named, and shows what was printed', async () => {
  const { code, out, files, total, passed } = await runner('bad/', '--limit', '5')
  assert.equal({ code, files, total, passed }, { code: 1, files: 8, total: 11, passed: 3 })
  for (const reason of [
    /fails\.test\.ts: tests failed[\s\S]*the wrong sum/,
    /hangs\.test\.ts: did not finish its tests: killed after 5 s\nstill waiting/,
    /lingers\.test\.ts: did not end after its tests: killed after 0.5 s/,
    /is-killed\.test\.ts: ended by SIGKILL/,
    /is-empty\.test\.ts: ran no test/,
    /exits-early\.test\.ts: ran no test/,
    /fails-afterwards\.test\.ts: exit code 3/,
    /does-not-load\.test\.ts: ran no test[\s\S]*missing\.js/,
  ]) {
    assert.match(out, reason)
  }
})

run('a file leaves no process and no temporary file behind', async () => {
  const trace = join(folder, 'trace')
  const script = `${head}
    import { spawn } from 'node:child_process'
    import { mkdtempSync, writeFileSync } from 'node:fs'
    import { tmpdir } from 'node:os'
    test('a', () => {
      const child = spawn('sleep', ['60'], { stdio: 'inherit' })
      child.unref()
      writeFileSync(${JSON.stringify(trace)}, child.pid + '\\n' + mkdtempSync(tmpdir() + '/left-'))
    })
    test.run()\n`
  writeFileSync(join(folder, `leaves.test${extension}`), script)
  const { code } = await runner('leaves')
  assert.is(code, 0)
  const [pid, path] = readFileSync(trace, 'utf8').split('\n')
  assert.not(existsSync(path!))
  const state = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[2] : 'gone'
  assert.ok(state === 'Z' || state === 'gone', `sleep is ${state}`)
})

run('arguments that make no sense are refused', async () => {
  for (const args of [['--jobs', '0'], ['--limit', 'soon'], ['--fast']]) {
    const { code, err } = await runner(...args)
    assert.is(code, 2, args.join(' '))
    assert.match(err, args[0]!)
  }
})

run.run()
