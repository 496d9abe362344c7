// Monitoring, on its own port: /metrics, /stats, /healthz, /readyz. Read only.

import { createServer, type Server } from 'node:http'
import type { ReportSecurity } from '../state/security-event.ts'
import { type ConnectionLimits, limitConnections, peerOf } from './connection-limits.ts'
import { namesThisHost, pathOf } from './request-target.ts'

export interface MetricsSources {
  metrics(): string
  stats(): unknown
  /** Why the bridge should be sent no requests now; undefined when it should. */
  notReady(): string | undefined
}

const prometheus = 'text/plain; version=0.0.4; charset=utf-8'
const plain = 'text/plain; charset=utf-8'

function answer(path: string, sources: MetricsSources): { status: number; type: string; text: string } {
  switch (path) {
    case '/metrics':
      return { status: 200, type: prometheus, text: sources.metrics() }
    case '/stats':
      return { status: 200, type: 'application/json', text: `${JSON.stringify(sources.stats())}\n` }
    // Liveness: an answer is enough.
    case '/healthz':
      return { status: 200, type: plain, text: 'ok\n' }
    case '/readyz': {
      const why = sources.notReady()
      return { status: why === undefined ? 200 : 503, type: plain, text: `${why ?? 'ready'}\n` }
    }
    default:
      return { status: 404, type: plain, text: 'there are /metrics, /stats, /healthz and /readyz\n' }
  }
}

const limits: ConnectionLimits = { connectionsMax: 64, perPeer: 16, waitingMax: 48 }

export function createMetricsServer(sources: MetricsSources, report: ReportSecurity = () => {}): Server {
  const options = { connectionsCheckingInterval: 1000, requestTimeout: 5000, headersTimeout: 5000 }
  const server = createServer(options, (request, response) => {
    request.resume()
    if (!namesThisHost(request)) {
      report({ event: 'call refused', who: peerOf(request.socket.remoteAddress), what: 'metrics: Host' })
      response.writeHead(421, { 'content-type': plain }).end('name this host as 127.0.0.1 or localhost\n')
      return
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD', 'content-type': plain }).end('GET only\n')
      return
    }
    const { status, type, text } = answer((pathOf(request.url) ?? '').split('?', 1)[0] ?? '', sources)
    response.writeHead(status, {
      'content-type': type,
      'content-length': Buffer.byteLength(text),
      'cache-control': 'no-store',
    })
    response.end(request.method === 'HEAD' ? undefined : text)
  })
  limitConnections(server, limits, report)
  return server
}
