// Gauges of a bridge, for tests of the exposition.

import type { Gauges } from '../../../host/metrics/prometheus.ts'
import { defaultThresholds } from '../../../host/metrics/security-monitor.ts'
import { securityEventNames } from '../../../host/state/security-event.ts'

export const gauges: Gauges = {
  unanswered: 1,
  pending: 2,
  auditRecords: 3,
  startedMs: 1000,
  memoryBytes: 4,
  cpuSeconds: 5,
  version: '0.0.0',
  nodeVersion: '0.0.0',
  notReady: undefined,
  isWritable: true,
  lines: [{ line: 'tcp://127.0.0.1:4059', isOpen: true, waiting: 6 }],
  wan: [
    {
      ...{ csp: 'Vodafone', cohort: 'Secure', sessions: 9, underWay: 2, smsDelayed: 8, smsLost: 1 },
      ...{ unreachable: 3, heldBack: 4, heldBackMs: 5500 },
    },
  ],
  shed: 7,
  acknowledging: 8,
  security: securityEventNames.map((event) => ({
    event,
    total: 0,
    threshold: defaultThresholds[event],
    isReached: false,
  })),
}
