// The metrics port of a running bridge: counts the events of the audit trail, serves the totals, and says whether the bridge
// is ready.

import type { Server } from 'node:http'
import type { AuditEvent } from '../audit/audit-record.ts'
import type { ServiceAuditTrail } from '../audit/service-audit-trail.ts'
import type { Tables } from '../bridge/tables.ts'
import type { LoadGate } from '../http/load-gate.ts'
import { createMetricsServer } from '../http/metrics-server.ts'
import { addEvent, addTime, noTimes, noTotals } from '../metrics/event-totals.ts'
import { type Gauges, prometheusText } from '../metrics/prometheus.ts'
import type { SecurityMonitor } from '../metrics/security-monitor.ts'
import { statsOf } from '../metrics/statistics.ts'
import { version } from '../state/version.ts'
import type { Store } from '../store/store.ts'
import type { LineState } from '../wan/line-state.ts'
import type { WanCount } from '../wan/wan-counts.ts'

export interface BridgeWatch {
  /** Called with every event of the audit trail. */
  event(event: AuditEvent): void
  /** Wraps the DUIS endpoint: the times until acknowledgements are counted. */
  timed<Args extends unknown[], Answer>(take: (...args: Args) => Promise<Answer>): typeof take
  /** Requests may come; the lines are looked at whenever somebody asks. */
  ready(lines: () => readonly LineState[], wan: () => readonly WanCount[]): void
  /** The bridge stops: it is no longer ready. */
  stopping(): void
  server: Server
}

export interface WatchParts {
  store: Pick<Store<Tables>, 'count' | 'trouble'>
  /** Why keys cannot be written; undefined when they can. */
  keysTrouble(): string | undefined
  trail: Pick<ServiceAuditTrail, 'head' | 'trouble'>
  security: Pick<SecurityMonitor, 'counts' | 'report'>
  gate: Pick<LoadGate, 'shed' | 'inside'>
}

/** Why a bridge with these lines cannot read any meter; undefined when it can, or has no line yet. */
function whyNoLine(lines: readonly LineState[]): string | undefined {
  if (lines.length === 0 || lines.some(({ isOpen }) => isOpen)) return undefined
  const why = lines.map(({ line, problem }) => problem ?? `${line} is not open yet`)
  return `no line is open: ${why.join('; ')}`
}

export function watchBridge({ store, keysTrouble, trail, security, gate }: WatchParts): BridgeWatch {
  const totals = noTotals()
  const acknowledged = noTimes()
  const startedMs = Date.now()
  let linesNow: (() => readonly LineState[]) | undefined
  let wanNow: () => readonly WanCount[] = () => []

  const diskTroubles = () => [store.trouble(), keysTrouble(), trail.trouble()]

  function notReady(): string | undefined {
    if (linesNow === undefined) return 'the bridge is starting or stopping'
    const reasons = [...diskTroubles(), whyNoLine(linesNow())].filter((reason) => reason !== undefined)
    return reasons.length === 0 ? undefined : reasons.join('\n')
  }

  const gauges = (): Gauges => {
    const { user, system } = process.cpuUsage()
    return {
      unanswered: store.count('accepted'),
      pending: store.count('outbox'),
      auditRecords: trail.head().seq,
      startedMs,
      memoryBytes: process.memoryUsage.rss(),
      cpuSeconds: (user + system) / 1e6,
      version,
      nodeVersion: process.versions.node,
      notReady: notReady(),
      isWritable: diskTroubles().every((trouble) => trouble === undefined),
      lines: linesNow?.() ?? [],
      wan: wanNow(),
      shed: gate.shed(),
      acknowledging: gate.inside(),
      security: security.counts(),
    }
  }
  const sources = {
    metrics: () => prometheusText(totals, acknowledged, gauges()),
    stats() {
      const { unanswered, pending } = gauges()
      return { ...statsOf(totals), now: { unanswered, pending } }
    },
    notReady,
  }
  return {
    event: (event) => addEvent(totals, event),
    timed:
      (take) =>
      async (...args) => {
        const startMs = performance.now()
        const answer = await take(...args)
        addTime(acknowledged, performance.now() - startMs)
        return answer
      },
    ready(lines, wan) {
      linesNow = lines
      wanNow = wan
    },
    stopping() {
      linesNow = undefined
    },
    server: createMetricsServer(sources, security.report),
  }
}
