// Registers that have to be asked for: on the first of a month where no schedule can read them (4.1.1), those of midnights whose
// schedule failed, and those of the midnight after the last day.

import { dayMs } from '../../protocol/half-hour.ts'
import { executionMs, firstOfMonth, midnightsMax, type PlanSettings } from './plans.ts'
import { overdueMs, type Work } from './work.ts'

export interface RegistersToAsk {
  srv: '4.1.1' | '4.6.1'
  /** Midnights, or the first of the month and now. */
  startMs: number
  endMs: number
  /** The day up to which registers are kept when it is answered. */
  day: number
}

/** Registers of an agreement's import that are due, and that no schedule has brought or will bring. */
export function registersToAsk(work: Work, nowMs: number, settings: PlanSettings): RegistersToAsk | undefined {
  const { row, startMs, endMs } = work
  const { direction, consent } = row.agreement
  if (direction !== 'import' || consent === 'N') return undefined
  const kept = row.registersTo ?? 0
  const first = firstOfMonth(Math.floor(Math.min(nowMs, endMs) / dayMs))
  const dueMs = first * dayMs + executionMs(row.place, settings)
  const firstMidnight = Math.ceil(startMs / dayMs)
  if (consent === 'M') {
    const isDue = first >= firstMidnight && first * dayMs < endMs && kept < first && nowMs >= dueMs && nowMs < endMs
    return isDue ? { srv: '4.1.1', startMs: first * dayMs, endMs: nowMs, day: first } : undefined
  }
  // The midnight after the last day may be had by both agents.
  const closing = Math.ceil(endMs / dayMs)
  if (nowMs >= endMs && kept < closing)
    return { srv: '4.6.1', startMs: (closing - 1) * dayMs, endMs: closing * dayMs, day: closing }
  const isPlanned = row.plans.some(({ name, details }) => /registers$/.test(name) && details.startDay <= first)
  const isOverdue = isPlanned && kept < first && (row.registersFailed === true || nowMs >= dueMs + overdueMs)
  if (!isOverdue || nowMs >= endMs) return undefined
  const from = Math.max(firstMidnight, first - midnightsMax + 1)
  return { srv: '4.6.1', startMs: from * dayMs, endMs: first * dayMs, day: first }
}
