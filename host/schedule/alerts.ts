// DCC alerts about schedules: formatted, put into the outbox, counted.

import { responseAddress } from '../access/callback.ts'
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
  dsp: { eui: string; signer: Signer }
  alertCodes: AlertCodes
  delivery: Pick<Delivery, 'keep' | 'start'>
  performance: Performance
  timing: Timing
}

/** An alert in the outbox: on disk when `kept` resolves; `send` starts its delivery. */
export interface QueuedAlert {
  kept: Promise<void>
  send(): void
}

export interface ScheduleAlerts {
  /** CommandFailure: a run has no response. `kept` resolves at once when its owner is no longer in the registry. */
  failure(schedule: Schedule, run: Run): QueuedAlert
  /** DSPScheduleRemoval. */
  removal(schedule: Schedule, cause: RemovalCause, counter: bigint): QueuedAlert
}

export function createScheduleAlerts(parts: AlertParts): ScheduleAlerts {
  const { delivery, timing } = parts
  const { eui: dspEui, signer: dsp } = parts.dsp

  function enqueue(
    schedule: Schedule,
    cause: AlertCause,
    counter: bigint,
    what: { kind: 'removal' } | Failure,
  ): QueuedAlert {
    const { owner, schemaVersion, details } = schedule
    const nowMs = timing.nowMs()
    const user = parts.registry().user(owner)
    if (user === undefined) return { kept: Promise.resolve(), send() {} }
    const to = { code: parts.alertCodes[cause], dspEui, userEui: owner, counter, nowMs, schemaVersion, dsp }
    const xml = formatScheduleAlert(to, { ...what, scheduleId: schedule.id, deviceEui: details.deviceEui })
    const id = alertIdOf(dspEui, owner, counter)
    return {
      kept: delivery.keep(id, responseAddress(user), xml),
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
      return enqueue(schedule, 'scheduledFailure', counter, {
        kind: 'failure',
        command: commandIdOf(schedule, counter),
      })
    },
    removal: (schedule, cause, counter) => enqueue(schedule, cause, counter, { kind: 'removal' }),
  }
}

type Failure = { kind: 'failure'; command: ReturnType<typeof commandIdOf> }
