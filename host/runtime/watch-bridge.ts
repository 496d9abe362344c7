// The metrics port of a running bridge: counts the events of the audit trail, and serves the totals.

import type { Server } from 'node:http'
import type { AuditEvent } from '../audit/audit-record.ts'
import type { ServiceAuditTrail } from '../audit/service-audit-trail.ts'
import type { Tables } from '../bridge/tables.ts'
import { createMetricsServer } from '../http/metrics-server.ts'
import { addEvent, addTime, noTimes, noTotals } from '../metrics/event-totals.ts'
import { type Gauges, prometheusText } from '../metrics/prometheus.ts'
import { statsOf } from '../metrics/statistics.ts'
import type { Store } from '../store/store.ts'

export interface BridgeWatch {
  /** Called with every event of the audit trail. */
  event(event: AuditEvent): void
  /** Wraps the DUIS endpoint: the times until acknowledgements are counted. */
  timed<Args extends unknown[], Answer>(take: (...args: Args) => Promise<Answer>): typeof take
  /** False until requests may come, and again when the bridge stops. */
  setReady(ready: boolean): void
  server: Server
}

export function watchBridge(store: Pick<Store<Tables>, 'count'>, trail: ServiceAuditTrail): BridgeWatch {
  const totals = noTotals()
  const acknowledged = noTimes()
  const startedMs = Date.now()
  let ready = false
  const gauges = (): Gauges => {
    const { user, system } = process.cpuUsage()
    return {
      unanswered: store.count('accepted'),
      pending: store.count('outbox'),
      auditRecords: trail.head().seq,
      startedMs,
      memoryBytes: process.memoryUsage.rss(),
      cpuSeconds: (user + system) / 1e6,
    }
  }
  const server = createMetricsServer({
    metrics: () => prometheusText(totals, acknowledged, gauges()),
    stats() {
      const { unanswered, pending } = gauges()
      return { ...statsOf(totals), now: { unanswered, pending } }
    },
    notReady: () => (ready ? trail.trouble() : 'the bridge is starting or stopping'),
  })
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
    setReady(now) {
      ready = now
    },
    server,
  }
}
