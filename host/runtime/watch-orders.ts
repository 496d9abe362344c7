// What an operator has asked for beside the running bridge (`smets1 pending`): done within a second, and recorded.

import type { BridgeEnv } from '../bridge/env.ts'
import type { Bridge } from '../bridge/start-bridge.ts'
import type { Timing } from '../wan/timing.ts'

const lookEveryMs = 500

/**
 * Looks into the table `orders` until the bridge stops, in real time whatever the bridge's clock is. An order stays there until it
 * is done.
 */
export function watchOrders({ disk, log, lifecycle }: BridgeEnv, bridge: Bridge, timing: Timing): void {
  const { store, audit } = disk
  let timer = timing.after(0, look)
  lifecycle.own(() => timer.cancel())

  async function execute(order: string): Promise<void> {
    const id = order.slice(order.indexOf('/') + 1)
    let done = true
    if (order === 'confirm-clock') await bridge.delivery.confirmAge()
    else if (order.startsWith('retry/')) done = await bridge.delivery.retry(id)
    else if (order.startsWith('discard/')) done = await bridge.delivery.discard(id)
    log('order', { order, done })
    if (done) audit.record({ event: 'operator order', order })
    await audit.committed()
    await store.remove('orders', order)
  }

  async function lookOnce(): Promise<void> {
    if (store.count('orders') === 0) return
    for (const { key } of [...store.range('orders', '', '\uffff')]) await execute(key)
  }

  function look(): void {
    lookOnce()
      .catch((error: Error) => log('fault', { problem: error.message }))
      .finally(() => {
        timer = timing.after(lookEveryMs, look)
      })
  }
}
