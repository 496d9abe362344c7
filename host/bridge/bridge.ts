// The S1SP bridge: builds its parts, and sees every accepted request through to its delivery.

import { type AccessPolicy, defaultAccessPolicy } from '../access/access-control.ts'
import type { Registry } from '../access/parties.ts'
import { createDayWatch, lostDevices } from '../access/registry-changes.ts'
import { createRequestCounters } from '../access/request-counters.ts'
import { settlementDayOf } from '../access/settlement-day.ts'
import { createDelivery, type Delivery, type DeliveryEvent } from '../delivery/delivery.ts'
import { createDeviceAlerts } from '../delivery/device-alerts.ts'
import { createPerformance } from '../metrics/performance.ts'
import { inThisThread } from '../pki/public-key.ts'
import {
  type AcceptedRequest,
  askedMs,
  type CompletedRequest,
  type StoredRequest,
} from '../requests/accepted-request.ts'
import {
  type Acknowledgement,
  createDuisEndpoint,
  type DuisEndpoint,
  type IncomingRequest,
  schemaCheck,
} from '../requests/duis-endpoint.ts'
import { createFutureDated } from '../requests/future-dated.ts'
import { serializedSources } from '../requests/provenance.ts'
import { createRecorder } from '../requests/recorder.ts'
import { headerText } from '../requests/refusal.ts'
import { deviceReads } from '../services/device-reads.ts'
import { readInventoryHandler } from '../services/inventory.ts'
import { createClockKeeper } from '../wan/meter-clock.ts'
import { createMeterSessions } from '../wan/meter-session.ts'
import { addUsage, noUsage, type Usage } from '../wan/usage.ts'
import type { BridgeParts } from './bridge-parts.ts'
import { createLines } from './line-pool.ts'
import { createRouter, type Router } from './router.ts'
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
  const { config, store, timing, log, audit } = parts
  const recorder = createRecorder(audit.record, timing.nowMs)
  const lines = createLines(config, parts.openPort, timing, log)
  const total = noUsage()
  const underWay = new Set<Promise<void>>()
  const futureDated = createFutureDated(timing)
  const policy: AccessPolicy = { ...defaultAccessPolicy, codes: config.codes }
  const { registry } = parts
  const performance = createPerformance(store, timing)
  const checkOwn = schemaCheck(parts.schema, log)

  async function forget(eui: string, why: string): Promise<void> {
    await parts.emptyCache(eui)
    log('cache emptied', { device: eui, why })
  }

  const onSettlementDayChange = createDayWatch(registry, timing.nowMs, forget)
  const tellDelivery = (event: DeliveryEvent) => {
    const { event: name, ...fields } = event
    log(name, fields)
    recorder.delivery(event)
  }
  const delivery = createDelivery(store, parts.post, timing, tellDelivery, (error) =>
    log('delivery failed', { problem: error.message }),
  )
  const alerted = createDeviceAlerts({
    store,
    delivery,
    registry,
    nowMs: timing.nowMs,
    dsp: parts.dsp,
    s1sp: parts.s1sp,
    clockStepped: forget,
    check: checkOwn,
    log,
  })
  const keepClock = createClockKeeper({
    mode: config.setClock,
    timing,
    async wasSet(device, { aheadMs }, { driftPpm }) {
      if (aheadMs !== undefined) await forget(device, 'its clock was set')
      log('clock set', { device, aheadMs, driftPpm })
      audit.record({ event: 'clock set', device, ...(aheadMs !== undefined && { aheadMs }), driftPpm })
    },
    notSet: (device, problem) => log('clock not set', { device, problem }),
  })
  const sessions = createMeterSessions({ dco: parts.dco, timing, alerted, keepClock })
  const handlers = deviceReads({
    nowMs: timing.nowMs,
    readThrough: parts.readThrough,
    dailyReadThrough: parts.dailyReadThrough,
    withSession: async ({ eui }, accepted, usage, work) =>
      sessions.withSession(lines.lineFor(accepted), eui, { deadlineMs: accepted.deadlineMs, usage }, work),
  })

  const schedules = openSchedules(
    store,
    {
      ...parts,
      settings: config.schedule,
      registry,
      policy,
      alertCodes: config.alertCodes,
      delivery,
      performance,
      async execute(accepted, usage) {
        try {
          return await onSettlementDayChange().then(() => router.execute(accepted, usage))
        } finally {
          addUsage(total, usage)
        }
      },
      record(accepted, answered, xml) {
        recorder.accepted(accepted)
        recorder.answered(accepted, answered, xml)
        return audit.committed()
      },
      answered: tell,
    },
    (variant) => handlers[variant] !== undefined,
  )
  const router: Router = createRouter({
    nowMs: timing.nowMs,
    registry,
    policy,
    codes: config.codes,
    counters: createRequestCounters(store, {
      mode: config.counters,
      lowered: (event) => audit.record({ event: 'counter lowered', ...event }),
    }),
    dsp: parts.dsp,
    dspEui: parts.dspEui,
    s1sp: parts.s1sp,
    checkOwn,
    explain: config.explain,
    handlers,
    directHandlers: { ...schedules.directHandlers, '8.2': readInventoryHandler({ registry, policy }) },
    futureDated: futureDated.count,
    log,
  })

  function tell(answered: CompletedRequest): void {
    const { sources, ...fields } = answered
    const from = sources && { sources: serializedSources(sources, total) }
    log('answered', { ...fields, ...from, requestId: answered.id })
    parts.answered?.(answered)
  }

  /**
   * Writes reach the disk in the order asked for: at no moment is neither the request nor its answer there. What was
   * recorded of the answer is on disk before it is sent.
   */
  async function enqueueResponse(id: string, callback: string, xml: string, why = ''): Promise<void> {
    const explanation = config.explain && why !== '' ? headerText(why) : undefined
    await audit.committed()
    await Promise.all([delivery.keep(id, callback, xml, explanation), store.remove('accepted', id)])
    delivery.start(id)
  }

  /**
   * Makes an accepted request and the record of it outlast a crash: first the request, so that what is on record as
   * accepted is always answered. One that was killed in between is recorded when it is taken up again.
   */
  async function keepAccepted(
    accepted: AcceptedRequest,
    body: Uint8Array,
    counted: Promise<void>,
  ): Promise<StoredRequest> {
    const { executionMs } = accepted.request
    const kept: StoredRequest = {
      body,
      receivedMs: accepted.receivedMs,
      ...(executionMs !== undefined && { executionMs }),
    }
    try {
      // Its RequestID was put into the store before, so it is on disk no later.
      await Promise.all([store.put('accepted', accepted.id, kept), counted])
      recorder.accepted(accepted)
      await audit.committed()
    } catch (error) {
      await store.remove('accepted', accepted.id)
      throw error
    }
    return kept
  }

  /** Answers and hands over. The answer is on disk before the request is forgotten, and both before it is sent. */
  async function finish(accepted: AcceptedRequest): Promise<void> {
    const usage = noUsage()
    const { xml, answered } = await onSettlementDayChange().then(() => router.answer(accepted, usage))
    addUsage(total, usage)
    recorder.answered(accepted, answered, xml)
    await enqueueResponse(accepted.id, accepted.allowed.user.callback, xml, answered.detail)
    performance.onDemand(accepted.row, accepted.forSettlement, askedMs(accepted), answered.code === 'I0')
    tell(answered)
  }

  function track(id: string, promise: Promise<void>): void {
    const work = promise
      .catch((error) => log('answer failed', { requestId: id, problem: (error as Error).message }))
      .finally(() => underWay.delete(work))
    underWay.add(work)
  }

  function start(accepted: AcceptedRequest): void {
    lines.raisePriority(accepted)
    track(accepted.id, finish(accepted))
  }

  /** Goes on with a request that lies on disk: as the registry stands now, and a future-dated one when its time has come. */
  function resumeRequest(id: string, kept: StoredRequest): void {
    const { executionMs } = kept
    if (executionMs !== undefined && timing.nowMs() < executionMs) {
      futureDated.wait(id, executionMs, () => resumeRequest(id, kept))
    } else track(id, goOn(id, kept))
  }

  async function goOn(id: string, { body, receivedMs }: StoredRequest): Promise<void> {
    const recalled = await router.recall(body, receivedMs)
    if (recalled === undefined) {
      const reason = 'its User is no longer in the registry: there is nobody to answer'
      log('dropped', { requestId: id, reason })
      recorder.dropped(id, reason)
      await store.remove('accepted', id)
    } else if ('xml' in recalled) {
      log('answered', { requestId: id, reason: recalled.reason })
      recorder.recalled(id, recalled)
      await enqueueResponse(id, recalled.callback, recalled.xml, recalled.reason)
    } else {
      recorder.accepted(recalled, true)
      start(recalled)
    }
  }

  function reconcile(): void {
    void schedules.runner
      .reconcile()
      .catch((error) => log('schedules not checked', { problem: (error as Error).message }))
  }

  async function decide(asked: IncomingRequest): Promise<Acknowledgement> {
    const { acknowledgement, outcome } = await router.receive(asked)
    const { accepted, direct, refused } = outcome
    if (accepted !== undefined) {
      const kept = await keepAccepted(accepted, asked.body, outcome.counted)
      if (kept.executionMs === undefined) start(accepted)
      else resumeRequest(accepted.id, kept)
      return acknowledgement
    }
    if (refused !== undefined) recorder.refused(refused)
    else {
      recorder.direct(direct)
      performance.onDemand(direct.row, direct.forSettlement, asked.receivedMs, true)
    }
    // A trail that cannot be written lets nothing in; turning away goes on, and so does what the DCC has done already.
    await audit.committed().catch(() => {})
    return acknowledgement
  }

  const { codes } = config
  const { trust, dsp, schema, verify = inThisThread } = parts
  return {
    receive: createDuisEndpoint({ nowMs: timing.nowMs, codes, trust, dsp, schema, verify, log }, decide),
    decide,
    resume() {
      // Schedules look into the outbox for what they have answered, before anything leaves it.
      schedules.runner.start()
      // Then what was answered before; what is answered from here on is sent by itself.
      delivery.resume()
      for (const { key, value } of [...store.range('accepted', '', '\uffff')]) {
        // Answered already: only the note that it was accepted is left.
        if (delivery.has(key)) {
          void store.remove('accepted', key)
          continue
        }
        resumeRequest(key, value)
      }
      reconcile()
    },
    partiesChanged(before) {
      for (const { eui, why } of lostDevices(before, registry(), settlementDayOf(timing.nowMs()))) {
        forget(eui, why).catch((error) => log('cache not emptied', { device: eui, problem: error.message }))
      }
      reconcile()
    },
    holdLines: lines.hold,
    delivery,
    forget,
    schedules,
    total,
    async stop() {
      futureDated.stop()
      lines.stopWaiting()
      await Promise.all([...underWay, schedules.runner.stop()])
      await delivery.stop()
      await performance.flush()
      await lines.close()
    },
  }
}
