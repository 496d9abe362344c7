// The S1SP bridge: builds its parts.

import type { Registry } from '../access/parties.ts'
import { createDayWatch, lostDevices } from '../access/registry-changes.ts'
import { createRequestCounters } from '../access/request-counters.ts'
import { settlementDayOf } from '../access/settlement-day.ts'
import { accessPolicyOf } from '../config/config.ts'
import { createDelivery, type Delivery } from '../delivery/delivery.ts'
import { createDeviceAlerts } from '../delivery/device-alerts.ts'
import { pushTermsByUrl } from '../delivery/push-terms.ts'
import { createPerformance } from '../metrics/performance-measures.ts'
import { inThisThread } from '../pki/public-key.ts'
import { askedMs, type CompletedRequest } from '../requests/accepted-request.ts'
import { createAdmission } from '../requests/admission.ts'
import {
  type Acknowledgement,
  createDuisEndpoint,
  type DuisEndpoint,
  type IncomingRequest,
  schemaCheck,
} from '../requests/duis-endpoint.ts'
import { createExecution } from '../requests/execution.ts'
import { createFutureDated } from '../requests/future-dated.ts'
import { createProcessing } from '../requests/processing.ts'
import { serializedSources } from '../requests/provenance.ts'
import { createRecall } from '../requests/recall.ts'
import { createRecorder } from '../requests/recorder.ts'
import { type DeviceReadParts, deviceReads } from '../services/device-reads.ts'
import { readInventoryHandler } from '../services/inventory.ts'
import { createClockKeeper } from '../wan/meter-clock.ts'
import { createMeterSessions } from '../wan/meter-session.ts'
import { noUsage, type Usage } from '../wan/usage.ts'
import type { BridgeParts } from './bridge-parts.ts'
import { createLines, type Lines } from './line-pool.ts'
import { openSchedules, type ScheduleService } from './schedule-service.ts'

export interface Bridge {
  /** Answers one POST. */
  receive: DuisEndpoint
  /** What is to be answered to a request that was examined at a door. Whatever was accepted goes on by itself. */
  decide(asked: IncomingRequest): Promise<Acknowledgement>
  /** Takes up what an earlier run had accepted or not delivered. */
  resume(): void
  /** Opens the line now, and again whenever it is lost. */
  holdLines(): void
  delivery: Delivery
  /** Forgets what the cache holds of a device; `why`, such as a change of its supplier, is for the log. */
  forget(eui: string, why: string): Promise<void>
  /** To be told when the registry has changed: schedules and caches that it leaves nobody's are given up. */
  partiesChanged(before: Registry): void
  /** DCC schedules. */
  schedules: Pick<ScheduleService, 'book' | 'runner'>
  /** What everything cost since the start. */
  total: Usage
  /** Waits for answers under way, then lets go of lines. */
  stop(): Promise<void>
}

