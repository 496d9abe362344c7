// The composition root: builds the bridge from the bottom up. Nothing is used before the line that makes it.

import type { AccessPolicy } from '../access/access-control.ts'
import type { Registry } from '../access/parties.ts'
import { createRequestCounters } from '../access/request-counters.ts'
import { accessPolicyOf, type BridgeConfig } from '../config/config.ts'
import { createPerformance, type Performance } from '../metrics/performance-measures.ts'
import { inThisThread } from '../pki/public-key.ts'
import { type CompletedRequest, countedFromMs } from '../requests/accepted-request.ts'
import { createAdmission } from '../requests/admission.ts'
import { createDuisEndpoint, type DuisEndpoint, schemaCheck } from '../requests/duis-endpoint.ts'
import { createExecution, type Execution } from '../requests/execution.ts'
import { createFutureDated } from '../requests/future-dated.ts'
import { createProcessing, type Processing, type ProcessingReport } from '../requests/processing.ts'
import { serializedProvenance } from '../requests/provenance.ts'
import { createRecall } from '../requests/recall.ts'
import { createRecorder, type Recorder } from '../requests/recorder.ts'
import { securityEventOf } from '../requests/refusal-events.ts'
import type { RunReport } from '../schedule/run-outcomes.ts'
import { openSchedules, type ScheduleService } from '../schedule/schedule-service.ts'
import { executionTime } from '../schedule/settlement-window.ts'
import { deviceReads } from '../services/device-reads.ts'
import { readInventoryHandler } from '../services/inventory.ts'
import { noUsage, type Usage } from '../wan/usage.ts'
import { createCache } from './cache.ts'
import type { BridgeEnv, Served } from './env.ts'
import { followParties } from './follow-parties.ts'
import { createLines, type Lines } from './line-pool.ts'
import { type OpenDelivery, openDelivery } from './outbox.ts'
import { createSessions, type Sessions } from './sessions.ts'

export interface Bridge {
  /** Answers one POST. */
  receive: DuisEndpoint
  /** Where it listens; undefined where the environment listens nowhere. */
  served: Served | undefined
  /** Responses that are not delivered yet, and the mailboxes of Users without a callback. */
  delivery: Pick<OpenDelivery, 'pending' | 'read' | 'retry' | 'discard' | 'mailbox' | 'confirmAge'>
  /** DCC schedules. */
  schedules: ScheduleService
  /** Removes what the cache holds of a device. `why` is logged. */
  evictDevice(eui: string, why: string): Promise<void>
  setMeterClock: Sessions['setMeterClock']
  /** Call it after the registry has changed: removes schedules and cached readings to which no party has a right any more. */
  partiesChanged(before: Registry): void
  /** Total cost since the start. */
  total: Usage
  /** Waits for responses under way, then closes everything, the environment included. */
  stop(): Promise<void>
}

/**
 * Starts a bridge: builds it, listens, continues what an earlier run left, and opens the lines. When that fails,
 * everything is closed again. @throws CommandError
 */
export async function startBridge(env: BridgeEnv, config: BridgeConfig): Promise<Bridge> {
  try {
    const bridge = await build(env, config)
    const served = await env.network.serve?.(bridge.receive, bridge.delivery.mailbox)
    recover(bridge)
    if (env.wan.holdLines) bridge.lines.hold()
    served?.ready(bridge.lines.states, bridge.lines.wanCounts)
    const { receive, delivery, schedules, evictDevice, setMeterClock, partiesChanged, total } = bridge
    const running = { receive, delivery, schedules, evictDevice, setMeterClock, partiesChanged, total }
    return { ...running, served, stop: env.lifecycle.close }
  } catch (error) {
    await env.lifecycle.close()
    throw error
  }
}

interface Parts extends Omit<Bridge, 'served' | 'stop' | 'delivery'> {
  delivery: OpenDelivery
  processing: Processing
  lines: Lines
  reconcile(): void
}

/** Continues what an earlier run left. The order matters. */
function recover({ schedules, delivery, processing, reconcile }: Parts): void {
  // Schedules look into the outbox for runs that were answered, before anything leaves it.
  schedules.runner.start()
  // Then the responses that were not delivered. From here on, new responses are sent at once.
  delivery.resume(processing.again)
  // Then the requests that were accepted and not answered.
  processing.resume()
  reconcile()
}

