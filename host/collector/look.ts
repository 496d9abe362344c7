// What is due of one agreement: its schedules, the request that is on its way, and what has to be asked for on demand.

import type { Asks } from './asks.ts'
import type { CollectorEnv, CollectorSettings } from './env.ts'
import { plansOf, profileVariant } from './plans.ts'
import type { createReceiver } from './receive.ts'
import { registersToAsk } from './registers.ts'
import { noteOverdue, overdueMs, periodToAsk, type Work } from './work.ts'

/** Its schedules are deleted so long after its end: the last run may be tried again until then. */
const endAfterMs = 24 * 3_600_000

export interface LookParts {
  env: CollectorEnv
  settings: CollectorSettings
  asks: Asks
  failed: ReturnType<typeof createReceiver>['failed']
  /** Agreements by RequestID of an open request, in upper case. */
  asked: Map<string, Work>
  /** Called when schedules of an agreement may have numbers. */
  noteSchedules(work: Work): void
}

/** Looks at an agreement, and does what is due. */
export function createLook({ env, settings, asks, failed, asked, noteSchedules }: LookParts) {
  /** Makes the schedules of an agreement. @returns whether there is nothing left to make */
  async function makeSchedules(work: Work): Promise<boolean> {
    const { row } = work
    if (row.plans.length === 0) {
      row.plans = plansOf(row.agreement, row.place, env.nowMs(), settings)
      await asks.keep(work)
    }
    for (const plan of row.plans) {
      if (plan.id !== undefined || plan.ended || env.nowMs() < (plan.againMs ?? 0)) continue
      if (plan.refused !== undefined) {
        const again = plansOf(row.agreement, row.place, env.nowMs(), settings).find(({ name }) => name === plan.name)
        plan.ended = again === undefined
        if (again === undefined) continue
        plan.details = again.details
      }
      const isKnown = await asks.create(work, plan)
      noteSchedules(work)
      if (!isKnown) return false
    }
    return true
  }

  /** Sends what was decided and not acknowledged; gives up what had no response in time. */
  async function pursue(work: Work): Promise<void> {
    const { asking } = work.row
    if (asking === undefined) return
    const code = asking.accepted ? undefined : await asks.deliver(work, asking)
    const isLate = asking.accepted && env.nowMs() > asking.sentMs + overdueMs
    if ((code === undefined && !isLate) || work.row.asking !== asking) return
    delete work.row.asking
    asked.delete(asking.requestId.toUpperCase())
    failed(work, asking, code ?? 'no response')
    await asks.keep(work)
  }

  /** Asks on demand for what its schedule did not bring. */
  async function askAgain(work: Work): Promise<void> {
    const { row } = work
    if (noteOverdue(work, env.nowMs())) await asks.keep(work)
    if (row.asking !== undefined || env.nowMs() < row.nextMs) return
    const srv = profileVariant(row.agreement)
    const period = srv === undefined ? undefined : periodToAsk(work, env.nowMs())
    const registers = registersToAsk(work, env.nowMs(), settings)
    if (srv !== undefined && period !== undefined) await asks.decide(work, srv, period)
    else if (registers !== undefined) await asks.decide(work, registers.srv, registers)
    else return
    await pursue(work)
  }

  async function look(work: Work): Promise<void> {
    const { row, startMs, endMs } = work
    const nowMs = env.nowMs()
    if (nowMs < startMs) return
    // No schedule is made for what has ended: its days are asked for on demand.
    if (nowMs < endMs && !(await makeSchedules(work))) {
      work.lookMs = nowMs + asks.againMs
      return
    }
    await pursue(work)
    await askAgain(work)
    if (row.asking !== undefined && !row.asking.accepted) work.lookMs = nowMs + asks.againMs
    if (nowMs < endMs + endAfterMs) return
    for (const plan of row.plans) if (plan.id !== undefined && !plan.ended) await asks.end(work, plan)
  }

  return look
}
