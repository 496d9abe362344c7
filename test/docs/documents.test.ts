// The documents: commands exist with the flags shown, links lead somewhere, generated pages are up to date.

import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Command, flagsOf } from '../../host/cli/command.ts'
import { asksForHelp, flagName, flagValue, readCommandLine } from '../../host/cli/command-line.ts'
import { loadCommands } from '../../host/cli/commands.ts'
import { repositoryText, root } from '../support/repository.ts'
import { documents, type Typed, typedCommands } from './documents.ts'
import { generatedPages } from './pages.ts'

const commands = (await loadCommands()).flatMap((group) => group.commands)

/** Words that a command line stands for: "…" where there is no value is left out, a value that is left out is filled in. */
function completed({ words: [, ...words], isInline }: Typed, command: Command): string[] {
  const takesValue = new Set(
    flagsOf(command)
      .filter(([form]) => flagValue(form) !== undefined)
      .map(([form]) => `--${flagName(form)}`),
  )
  const given = words.filter((word, i) => word !== '…' || takesValue.has(words[i - 1] ?? ''))
  if (isInline && takesValue.has(given.at(-1) ?? '')) given.push('x')
  const isShort = given.length < words.length || (isInline && given.length === 0)
  return isShort && command.argument?.startsWith('<') ? ['x', ...given] : given
}

/** What is wrong with a command line, by the command table; undefined when nothing is. */
function faultOf(typed: Typed): string | undefined {
  const [name, ...words] = typed.words
  // `smets1 --version`, `smets1 <command> --help`, `smets1 …`
  if (name === undefined || /^(--version|--help|<command>|…)$/.test(name)) return undefined
  const shown = `${typed.place}: smets1 ${typed.words.join(' ')}`
  const command = commands.find((one) => one.name === name)
  if (command === undefined) return `${shown}: there is no such command`
  if (asksForHelp(words)) return undefined
  try {
    readCommandLine(command, completed(typed, command))
  } catch (error) {
    return `${shown}: ${(error as Error).message}`
  }
  return undefined
}

function assertNone(faults: readonly (string | undefined)[]): void {
  const found = faults.filter((fault) => fault !== undefined)
  assert.is(found.length, 0, found.join('\n'))
}

test('every command in the documents exists, and so does each of its flags', () => {
  const typed = documents().flatMap(typedCommands)
  assert.ok(typed.length > 80, `only ${typed.length} commands found`)
  assertNone(typed.map((one) => faultOf(one)))
})

test('an unknown command, flag or value in a document is found', () => {
  const text = [
    '```sh',
    'npx smets1 raed 4.8.1',
    'npm start -- --onc',
    'smets1 read 4.8.1 --as mdr --form 2026-01-01 | head',
    'smets1 stats; npm run -s smets1 -- audit --verfy # a comment',
    'smets1 flash --board esp32 \\',
    '  --prot /dev/ttyUSB0',
    '```',
    'Inline: `smets1 read --json=1 4.8.1`, and right ones: `smets1 codes`, `smets1 read`.',
  ].join('\n')
  const faults = typedCommands({ path: 'page.md', text }).map((one) => faultOf(one))
  assert.is(faults.length, 9)
  assert.is(faults.filter((fault) => fault !== undefined).length, 6, faults.join('\n'))
})

test('the examples in the help of the commands are right', () => {
  const examples = commands.flatMap(({ name, examples }) =>
    typedCommands({ path: `help of ${name}`, text: `\`\`\`sh\n${examples.join('\n')}\n\`\`\`\n` }),
  )
  assert.ok(examples.length >= commands.length)
  assertNone(examples.map((one) => faultOf(one)))
})

test('links between the documents lead to files that are there', () => {
  const faults = documents().flatMap(({ path, text }) =>
    [...text.replace(/^```[\s\S]*?^```/gm, '').matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
      .map(([, target]) => target ?? '')
      .filter((target) => !/^[a-z]+:/.test(target) && !existsSync(join(root, dirname(path), target)))
      .map((target) => `${path}: ${target}`),
  )
  assertNone(faults)
})

test('every page is listed in docs/README.md', () => {
  const index = repositoryText('docs/README.md')
  const pages = documents().map(({ path }) => path.replace(/^docs\//, ''))
  const missing = pages.filter(
    (path) => path.includes('/') && !path.startsWith('hardware/') && !index.includes(`(${path})`),
  )
  assertNone(missing)
})

test('each figure names a bench that exists', () => {
  const rows = repositoryText('docs/reference/figures.md')
    .split('\n')
    .filter((line) => /^\| (?!what)/.test(line))
  assert.ok(rows.length > 20)
  assertNone(
    rows.filter((line) => {
      const [, bench = ''] = /\| `([\w-]+)` \|$/.exec(line) ?? []
      return !existsSync(join(root, 'test/bench', `${bench}.ts`))
    }),
  )
})

test('README has at most 150 lines', () => {
  assert.ok(repositoryText('README.md').split('\n').length <= 151)
})

test('the generated pages are what npm run docs writes', async () => {
  for (const [name, text] of Object.entries(await generatedPages())) {
    const path = `docs/reference/${name}`
    assert.ok(existsSync(join(root, path)) && repositoryText(path) === text, `${path} is not up to date: npm run docs`)
  }
})

test.run()
