// The commands of README that ask a running bench are run, each as it is written.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { finished, freshPath, smets1 } from '../support/bench/cli.ts'
import { repositoryText } from '../support/repository.ts'
import { typedCommands } from './documents.ts'

test('the commands of README work on the bench that it starts', async () => {
  const state = freshPath()
  const up = smets1(['up', '--state', state, '--http-port', '0'])
  try {
    await up.says('Ctrl-C stops')
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(up.out())?.[0] ?? ''
    const typed = typedCommands({ path: 'README.md', text: repositoryText('README.md') })
    const asking = typed
      .map(({ words }) => words)
      .filter(([name]) => !['up', '<command>', 'codes'].includes(name ?? ''))
      // Those on virtual time are run by the test of its tutorial.
      .filter((words) => !words.includes('july'))
    assert.ok(asking.length >= 8, `${asking.length} commands`)
    for (const words of asking) {
      const isClient = ['read', 'schedule', 'inventory'].includes(words[0] ?? '')
      const { code, out, err } = await finished([...words, '--state', state, ...(isClient ? ['--url', url] : [])])
      assert.is(code, 0, `smets1 ${words.join(' ')}: ${err}`)
      assert.ok(out.length > 0, words.join(' '))
    }
  } finally {
    up.child.kill('SIGTERM')
    await up.ended
  }
})

test.run()
