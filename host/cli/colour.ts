// Colour for people at a terminal.

import type { Io } from './command.ts'

const codes = { red: 31, green: 32, yellow: 33, bold: 1 } as const

/** Colours text for standard error when a terminal shows it, and neither NO_COLOR nor a dumb terminal forbids it. */
export function colour(
  text: string,
  name: keyof typeof codes,
  { isTerminal, env }: Pick<Io, 'isTerminal' | 'env'>,
): string {
  const isPlain = !isTerminal || (env.NO_COLOR ?? '') !== '' || env.TERM === 'dumb'
  return isPlain ? text : `\u001b[${codes[name]}m${text}\u001b[0m`
}