async function build(env: BridgeEnv, config: BridgeConfig): Promise<Parts> {
  const { timing, disk, keys, parties, log, lifecycle } = env
  const { nowMs } = timing
  const { registry } = parties
  const policy = accessPolicyOf(config)
  const total = noUsage()
  const recorder = createRecorder(disk.audit, nowMs)
  const checkOwn = schemaCheck(disk.schema, log)
  const cache = createCache(env, config)
  const follower = followParties(env, cache.evictDevice)
  const lines = createLines({ config, openPort: env.wan.openPort, model: env.models?.wan, timing, registry, log })
  lifecycle.own(lines.close)
  const performance = createPerformance(disk.store, timing, config.targetResponseTimes)
  lifecycle.own(performance.flush)
  const delivery = await openDelivery(env, config, recorder)
  const sessions = createSessions({ env, clocks: config, lines, delivery, evictDevice: cache.evictDevice, checkOwn })
  const { setMeterClock } = sessions
  const handlers = deviceReads({ nowMs, ...cache, ...sessions })
  const execution = createExecution({
    timing,
    codes: config.codes,
    dsp: keys.dsp.signer,
    s1sp: keys.s1sp,
    handlers,
    checkOwn,
    settlementDay: follower.ready,
    total,
    faults: env.faults,
  })
  const report = createReport({ env, total, lines, performance, recorder })
  const schedules = await openSchedules({
    timing,
    store: disk.store,
    settings: config.schedule,
    alertCodes: config.alertCodes,
    access: { registry, policy },
    dsp: keys.dsp,
    delivery,
    performance,
    execution,
    report: report.runs,
  })
  const reconcile = (devices?: readonly string[]) => {
    schedules.runner
      .reconcile(devices)
      .catch((error) => log('schedules not checked', { problem: (error as Error).message }))
  }
  follower.follow(reconcile)
  const { targetMs } = performance
  const processing = createRequests({ env, config, policy, recorder, delivery, execution, schedules, report, targetMs })
  lifecycle.own(async () => {
    lines.stopWaiting()
    await Promise.all([processing.stop(), schedules.runner.stop()])
  })
  const { trust } = parties
  const { schema } = disk
  const verify = keys.verify ?? inThisThread
  const receive = createDuisEndpoint(
    { nowMs, codes: config.codes, trust, dsp: keys.dsp.signer, schema, verify, log },
    processing.receive,
  )
  const { evictDevice } = cache
  const { changed: partiesChanged } = follower
  const made = { receive, delivery, schedules, evictDevice, setMeterClock, partiesChanged, total }
  return { ...made, processing, lines, reconcile }
}

interface ReportParts {
  env: BridgeEnv
  total: Usage
  lines: Lines
  performance: Performance
  recorder: Recorder
}

/** What is logged, recorded and measured of requests and of runs of schedules. */
function createReport({ env, total, lines, performance, recorder }: ReportParts) {
  const { log } = env
  const logCompleted = (completed: CompletedRequest) => {
    const { provenance, ...fields } = completed
    const from = provenance && { sources: serializedProvenance(provenance, total) }
    log('answered', { ...fields, ...from, requestId: completed.id })
    env.completed?.(completed)
  }
  const requests: ProcessingReport = {
    waiting(accepted, untilMs) {
      const { id: requestId, row } = accepted
      log('waiting', { requestId, srv: row.variant, until: new Date(untilMs).toISOString(), why: 'its window' })
      recorder.waiting(accepted, untilMs)
    },
    started: lines.raisePriority,
    completed(accepted, completed) {
      const { row, forSettlement } = accepted
      performance.onDemand(row, forSettlement, countedFromMs(accepted), completed.code === 'I0')
      logCompleted(completed)
    },
    refused(refused) {
      const event = securityEventOf(refused)
      if (event !== undefined) env.reportSecurity?.(event)
    },
    direct: ({ row, forSettlement }, receivedMs) => performance.onDemand(row, forSettlement, receivedMs, true),
    log,
  }
  const runs: RunReport = {
    record(accepted, completed, xml) {
      recorder.accepted(accepted)
      recorder.completed(accepted, completed, xml)
      return recorder.committed()
    },
    completed: logCompleted,
    log,
  }
  return { requests, runs }
}

interface RequestParts {
  env: BridgeEnv
  config: BridgeConfig
  policy: AccessPolicy
  recorder: Recorder
  delivery: OpenDelivery
  execution: Execution
  schedules: ScheduleService
  report: ReturnType<typeof createReport>
  targetMs: Performance['targetMs']
}

/** Admission, and what follows it. */
function createRequests(parts: RequestParts) {
  const { env, config, policy, recorder, delivery, execution, schedules, report, targetMs } = parts
  const { timing, disk, keys, parties, log } = env
  const { nowMs } = timing
  const { registry } = parties
  const { codes, explain } = config
  const futureDated = createFutureDated(timing)
  const counters = createRequestCounters(disk.store, {
    mode: config.counters,
    lowered: (event) => disk.audit.record({ event: 'counter lowered', ...event }),
  })
  const admission = createAdmission({
    registry,
    policy,
    counters,
    direct: {
      dspEui: keys.dsp.eui,
      handlers: { ...schedules.directHandlers, readInventory: readInventoryHandler({ registry, policy }) },
    },
    offers: execution.offers,
    targetMs,
    waiting: futureDated.count,
    explain,
    log,
    faults: env.faults,
  })
  const recall = createRecall({ nowMs, codes, registry, dsp: keys.dsp.signer, allow: admission.allow })
  return createProcessing({
    timing,
    accepted: delivery.accepted,
    recorder,
    admission,
    recall,
    execution,
    delivery,
    times: {
      futureDated,
      windows: createFutureDated(timing),
      earliestMs({ forSettlement, allowed: { device }, request, deadlineMs }) {
        const number = Number(request.requestId.counter & 0xffff_ffffn)
        return executionTime(config.schedule, { forSettlement, device, number, deadlineMs }, nowMs())
      },
    },
    explain,
    report: report.requests,
  })
}