export function createBridge(parts: BridgeParts): Bridge {
  const { config, store, timing, log, audit, registry } = parts
  const { nowMs } = timing
  const recorder = createRecorder(audit, nowMs)
  const lines = createLines(config, parts.openPort, timing, log)
  const total = noUsage()
  const policy = accessPolicyOf(config)
  const performance = createPerformance(store, timing)
  const checkOwn = schemaCheck(parts.schema, log)

  async function evictDevice(eui: string, why: string): Promise<void> {
    await parts.emptyCache(eui)
    log('cache emptied', { device: eui, why })
  }

  const delivery = createDelivery(
    store,
    parts.post,
    timing,
    (event) => {
      const { event: name, ...fields } = event
      log(name, fields)
      recorder.delivery(event)
    },
    (error) => log('delivery failed', { problem: error.message }),
    pushTermsByUrl(registry),
  )
  const handlers = deviceReads({
    nowMs,
    readThrough: parts.readThrough,
    dailyReadThrough: parts.dailyReadThrough,
    withSession: createSessions(parts, lines, delivery, evictDevice, checkOwn),
  })
  const execution = createExecution({
    nowMs,
    codes: config.codes,
    dsp: parts.dsp,
    s1sp: parts.s1sp,
    handlers,
    checkOwn,
    settlementDay: createDayWatch(registry, nowMs, evictDevice),
    total,
  })
  const logCompleted = (completed: CompletedRequest) => {
    const { sources, ...fields } = completed
    const from = sources && { sources: serializedSources(sources, total) }
    log('answered', { ...fields, ...from, requestId: completed.id })
    parts.answered?.(completed)
  }
  const schedules = openSchedules(
    store,
    {
      ...parts,
      settings: config.schedule,
      policy,
      alertCodes: config.alertCodes,
      delivery,
      performance,
      execute: execution.execute,
      record(accepted, completed, xml) {
        recorder.accepted(accepted)
        recorder.answered(accepted, completed, xml)
        return recorder.committed()
      },
      answered: logCompleted,
    },
    execution.offers,
  )
  const futureDated = createFutureDated(timing)
  const admission = createAdmission({
    nowMs,
    registry,
    policy,
    counters: createRequestCounters(store, {
      mode: config.counters,
      lowered: (event) => audit.record({ event: 'counter lowered', ...event }),
    }),
    dspEui: parts.dspEui,
    offers: execution.offers,
    directHandlers: { ...schedules.directHandlers, readInventory: readInventoryHandler({ registry, policy }) },
    waiting: futureDated.count,
    explain: config.explain,
    log,
  })
  const processing = createProcessing({
    timing,
    store,
    recorder,
    admission,
    recall: createRecall({ nowMs, codes: config.codes, registry, dsp: parts.dsp, allow: admission.allow }),
    execution,
    delivery,
    futureDated,
    explain: config.explain,
    report: {
      started: lines.raisePriority,
      completed(accepted, completed) {
        const { row, forSettlement } = accepted
        performance.onDemand(row, forSettlement, askedMs(accepted), completed.code === 'I0')
        logCompleted(completed)
      },
      direct: ({ row, forSettlement }, receivedMs) => performance.onDemand(row, forSettlement, receivedMs, true),
      log,
    },
  })

  function reconcile(): void {
    void schedules.runner
      .reconcile()
      .catch((error) => log('schedules not checked', { problem: (error as Error).message }))
  }

  const { codes } = config
  const { trust, dsp, schema, verify = inThisThread } = parts
  const decide = processing.receive
  return {
    receive: createDuisEndpoint({ nowMs, codes, trust, dsp, schema, verify, log }, decide),
    decide,
    resume() {
      // Schedules look into the outbox for what they have answered, before anything leaves it.
      schedules.runner.start()
      // Then what was answered before; what is answered from here on is sent by itself.
      delivery.resume()
      processing.resume()
      reconcile()
    },
    partiesChanged(before) {
      for (const { eui, why } of lostDevices(before, registry(), settlementDayOf(nowMs()))) {
        evictDevice(eui, why).catch((error) => log('cache not emptied', { device: eui, problem: error.message }))
      }
      reconcile()
    },
    holdLines: lines.hold,
    delivery,
    forget: evictDevice,
    schedules,
    total,
    async stop() {
      futureDated.stop()
      lines.stopWaiting()
      await Promise.all([processing.stop(), schedules.runner.stop()])
      await delivery.stop()
      await performance.flush()
      await lines.close()
    },
  }
}

/** Sessions with meters: their alerts go to the supplier, and a clock that is wrong is set. */
function createSessions(
  { config, store, timing, registry, dco, dsp, s1sp, audit, log }: BridgeParts,
  lines: Lines,
  delivery: Delivery,
  evictDevice: Bridge['forget'],
  check: (xml: string, id: string) => void,
): DeviceReadParts['withSession'] {
  const { nowMs } = timing
  const clockStepped = evictDevice
  const alerted = createDeviceAlerts({ store, delivery, registry, nowMs, dsp, s1sp, clockStepped, check, log })
  const keepClock = createClockKeeper({
    mode: config.setClock,
    timing,
    async wasSet(device, { aheadMs }, { driftPpm }) {
      if (aheadMs !== undefined) await evictDevice(device, 'its clock was set')
      log('clock set', { device, aheadMs, driftPpm })
      audit.record({ event: 'clock set', device, ...(aheadMs !== undefined && { aheadMs }), driftPpm })
    },
    notSet: (device, problem) => log('clock not set', { device, problem }),
  })
  const sessions = createMeterSessions({ dco, timing, alerted, keepClock })
  return async ({ eui }, accepted, usage, work) =>
    sessions.withSession(lines.lineFor(accepted), eui, { deadlineMs: accepted.deadlineMs, usage }, work)
}
