// A process that serves HTTP for a bridge: reads requests, verifies them and signs acknowledgements.
// Started by `workers.ts`, which is in the process that decides. It opens no file of the state directory but is told what
// it must know.

import { loadSchema } from '../duis/schema.ts'
import { createHttpServer, defaultHttpLimits } from '../http/http-server.ts'
import { listen } from '../http/listen.ts'
import { inThisThread } from '../pki/public-key.ts'
import type { TrustStore } from '../pki/trust.ts'
import { type Acknowledgement, createDuisEndpoint } from '../requests/duis-endpoint.ts'
import { type Channel, createCalls } from './process-calls.ts'
import { signerOf, type ToldTrust, trustOf, type WorkerStart } from './worker-messages.ts'

let trust: TrustStore = new Map()
let close = () => {}

const calls = createCalls(process as Channel, {
  trust(told: ToldTrust) {
    trust = trustOf(told)
  },
  close: () => close(),
})

function log(event: string, fields: { [name: string]: unknown }): void {
  calls.call('log', { event, fields }).catch(() => {})
}

async function serve({ host, port, codes, ...told }: WorkerStart): Promise<string> {
  trust = trustOf(told.trust)
  const door = createDuisEndpoint(
    {
      nowMs: Date.now,
      trust: () => trust,
      codes,
      schema: told.schema === undefined ? undefined : loadSchema(told.schema),
      verify: inThisThread,
      dsp: signerOf(told.dsp),
      log,
    },
    (asked) => calls.call('decide', asked) as Promise<Acknowledgement>,
  )
  const server = createHttpServer(door, defaultHttpLimits, (error) =>
    log('fault', { problem: (error as Error).stack ?? String(error) }),
  )
  close = () => {
    server.close()
    server.closeAllConnections()
  }
  return listen(server, host, port, '--http-port')
}

// A signal may reach all processes of a group; the one that decides first finishes what was accepted, and then ends us.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
process.on('disconnect', () => process.exit(0))

const start = (await calls.call('start', undefined)) as WorkerStart
await serve(start).then(
  (url) => calls.call('serving', url),
  (error: Error) => calls.call('failed', error.message),
)
