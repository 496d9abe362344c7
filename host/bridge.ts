// The S1SP bridge: builds its parts, and sees every accepted request through to its delivery.

import { type Accepted, type Answered, askedMs } from './accepted.ts'
import { type AccessPolicy, defaultAccessPolicy } from './access/access-control.ts'
import type { Registry } from './access/parties.ts'
import { lostDevices } from './access/registry-changes.ts'
import { createRequestCounters } from './access/request-counters.ts'
import { settlementDayOf } from './access/settlement-day.ts'
import { createDeviceAlerts } from './alerts.ts'
import { createRecorder } from './audit/recorder.ts'
import type { BridgeParts } from './bridge-parts.ts'
import { createDelivery, type Delivery, type DeliveryEvent } from './delivery.ts'
import { createFutureDated } from './future-dated.ts'
import type { Endpoint, HttpAnswer } from './http-server.ts'
import { createLines } from './lines.ts'
import { createPerformance, trtMsOf } from './performance.ts'
import { createRouter, type Router } from './router.ts'
import { openSchedules, type ScheduleService } from './schedule/service.ts'
import { deviceReads } from './srv/device-reads.ts'
import { readInventoryHandler } from './srv/inventory.ts'
import type { SrvRow } from './srv/srv-table.ts'
import { createMeterSessions } from './wan/meter-session.ts'
import { addUsage, noUsage, type Usage } from './wan/usage.ts'

