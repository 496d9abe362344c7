// The S1SP bridge: builds its parts, and sees every accepted request through to its delivery.

import { type AccessPolicy, defaultAccessPolicy } from './access/access-control.ts'
import { deviceDefaults } from './access/device-details.ts'
import type { Registry, Role } from './access/parties.ts'
import { createRequestCounters } from './access/request-counters.ts'
import { createDeviceAlerts } from './alerts.ts'
import type { DailyReadThrough } from './cache/daily-reads.ts'
import type { ReadThrough } from './cache/single-flight.ts'
import type { BridgeConfig } from './config.ts'
import type { Dco } from './dco/sealer.ts'
import { createDelivery, type Delivery, type Post } from './delivery.ts'
import type { Schema } from './duis/schema.ts'
import type { Signer } from './duis/sign.ts'
import type { TrustStore } from './duis/trust.ts'
import { createFutureDated } from './future-dated.ts'
import type { Endpoint, HttpAnswer } from './http-server.ts'
import { createPerformance, trtMsOf } from './performance.ts'
import { type Accepted, type Answered, askedMs, createRouter, type Router } from './router.ts'
import { createCapacity, type Priority, priority } from './schedule/capacity.ts'
import { openSchedules, type ScheduleService } from './schedule/service.ts'
import { cohortRate } from './schedule/settings.ts'
import { deviceReads } from './srv/device-reads.ts'
import { readInventoryHandler } from './srv/inventory.ts'
import type { SrvRow } from './srv/srv-table.ts'
import type { Store } from './store/store.ts'
import type { OpenPort } from './wan/bindings.ts'
import { defaultLineLimits } from './wan/limits.ts'
import { createLine, type Line, type Timing } from './wan/line.ts'
import { createMeterSessions } from './wan/meter-session.ts'
import { ReadError } from './wan/read-error.ts'
import { addUsage, noUsage, type Usage } from './wan/usage.ts'

/** What comes in from outside: time, randomness, serial, disk, keys, the log. */
export interface BridgeParts {
  config: BridgeConfig
  registry: Registry
  trust: TrustStore
  dsp: Signer
  /** EUI-64 of the DSP. */
  dspEui: string
  s1sp: Signer
  dco: Dco
  store: Store
  readThrough: ReadThrough
  dailyReadThrough: DailyReadThrough
  /** Forgets what the cache holds of a device. */
  emptyCache(eui: string): Promise<void>
  schema: Schema | undefined
  timing: Timing
  openPort: OpenPort
  post: Post
  log(event: string, fields: { [name: string]: unknown }): void
  /** Told of every final answer. */
  answered?(answered: Answered): void
}

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
  /** DCC schedules. Call `runner.reconcile` when registrations or devices have changed. */
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
  const { config, store, timing, log } = parts
  const lines = new Map<string, Line>()
  const total = noUsage()
  const underWay = new Set<Promise<void>>()
  const futureDated = createFutureDated(timing)
  const policy: AccessPolicy = { ...defaultAccessPolicy, codes: config.codes }
  const registry = () => parts.registry
  const performance = createPerformance(store, timing)
  const { lineRate } = config.schedule
  const capacity = createCapacity({ lineRate, cohortRate: (name) => cohortRate(config.schedule, name) }, timing)

  /** The line of a device; the default one when the registry names none of its own. */
  function lineOf(name: string): Line {
    const url = name === 'default' ? config.lineUrl : name
    if (url === undefined) throw new ReadError('no port', 'no line is configured: name one with --port')
    const line = lines.get(url) ?? createLine(url, parts.openPort, { ...defaultLineLimits, baud: config.baud }, timing)
    lines.set(url, line)
    return line
  }

  /** The same line, for one request: its sessions wait for their turn among those of others. */
  function lineFor({ allowed, deadlineMs, ...accepted }: Accepted): Line {
    const { eui, line, cohort, s1sp } = allowed.device
    const passenger = { line, eui, deadlineMs, cohort: cohort ?? s1sp ?? deviceDefaults.s1sp }
    return capacity.forPassenger(lineOf(line), { ...passenger, priority: priorityOf({ ...accepted, allowed }) })
  }

  async function forget(eui: string, why: string): Promise<void> {
    await parts.emptyCache(eui)
    log('cache emptied', { device: eui, why })
  }

  const delivery = createDelivery(store, parts.post, timing, log)
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
      sessions.visit(lineFor(accepted), eui, { deadlineMs: accepted.deadlineMs, usage }, work),
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

  function measure(row: SrvRow, role: Role | undefined, receivedMs: number, good: boolean): void {
    const trtMs = trtMsOf(row, role) ?? 0
    const tookMs = timing.nowMs() - receivedMs
    performance.record({ srv: row.variant, kind: 'onDemand', settlement: role === 'MDR', trtMs, tookMs, good })
  }

  function tell(answered: Answered): void {
    log('answered', { ...answered, requestId: answered.id })
    parts.answered?.(answered)
  }

  /** Writes reach the disk in the order asked for: at no moment is neither the request nor its answer there. */
  async function handOver(id: string, callback: string, xml: string): Promise<void> {
    await Promise.all([delivery.keep(id, callback, xml), store.remove('accepted', id)])
    delivery.start(id)
  }

  /** Answers and hands over. The answer is on disk before the request is forgotten, and both before it is sent. */
  async function finish(accepted: Accepted): Promise<void> {
    const usage = noUsage()
    const { xml, answered } = await router.answer(accepted, usage)
    addUsage(total, usage)
    await handOver(accepted.id, accepted.allowed.user.callback, xml)
    measure(accepted.row, accepted.allowed.role, askedMs(accepted), answered.code === 'I0')
    tell(answered)
  }

  function start(accepted: Accepted): void {
    // A read of the device that waits for its turn on behalf of somebody less urgent will serve this one, too.
    capacity.hurry(accepted.allowed.device.eui, priorityOf(accepted))
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
      log('dropped', { requestId: id, reason: 'its User is no longer in the registry: there is nobody to answer' })
      void store.remove('accepted', id)
    } else if ('xml' in recalled) {
      log('answered', { requestId: id, reason: recalled.reason })
      void handOver(id, recalled.callback, recalled.xml)
    } else start(recalled)
  }

  return {
    async receive(endpoint, body, wantsExplanation) {
      const receivedMs = timing.nowMs()
      const { accepted, direct, ...answer } = await router.receive(endpoint, body, wantsExplanation)
      if (direct !== undefined) measure(direct.row, direct.roles[0], receivedMs, true)
      if (accepted !== undefined) {
        const { executionMs } = accepted.request
        const kept: Kept = { body, receivedMs: accepted.receivedMs, ...(executionMs !== undefined && { executionMs }) }
        await store.put('accepted', accepted.id, kept)
        if (executionMs === undefined) start(accepted)
        else takeUp(accepted.id, kept)
      }
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
      void schedules.runner
        .reconcile()
        .catch((error) => log('schedules not checked', { problem: (error as Error).message }))
    },
    delivery,
    forget,
    schedules,
    total,
    async stop() {
      futureDated.stop()
      capacity.stop()
      await Promise.all([...underWay, schedules.runner.stop()])
      await delivery.stop()
      await performance.flush()
      await Promise.all([...lines.values()].map((line) => line.close()))
    },
  }
}

/** On demand first, then what serves settlement, which is all that an MDR asks for (table 6), then schedules. */
function priorityOf({ schedule, allowed }: Pick<Accepted, 'schedule' | 'allowed'>): Priority {
  if (schedule !== undefined) return priority.scheduled
  return allowed.role === 'MDR' ? priority.settlement : priority.onDemand
}
