// The Markdown files for users, and what they contain.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryText, root } from '../support/repository.ts'

export interface Document {
  /** Path from the root of the repository. */
  path: string
  text: string
}

/** README, and all of docs/. */
export function documents(): Document[] {
  const found = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
  const paths = ['README.md', 'hardware/pi/INSTALL.md', ...found.map((name) => `docs/${name.replaceAll('\\', '/')}`)]
  return paths.filter((path) => path.endsWith('.md')).map((path) => ({ path, text: repositoryText(path) }))
}

/** A command line of `smets1` in a document: the words after `smets1`. */
export interface Typed {
  place: string
  words: string[]
  /** In a sentence: the value of its last flag may be left out. */
  isInline?: boolean
}

const programs =
  /^(?:sudo (?:-u \S+ )?)?(?:npx smets1|npm run -s smets1 --|node dist\/host\/cli\/main\.js|smets1)(?= |$)/

/** Words of a shell line; quotes are removed. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|'([^']*)'|([^\s"']+)/g)].map(([, a, b, c]) => a ?? b ?? c ?? '')
}

/** What a shell line runs of `smets1`: up to a comment, a redirection or a pipe. */
function typedIn(line: string, place: string): Typed[] {
  return line
    .replace(/\s#.*$/, '')
    .split(/;|&&|\|(?!\w)|\s&(?=\s|$)/)
    .map((part) => part.trim().replace(/^npm start(?: --)?(?= |$)/, 'smets1 up'))
    .filter((part) => programs.test(part))
    .map((part) => ({ place, words: wordsOf(part.replace(programs, '').replace(/\s\d?>>?.*$/, '')) }))
}

/** Fenced blocks of a language. */
export function blocksOf({ text }: Document, language: string): string[] {
  return [...text.matchAll(/^```(\S*)[^\n]*\n([\s\S]*?)^```/gm)]
    .filter(([, name]) => name === language)
    .map(([, , body]) => body ?? '')
}

/** Every `smets1` line in sh blocks, and every inline `smets1 …`. */
export function typedCommands(document: Document): Typed[] {
  const blocks = blocksOf(document, 'sh').flatMap((body) =>
    body
      .replace(/\\\n\s*/g, '')
      .split('\n')
      .flatMap((line) => typedIn(line, document.path)),
  )
  const prose = document.text.replace(/^```[\s\S]*?^```/gm, '')
  const inline = [...prose.matchAll(/`((?:npx |npm run -s )?smets1 [^`]+)`/g)].flatMap(([, line]) =>
    typedIn((line ?? '').replace(/\s+/g, ' '), document.path).map((one) => ({ ...one, isInline: true })),
  )
  return [...blocks, ...inline]
}
