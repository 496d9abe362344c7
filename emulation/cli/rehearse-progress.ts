// The progress of a rehearsal, with the time that is left.

import { performance } from 'node:perf_hooks'
import type { Io } from '../../host/cli/command.ts'

const barWidth = 30
/** On no terminal, a line after so long at the earliest. */
const lineMs = 10_000
/** No estimate before so much is done. */
const knownFrom = 0.01

function leftText(share: number, elapsedMs: number): string {
  if (share < knownFrom) return ''
  const seconds = Math.ceil((elapsedMs * (1 - share)) / share / 1000)
  return seconds < 90 ? `, ${seconds} s left` : `, ${Math.ceil(seconds / 60)} min left`
}

/** A bar that is redrawn on a terminal; elsewhere a line now and then. */
export function createRehearsalProgress(io: Io, title: string): { show(share: number): void; end(): void } {
  const startMs = performance.now()
  let shownMs = startMs
  let drawn = ''
  return {
    show(share) {
      const nowMs = performance.now()
      const percent = `${Math.floor(share * 100)} %${leftText(share, nowMs - startMs)}`
      if (io.isTerminal) {
        const bar = '█'.repeat(Math.floor(barWidth * share)).padEnd(barWidth, '·')
        const text = `${title} ${bar} ${percent}`
        if (text !== drawn) io.stderr(`\r${text.padEnd(drawn.length)}`)
        drawn = text
      } else if (nowMs - shownMs >= lineMs) {
        shownMs = nowMs
        io.stderr(`${title}: ${percent}\n`)
      }
    },
    end() {
      if (drawn !== '') io.stderr(`\r${' '.repeat(drawn.length)}\r`)
    },
  }
}
