// The bridge of the overload bench, in a process of its own. Started by overload.ts with a state directory.

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { readConfig } from '../../host/config/config.ts'
import { runBridge } from '../../host/runtime/run-bridge.ts'
import { statePaths } from '../../host/state/state-directory.ts'

/** Bytes, and microseconds of processor time since the start. */
export interface BridgeState {
  rss: number
  heapUsed: number
  external: number
  cpuMicros: number
}

function stateNow(): BridgeState {
  const { rss, heapUsed, external } = process.memoryUsage()
  const { user, system } = process.cpuUsage()
  return { rss, heapUsed, external, cpuMicros: user + system }
}

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

const paths = statePaths(process.argv[2] ?? '')
const running = await runBridge(paths, readConfig(paths.config, {}, { httpPort: 0, metricsPort: 0 }))
process.send?.({ url: running.url, metricsUrl: running.metricsUrl })
process.on('message', (message: 'state' | 'collected' | 'stop') => {
  if (message === 'stop') {
    void running.stop().then(() => process.disconnect())
    return
  }
  if (message === 'collected') collect()
  process.send?.(stateNow())
})
process.on('disconnect', () => process.exit(0))
