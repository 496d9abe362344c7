// The commands of the tutorial on virtual time are run, and their output is as it is shown.

import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { finished, freshPath, smets1, stopRunning } from '../support/bench/cli.ts'
import { repositoryText } from '../support/repository.ts'
import { blocksOf, typedCommands } from './documents.ts'

const path = 'docs/tutorial/virtual-time.md'

test.after(stopRunning)

interface Shown {
  words: string[]
  output: string[]
}

/** Commands after a `$`, and the lines that follow each. */
function shownCommands(text: string): Shown[] {
  const blocks = blocksOf({ path, text }, '')
  return blocks.flatMap((block) =>
    block.split(/^\$ /m).flatMap((one) => {
      const [command = '', ...output] = one.trimEnd().split('\n')
      return command === '' ? [] : [{ words: command.split(' '), output }]
    }),
  )
}

/** Without what differs from run to run: milliseconds of real time, and those that frames take. */
const comparable = (line: string) =>
  line
    .replace(/after \d+ ms/g, 'after N ms')
    .replace(/(npm run -s smets1 --|npx smets1) /g, 'smets1 ')
    .replace(/(T\d\d:\d\d:\d\d)\.\d{3}Z/g, '$1Z')
    .trimEnd()

/** Whether lines are as they are shown; `…` stands for any number of lines. */
function assertShown(lines: readonly string[], shown: readonly string[], command: string): void {
  let at = 0
  let isAnywhere = false
  for (const wanted of shown.map(comparable)) {
    if (wanted.trim() === '…') {
      isAnywhere = true
      continue
    }
    const found = lines.findIndex((line, i) => i >= at && comparable(line) === wanted)
    assert.ok(isAnywhere ? found >= at : found === at, `${command}\nshown: ${wanted}\nprinted:\n${lines.join('\n')}`)
    at = found + 1
    isAnywhere = false
  }
}

const listing = (directory: string, cwd: string) =>
  new Promise<string>((resolve, reject) => {
    execFile('ls', [directory], { cwd }, (error, out) => (error === null ? resolve(out) : reject(error)))
  })

test('the tutorial on virtual time does what it shows', async () => {
  const text = repositoryText(path)
  const [start] = typedCommands({ path, text })
  assert.is(start?.words[0], 'up')
  const directory = freshPath()
  mkdirSync(directory)
  const state = `${directory}/july`
  const at = (words: readonly string[]) => words.map((word) => (word === 'july' ? state : word))
  const up = smets1([...at(start?.words ?? []), '--http-port', '0'])
  await up.says('Ctrl-C stops')
  // Of what `up` prints, the page shows some lines.
  const printed = up.out().split('\n').map(comparable)
  const started = blocksOf({ path, text }, 'text')[0]?.trimEnd().split('\n') ?? []
  assert.ok(started.length > 5)
  for (const line of started) assert.ok(printed.includes(comparable(line)), `${line}\nprinted:\n${printed.join('\n')}`)
  const url = /bridge: (http:\S+),/.exec(up.out())?.[1] ?? ''
  const shown = shownCommands(text)
  assert.ok(shown.length >= 5)
  for (const { words, output } of shown) {
    const [program = '', ...rest] = words
    const command = words.join(' ')
    if (program === 'ls') {
      assertShown((await listing(rest[0] ?? '', directory)).trimEnd().split('\n'), output, command)
      continue
    }
    assert.is(program, 'smets1')
    const { code, out, err } = await finished([...at(rest), ...(rest[0] === 'read' ? ['--url', url] : [])])
    assert.is(code, 0, `${command}: ${err}`)
    assertShown(out.trimEnd().split('\n'), output, command)
  }
  const kept = JSON.parse(readFileSync(`${state}/clock.json`, 'utf8')) as { clock: string; now: string }
  assert.is(kept.clock, 'virtual')
  assert.match(kept.now, /^2026-07-03T23:50:00/)
})

test('the commands on virtual time in README are those of the tutorial', () => {
  const inTutorial = new Set(typedCommands({ path, text: repositoryText(path) }).map(({ words }) => words.join(' ')))
  for (const { words } of shownCommands(repositoryText(path))) inTutorial.add(words.slice(1).join(' '))
  const inReadme = typedCommands({ path: 'README.md', text: repositoryText('README.md') })
    .map(({ words }) => words)
    .filter((words) => words.includes('july'))
  assert.ok(inReadme.length >= 4)
  for (const words of inReadme) assert.ok(inTutorial.has(words.join(' ')), words.join(' '))
})

test.run()
