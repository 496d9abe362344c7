// The S1SP bridge: builds its parts, and sees every accepted request through to its delivery.

import { type AccessPolicy, defaultAccessPolicy } from './access/access-control.ts'
import type { Registry } from './access/parties.ts'
import { createRequestCounters } from './access/request-counters.ts'
import { createRecorder } from './audit/recorder.ts'
import type { ServiceAuditTrail } from './audit/service-audit-trail.ts'
import type { ReadThrough } from './cache/single-flight.ts'
import type { BridgeConfig } from './config.ts'
import type { Dco } from './dco/sealer.ts'
import { createDelivery, type Delivery, type DeliveryEvent, type Post } from './delivery.ts'
import type { Schema } from './duis/schema.ts'
import type { Signer } from './duis/sign.ts'
import type { TrustStore } from './duis/trust.ts'
import type { Endpoint, HttpAnswer } from './http-server.ts'
import { type Accepted, type Answered, createRouter, type Handler } from './router.ts'
import { answerReadProfile } from './srv/read-profile.ts'
import type { Store } from './store/store.ts'
import type { OpenPort } from './wan/bindings.ts'
import { defaultLineLimits } from './wan/limits.ts'
import { createLine, type Line, type Timing } from './wan/line.ts'
import { ReadError, readProfile } from './wan/meter-session.ts'
import { addUsage, noUsage, type Usage } from './wan/usage.ts'

/** What comes in from outside: time, randomness, serial, disk, keys, the log. */
export interface BridgeParts {
  config: BridgeConfig
  /** Who is who, and whose signatures are believed, from now on. */
  registry(): Registry
  trust(): TrustStore
  dsp: Signer
  s1sp: Signer
  dco: Dco
  store: Store
  readThrough: ReadThrough
  schema: Schema | undefined
  timing: Timing
  openPort: OpenPort
  post: Post
  /** What happened to each request, on disk before its acknowledgement or answer leaves. */
  audit: Pick<ServiceAuditTrail, 'record' | 'committed'>
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
  /** What everything cost since the start. */
  total: Usage
  /** Waits for answers under way, then lets go of lines. */
  stop(): Promise<void>
}

/** What is kept on disk of a request between I99 and its final answer. */
interface Kept {
  body: Uint8Array
  receivedMs: number
}

export function createBridge(parts: BridgeParts): Bridge {
  const { config, store, timing, log, audit } = parts
  const recorder = createRecorder(audit.record, timing.nowMs)
  const lines = new Map<string, Line>()
  const total = noUsage()
  const underWay = new Set<Promise<void>>()
  const policy: AccessPolicy = { ...defaultAccessPolicy, codes: config.codes }

  /** The line of a device; the default one when the registry names none of its own. */
  function lineOf(name: string): Line {
    const url = name === 'default' ? config.lineUrl : name
    if (url === undefined) throw new ReadError('no port', 'no line is configured: name one with --port')
    const line = lines.get(url) ?? createLine(url, parts.openPort, { ...defaultLineLimits, baud: config.baud }, timing)
    lines.set(url, line)
    return line
  }

  const readActiveImport: Handler = (accepted, answer, usage) =>
    answerReadProfile(
      accepted.request,
      accepted.allowed.device,
      {
        readThrough: parts.readThrough,
        nowMs: timing.nowMs(),
        readMeter: (device, channel, first, count) => {
          const reader = { line: lineOf(device.line), dco: parts.dco, timing }
          return readProfile(reader, device.eui, channel, first, count, accepted.deadlineMs, usage)
        },
      },
      answer,
    )

  const router = createRouter({
    nowMs: timing.nowMs,
    registry: parts.registry,
    policy,
    codes: config.codes,
    trust: parts.trust,
    counters: createRequestCounters(store, config.counters),
    dsp: parts.dsp,
    s1sp: parts.s1sp,
    schema: parts.schema,
    explain: config.explain,
    handlers: { '4.8.1': readActiveImport },
    log,
  })
  const tellDelivery = (event: DeliveryEvent) => {
    const { event: name, ...fields } = event
    log(name, fields)
    recorder.delivery(event)
  }
  const delivery = createDelivery(store, parts.post, timing, tellDelivery, (error) =>
    log('delivery failed', { problem: error.message }),
  )

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
  async function keepAccepted(accepted: Accepted, body: Uint8Array): Promise<void> {
    const kept: Kept = { body, receivedMs: accepted.receivedMs }
    await store.put('accepted', accepted.id, kept)
    recorder.accepted(accepted)
    await audit.committed().catch(async (error) => {
      await store.remove('accepted', accepted.id)
      throw error
    })
  }

  /** Answers and hands over. The answer is on disk before the request is forgotten, and both before it is sent. */
  async function finish(accepted: Accepted): Promise<void> {
    const usage = noUsage()
    const { xml, answered } = await router.answer(accepted, usage)
    addUsage(total, usage)
    recorder.answered(accepted, answered, xml)
    await handOver(accepted.id, accepted.allowed.user.callback, xml)
    log('answered', { ...answered, requestId: answered.id })
    parts.answered?.(answered)
  }

  function start(accepted: Accepted): void {
    const work = finish(accepted)
      .catch((error) => log('answer failed', { requestId: accepted.id, problem: (error as Error).message }))
      .finally(() => underWay.delete(work))
    underWay.add(work)
  }

  return {
    async receive(endpoint, body, wantsExplanation) {
      const { accepted, refused, ...answer } = await router.receive(endpoint, body, wantsExplanation)
      if (accepted !== undefined) {
        await keepAccepted(accepted, body)
        start(accepted)
      } else {
        recorder.refused(refused)
        // A trail that cannot be written lets nothing in; turning away goes on.
        await audit.committed().catch(() => {})
      }
      return answer
    },
    resume() {
      // First what was answered before; what is answered from here on is sent by itself.
      delivery.resume()
      for (const { key, value } of [...store.range('accepted', '', '\uffff')]) {
        const { body, receivedMs } = value as Kept
        // Answered already: only the note that it was accepted is left.
        if (delivery.has(key)) {
          void store.remove('accepted', key)
          continue
        }
        const recalled = router.recall(body, receivedMs)
        if (recalled === undefined) {
          const reason = 'its User is no longer in the registry: there is nobody to answer'
          log('dropped', { requestId: key, reason })
          recorder.dropped(key, reason)
          void store.remove('accepted', key)
        } else if ('xml' in recalled) {
          log('answered', { requestId: key, reason: recalled.reason })
          recorder.recalled(key, recalled)
          void handOver(key, recalled.callback, recalled.xml)
        } else {
          recorder.accepted(recalled, true)
          start(recalled)
        }
      }
    },
    delivery,
    total,
    async stop() {
      await Promise.all(underWay)
      await delivery.stop()
      await Promise.all([...lines.values()].map((line) => line.close()))
    },
  }
}
