// The progress of a step, for a person.

import type { Progress } from '../install/flash-board.ts'
import type { Io } from './io.ts'

const barWidth = 30

/** A bar that is redrawn on a terminal; elsewhere a line for each finished step. */
export function createProgress(io: Io): { show: Progress; end(): void } {
  let drawn = ''
  return {
    show(step, done, total) {
      const percent = Math.floor((done * 100) / total)
      const text = `${step} ${'█'.repeat(Math.floor((barWidth * done) / total)).padEnd(barWidth, '·')} ${percent} %`
      if (!io.isTerminal) {
        if (done === total) io.stderr(`${step}: done\n`)
      } else if (text !== drawn) io.stderr(`\r${text.padEnd(barWidth + 24)}${done === total ? '\n' : ''}`)
      drawn = text
    },
    end() {
      if (io.isTerminal && drawn !== '' && !drawn.endsWith('100 %')) io.stderr('\n')
    },
  }
}
