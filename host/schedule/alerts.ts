// DCC alerts about schedules: written, put into the outbox, counted.

import type { Registry } from '../access/parties.ts'
import type { AlertCause, AlertCodes } from '../catalogue/alert-code.ts'
import type { Delivery } from '../delivery/delivery.ts'
import { formatScheduleAlert } from '../duis/format-non-device.ts'
import { alertTargetMs, type Performance } from '../metrics/performance-measures.ts'
import type { Signer } from '../pki/signer.ts'
import type { Timing } from '../wan/serial-line.ts'
import { alertIdOf, commandIdOf } from './command.ts'
import type { RemovalCause } from './entitlement.ts'
import { isForSettlement, type Run, type Schedule } from './schedule-store.ts'

export interface AlertParts {
  registry(): Registry
  dsp: Signer
  dspEui: string
  alertCodes: AlertCodes
  delivery: Pick<Delivery, 'keep' | 'start'>
  performance: Performance
  timing: Timing
}

/** An alert on its way: on disk when `kept` resolves, sent from `send` on. */
export interface Told {
  kept: Promise<void>
  send(): void
}

export interface ScheduleAlerts {
  /** CommandFailure: a run has no answer. `kept` resolves at once when its owner is in the registry no more. */
  failure(schedule: Schedule, run: Run): Told
  /** DSPScheduleRemoval. */
  removal(schedule: Schedule, cause: RemovalCause, counter: bigint): Told
}

export function createScheduleAlerts(parts: AlertParts): ScheduleAlerts {
  const { dsp, dspEui, delivery, timing } = parts

  function tell(schedule: Schedule, cause: AlertCause, counter: bigint, what: { kind: 'removal' } | Failure): Told {
    const { owner, schemaVersion, details } = schedule
    const nowMs = timing.nowMs()
    const callback = parts.registry().user(owner)?.callback
    if (callback === undefined) return { kept: Promise.resolve(), send() {} }
    const to = { code: parts.alertCodes[cause], dspEui, userEui: owner, counter, nowMs, schemaVersion, dsp }
    const xml = formatScheduleAlert(to, { ...what, scheduleId: schedule.id, deviceEui: details.deviceEui })
    const id = alertIdOf(dspEui, owner, counter)
    return {
      kept: delivery.keep(id, callback, xml),
      send() {
        delivery.start(id)
        const tookMs = timing.nowMs() - nowMs
        const settlement = isForSettlement(schedule)
        parts.performance.record({ srv: cause, kind: 'alert', settlement, trtMs: alertTargetMs, tookMs, good: true })
      },
    }
  }

  return {
    failure(schedule, run) {
      const counter = BigInt(run.counter)
      return tell(schedule, 'scheduledFailure', counter, { kind: 'failure', command: commandIdOf(schedule, counter) })
    },
    removal: (schedule, cause, counter) => tell(schedule, cause, counter, { kind: 'removal' }),
  }
}

type Failure = { kind: 'failure'; command: ReturnType<typeof commandIdOf> }