export interface Bridge {
  /** Answers one POST. Whatever was accepted goes on by itself. */
  receive(endpoint: Endpoint, body: Uint8Array, wantsExplanation: boolean): Promise<HttpAnswer>
  /** Takes up what an earlier run had accepted or not delivered. */
  resume(): void
  delivery: Delivery
  /**
   * Forgets what the cache holds of a device: for a change of its supplier, its decommissioning, a step of its clock.
   * `why` is for the log.
   */
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

/** What is kept on disk of a request between I99 and its final answer. */
interface Kept {
  body: Uint8Array
  receivedMs: number
  /** When it is to be executed, of a future-dated one. */
  executionMs?: number
}

export function createBridge(parts: BridgeParts): Bridge {
  const { config, store, timing, log, audit } = parts
  const recorder = createRecorder(audit.record, timing.nowMs)
  const lines = createLines(config, parts.openPort, timing)
  const total = noUsage()
  const underWay = new Set<Promise<void>>()
  const futureDated = createFutureDated(timing)
  const policy: AccessPolicy = { ...defaultAccessPolicy, codes: config.codes }
  const { registry } = parts
  const performance = createPerformance(store, timing)

  async function forget(eui: string, why: string): Promise<void> {
    await parts.emptyCache(eui)
    log('cache emptied', { device: eui, why })
  }

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
    clockLost: (eui) => forget(eui, 'the meter has lost its clock'),
    check: (xml, id) => router.checkOwn(xml, id),
    log,
  })
  const sessions = createMeterSessions({ dco: parts.dco, timing, alerted })
  const handlers = deviceReads({
    nowMs: timing.nowMs,
    readThrough: parts.readThrough,
    dailyReadThrough: parts.dailyReadThrough,
    visit: async ({ eui }, accepted, usage, work) =>
      sessions.visit(lines.lineFor(accepted), eui, { deadlineMs: accepted.deadlineMs, usage }, work),
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
      async carryOut(accepted, usage) {
        try {
          return await router.carryOut(accepted, usage)
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
    trust: parts.trust,
    counters: createRequestCounters(store, config.counters),
    dsp: parts.dsp,
    dspEui: parts.dspEui,
    s1sp: parts.s1sp,
    schema: parts.schema,
    explain: config.explain,
    handlers,
    directHandlers: { ...schedules.directHandlers, '8.2': readInventoryHandler({ registry, policy }) },
    futureDated: futureDated.count,
    log,
  })

  function measure(row: SrvRow, settlement: boolean, receivedMs: number, good: boolean): void {
    const trtMs = trtMsOf(row, settlement) ?? 0
    const tookMs = timing.nowMs() - receivedMs
    performance.record({ srv: row.variant, kind: 'onDemand', settlement, trtMs, tookMs, good })
  }

  function tell(answered: Answered): void {
    const { sources, ...fields } = answered
    // The half-hours one by one are in the audit trail.
    const { served: _, ...known } = sources ?? { served: [] }
    log('answered', { ...fields, ...(sources && { sources: known }), requestId: answered.id })
    parts.answered?.(answered)
  }

  /**
   * Writes reach the disk in the order asked for: at no moment is neither the request nor its answer there. What was
   * recorded of the answer is on disk before it is sent.
   */
  async function handOver(id: string, callback: string, xml: string): Promise<void> {
    await audit.committed()
    await Promise.all([delivery.keep(id, callback, xml), store.remove('accepted', id)])
    delivery.start(id)
  }

  /**
   * Makes an accepted request and the record of it outlast a crash: first the request, so that what is on record as
   * accepted is always answered. One that was killed in between is recorded when it is taken up again.
   */
  async function keepAccepted(accepted: Accepted, body: Uint8Array): Promise<Kept> {
    const { executionMs } = accepted.request
    const kept: Kept = { body, receivedMs: accepted.receivedMs, ...(executionMs !== undefined && { executionMs }) }
    await store.put('accepted', accepted.id, kept)
    recorder.accepted(accepted)
    await audit.committed().catch(async (error) => {
      await store.remove('accepted', accepted.id)
      throw error
    })
    return kept
  }

  /** Answers and hands over. The answer is on disk before the request is forgotten, and both before it is sent. */
  async function finish(accepted: Accepted): Promise<void> {
    const usage = noUsage()
    const { xml, answered } = await router.answer(accepted, usage)
    addUsage(total, usage)
    recorder.answered(accepted, answered, xml)
    await handOver(accepted.id, accepted.allowed.user.callback, xml)
    measure(accepted.row, accepted.forSettlement, askedMs(accepted), answered.code === 'I0')
    tell(answered)
  }

  function start(accepted: Accepted): void {
    lines.hurry(accepted)
    const work = finish(accepted)
      .catch((error) => log('answer failed', { requestId: accepted.id, problem: (error as Error).message }))
      .finally(() => underWay.delete(work))
    underWay.add(work)
  }

  /** Goes on with a request that lies on disk: as the registry stands now, and a future-dated one when its time has come. */
  function takeUp(id: string, { body, receivedMs, executionMs }: Kept): void {
    if (executionMs !== undefined && timing.nowMs() < executionMs) {
      futureDated.wait(id, executionMs, () => takeUp(id, { body, receivedMs, executionMs }))
      return
    }
    const recalled = router.recall(body, receivedMs)
    if (recalled === undefined) {
      const reason = 'its User is no longer in the registry: there is nobody to answer'
      log('dropped', { requestId: id, reason })
      recorder.dropped(id, reason)
      void store.remove('accepted', id)
    } else if ('xml' in recalled) {
      log('answered', { requestId: id, reason: recalled.reason })
      recorder.recalled(id, recalled)
      void handOver(id, recalled.callback, recalled.xml)
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

  return {
    async receive(endpoint, body, wantsExplanation) {
      const receivedMs = timing.nowMs()
      const { accepted, direct, refused, ...answer } = await router.receive(endpoint, body, wantsExplanation)
      if (accepted !== undefined) {
        const kept = await keepAccepted(accepted, body)
        if (kept.executionMs === undefined) start(accepted)
        else takeUp(accepted.id, kept)
        return answer
      }
      if (refused !== undefined) recorder.refused(refused)
      else {
        recorder.direct(direct)
        measure(direct.row, direct.forSettlement, receivedMs, true)
      }
      // A trail that cannot be written lets nothing in; turning away goes on, and so does what the DCC has done already.
      await audit.committed().catch(() => {})
      return answer
    },
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
        takeUp(key, value as Kept)
      }
      reconcile()
    },
    partiesChanged(before) {
      for (const { eui, why } of lostDevices(before, registry(), settlementDayOf(timing.nowMs()))) {
        forget(eui, why).catch((error) => log('cache not emptied', { device: eui, problem: error.message }))
      }
      reconcile()
    },
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
