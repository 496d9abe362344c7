// The command line: what is read from it, what is refused and how, and the help of every command.

import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Command } from '../../../host/cli/command.ts'
import { asksForHelp, readCommandLine } from '../../../host/cli/command-line.ts'
import { CommandError } from '../../../host/state/errors.ts'
import { nearMatch } from '../../../host/state/near-match.ts'
import { finished } from '../../support/bench/cli.ts'

const command: Command = {
  name: 'weigh',
  argument: '[file]',
  summary: 'weigh things',
  options: [
    'Scales',
    ['--state <dir>', 'where', '.smets1'],
    ['--count <n>', 'how many', 5],
    ['--dry-run', 'only look'],
    ['--no-catch-up', 'leave a gap'],
    ['--format <table|csv>', 'form'],
  ],
  removed: { workers: 'was removed: leave it out' },
  examples: [],
  run: async () => 0,
}

function problemOf(words: string[], of: Command = command): string {
  try {
    readCommandLine(of, words)
  } catch (error) {
    assert.instance(error, CommandError)
    assert.is((error as CommandError).exitCode, 2)
    return (error as CommandError).message
  }
  throw new Error(`accepted: ${words.join(' ')}`)
}

test('defaults, values with and without an equals sign, flags without a value', () => {
  assert.equal(readCommandLine(command, []), { state: '.smets1', count: 5 })
  assert.equal(readCommandLine(command, ['--state', 'a', '--dry-run', 'b']), {
    state: 'a',
    count: 5,
    dryRun: true,
    argument: 'b',
  })
  assert.equal(readCommandLine(command, ['--count=-5', '--no-catch-up']), {
    state: '.smets1',
    count: '-5',
    catchUp: false,
  })
  assert.is(readCommandLine(command, ['--count', '-5']).count, '-5', 'a negative number needs no equals sign')
})

test('a value stays as it was typed', () => {
  for (const value of ['007', '1.10', '1e3', '0x10', 'true', 'a=b', ' ']) {
    assert.is(readCommandLine(command, ['--state', value]).state, value)
    assert.is(readCommandLine(command, [`--state=${value}`]).state, value)
    assert.is(readCommandLine(command, [value]).argument, value)
  }
})

test('a flag that is given again is a list; a flag without a value is not', () => {
  assert.equal(readCommandLine(command, ['--state', 'a', '--state=b']).state, ['a', 'b'])
  assert.is(readCommandLine(command, ['--dry-run', '--dry-run']).dryRun, true)
})

test('names in camelCase work as in 0.1; after -- come arguments only', () => {
  assert.is(readCommandLine(command, ['--dryRun']).dryRun, true)
  assert.is(readCommandLine(command, ['--', '--dry-run']).argument, '--dry-run')
  assert.not(asksForHelp(['--', '--help']))
  assert.ok(asksForHelp(['x', '-h']))
})

test('what is wrong is named, with what to type', () => {
  assert.match(problemOf(['--sate', 'x']), /no flag --sate; did you mean --state\?/)
  assert.match(problemOf(['--stateful']), /no flag --stateful.*--help lists all/)
  assert.match(problemOf(['--state']), /--state needs a value: --state <dir>/)
  assert.match(problemOf(['--state', '--dry-run']), /--state needs a value/)
  assert.match(problemOf(['--dry-run=yes']), /--dry-run takes no value/)
  assert.match(problemOf(['--workers', '3']), /^--workers was removed: leave it out$/)
  assert.match(problemOf(['a', 'b']), /unexpected argument "b"/)
  assert.match(problemOf([], { ...command, argument: '<file>' }), /weigh needs <file>/)
  assert.match(problemOf(['a'], { ...command, argument: undefined as never }), /unexpected argument "a"/)
  assert.match(problemOf(['-x']), /no flag --x/)
})

test('any words are read or refused with a CommandError', () => {
  const word = fc.oneof(
    fc.constantFrom('--state', '--count=3', '--dry-run', '--', '-', '--no-catch-up', '-h', '--format', '--__proto__'),
    fc.string(),
  )
  fc.assert(
    fc.property(fc.array(word), (words) => {
      try {
        readCommandLine(command, words)
      } catch (error) {
        assert.instance(error, CommandError)
      }
    }),
    { numRuns: 2000 },
  )
})

test('near matches: swapped, missing, wrong and first letters; nothing for what is far off', () => {
  const known = ['read', 'replay', 'provision', 'performance', 'stats']
  for (const [word, near] of [
    ['raed', 'read'],
    ['rea', 'read'],
    ['provison', 'provision'],
    ['perf', 'performance'],
    ['stast', 'stats'],
    ['xyzzy', undefined],
    ['r', undefined],
  ] as const)
    assert.is(nearMatch(word, known), near, word)
})

test('help of the program and of every command: 80 columns, groups, examples, exit codes', async () => {
  const all = await finished(['--help'])
  assert.is(all.code, 0)
  const names = [...all.out.matchAll(/^ {2}(\w+)/gm)].map(([, name]) => name!)
  assert.ok(names.length >= 22, `${names.length} commands`)
  const helps = [all.out]
  for (let i = 0; i < names.length; i += 4) {
    const some = await Promise.all(names.slice(i, i + 4).map((name) => finished([name, '--help'])))
    for (const { code, out } of some) {
      assert.is(code, 0)
      assert.match(out, /\nExamples\n {2}smets1 /)
      helps.push(out)
    }
  }
  for (const help of helps) {
    assert.match(help, /Exit codes: 0 ok/)
    for (const line of help.split('\n')) assert.ok(line.length <= 80, line)
  }
})

test('a mistyped command or flag: the error is the last line, on standard error, with exit code 2', async () => {
  for (const [words, message] of [
    [['raed', '4.8.1'], /did you mean read\?[^\n]*\n$/],
    [['codes', '--jsno'], /did you mean --json\?[^\n]*\n$/],
    [['bridge', '--workers', '2'], /--workers was removed in 0\.2\.0[^\n]*\n$/],
    [['--json', 'codes'], /the command comes before --json[^\n]*\n$/],
  ] as const) {
    const { code, out, err } = await finished([...words])
    assert.is(code, 2)
    assert.is(out, '')
    assert.match(err, message)
  }
})

test.run()
