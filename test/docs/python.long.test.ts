// The example of docs/how-to/python.md: pytest starts a bench, and drives it over DUIS and the control API.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { leaveOut } from '../support/left-out.ts'
import { repositoryText, root } from '../support/repository.ts'

function blockOf(mark: string): string {
  const found = new RegExp(`^\`\`\`python ${mark}\\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(
    repositoryText('docs/how-to/python.md'),
  )
  assert.ok(found?.[1], `python.md has a block ${mark}`)
  return found?.[1] ?? ''
}

const hasPytest = spawnSync('python3', ['-m', 'pytest', '--version']).status === 0
const python = suite('the example in Python')

python('passes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'smets1-python-'))
  try {
    writeFileSync(join(folder, 'conftest.py'), blockOf('conftest'))
    writeFileSync(join(folder, 'test_settlement.py'), blockOf('test'))
    const env = { ...process.env, SMETS1: `${process.execPath} ${join(root, 'dist/host/cli/main.js')}` }
    const how = { cwd: folder, encoding: 'utf8', env, timeout: 60_000 } as const
    const { status, stdout, stderr } = spawnSync('python3', ['-m', 'pytest', '-q', '-p', 'no:cacheprovider'], how)
    assert.is(status, 0, `${stdout}${stderr}`)
    assert.match(stdout, /4 passed/)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

if (!hasPytest) leaveOut(python, 'the example in Python', 'pytest is not installed: apt-get install python3-pytest')
python.run()
