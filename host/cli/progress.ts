// Progress of work that takes longer than two seconds, on standard error.

import type { Io } from './command.ts'

/** Shows how many of how many are done: on a terminal in one line. */
export function progressOf(io: Io, what: string): (done: number, of?: number) => void {
  const began = Date.now()
  let shown = began
  return (done, of) => {
    const now = Date.now()
    if (now - began < 2000 || now - shown < (io.isTerminal ? 200 : 2000)) return
    shown = now
    const text = of === undefined ? `${done} ${what}` : `${done} of ${of} ${what}`
    io.stderr(io.isTerminal ? `\r${text}\x1b[K` : `${text}\n`)
  }
}
