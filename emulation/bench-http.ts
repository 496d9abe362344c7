// The DUIS endpoint of a bench over HTTP, for a DUIS client of the caller's.

import type { BridgeNetwork } from '../host/bridge/env.ts'
import { createHttpServer, defaultHttpLimits } from '../host/http/http-server.ts'
import { closeServer, listen } from '../host/http/listen.ts'
import { requestKey } from '../host/requests/accepted-request.ts'
import type { createBench } from './bench.ts'
import { parsed } from './bench-answer.ts'
import type { VirtualClock } from './virtual-clock.ts'

type Bench = Awaited<ReturnType<typeof createBench>>

/** Virtual time that an accepted request may move the clock by. */
const answerMsMax = 10 * 60_000

/**
 * Lets virtual time pass until a request is answered, and its response was sent once. A request that is to be carried out later
 * moves no time.
 */
async function moveToAnswer({ clock, store }: Bench, acknowledgement: string, isOpen: () => boolean): Promise<void> {
  const { code, requestId } = parsed(acknowledgement)
  if (code !== 'I99' || requestId === undefined) return
  const key = requestKey(requestId)
  const untilMs = clock.nowMs() + answerMsMax
  while (isOpen() && clock.nowMs() < untilMs) {
    const accepted = store.get('accepted', key)
    const isLater = Math.max(accepted?.executionMs ?? 0, accepted?.windowMs ?? 0) > clock.nowMs()
    const isUnsent = store.get('outbox', key)?.tries === 0
    if (isLater || (accepted === undefined && !isUnsent)) return
    await clock.pass(100)
  }
}

/**
 * Serves DUIS on a port of this machine, 0 for any. `bench` gives the bench once it has started; in real time nothing has to move
 * the clock. `failed`: what the bridge threw.
 */
export function createBenchServer(
  port: number,
  clock: VirtualClock,
  movesClock: boolean,
  bench: () => Bench,
  failed: (error: unknown) => void,
) {
  let close = () => {}
  let isOpen = true
  const serve: NonNullable<BridgeNetwork['serve']> = async (receive, mailbox) => {
    const server = createHttpServer(
      async (endpoint, body, explain) => {
        const answer = await clock.run(receive(endpoint, body, explain))
        if (movesClock) moveToAnswer(bench(), answer.xml, () => isOpen).catch(failed)
        return answer
      },
      defaultHttpLimits,
      failed,
      { mailbox },
    )
    const url = await listen(server, '127.0.0.1', port, 'port')
    close = () => closeServer(server)
    return { url, metricsUrl: undefined, ready: () => {} }
  }
  return {
    serve,
    close() {
      isOpen = false
      close()
    },
  }
}
