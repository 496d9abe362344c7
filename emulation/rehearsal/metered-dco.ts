// The DCO as its operator sees it: calls a second, how many are in progress or wait at once, and how long they take.

import type { DcoModel } from '../../host/dco/dco-model.ts'
import type { DcoSession } from '../../host/dco/sealer.ts'
import type { Timing } from '../../host/wan/timing.ts'
import type { DcoCounts } from './measures.ts'
import { addAt } from './series.ts'

/** A model of the DCO whose calls are counted. */
export function meterDco(model: DcoModel, counts: DcoCounts, timing: Timing, startMs: number): DcoModel {
  async function counted<T>(call: () => Promise<T>): Promise<T> {
    const begunMs = timing.nowMs()
    addAt(counts.callsBySecond, begunMs - startMs, 1)
    try {
      return await call()
    } finally {
      const endedMs = timing.nowMs()
      addAt(counts.endedBySecond, endedMs - startMs, 1)
      counts.calls += 1
      counts.msSum += endedMs - begunMs
      counts.msMax = Math.max(counts.msMax, endedMs - begunMs)
    }
  }

  function metered(session: DcoSession): DcoSession {
    return {
      ...session,
      sealAsk: (message) => counted(() => session.sealAsk(message)),
      openAnswer: (answer) => counted(() => session.openAnswer(answer)),
      openAlerts: (answer) => counted(() => session.openAlerts(answer)),
    }
  }

  return {
    ...model,
    attach(dco, report) {
      const attached = model.attach(dco, report)
      return {
        open(eui) {
          const session = attached.open(eui)
          return session && metered(session)
        },
      }
    },
  }
}
