// The DUIS endpoint of a bench over HTTP, for a DUIS client of the caller's.

import type { BridgeNetwork } from '../host/bridge/env.ts'
import { createHttpServer, defaultHttpLimits } from '../host/http/http-server.ts'
import { closeServer, listen } from '../host/http/listen.ts'
import { holdExchanges, type MachineClock } from '../host/runtime/machine-clock.ts'

/**
 * Serves DUIS on a port of this machine, 0 for any. `clock` is told of the exchanges with Users; `failed`: what the bridge threw.
 */
export function createBenchServer(
  port: number,
  clock: Omit<MachineClock, 'openPort'>,
  failed: (error: unknown) => void,
) {
  let close = () => {}
  const serve: NonNullable<BridgeNetwork['serve']> = async (receive, mailbox) => {
    const exchanges = holdExchanges(receive, clock)
    const server = createHttpServer(exchanges.receive, defaultHttpLimits, failed, { mailbox })
    exchanges.watch(server)
    const url = await listen(server, '127.0.0.1', port, 'port')
    close = () => closeServer(server)
    return { url, metricsUrl: undefined, ready: () => {} }
  }
  return { serve, close: () => close() }
}
