// Serial ports that are pulled and plugged in again, a thousand times.

import { hasSocat } from '../support/left-out.ts'
import { nativeLeftovers, unplugCycles } from '../support/sim/unplug-cycles.ts'
import { type Bench, quantile } from './row.ts'

const cycles = 1000

export const ports: Bench = async (note) => {
  if (!hasSocat) {
    note('left out, because socat is not installed (apt-get install socat)')
    return []
  }
  const { bridgeMs, meterMs, talked, problems, before, after } = await unplugCycles(cycles, 20, (done) => {
    if (done % 100 === 0) note(`${done} of ${cycles} cycles`)
  })
  const native = await nativeLeftovers(cycles)
  const row = (name: string, value: number, unit = '') => ({ bench: 'ports', name, value, unit })
  for (const problem of problems.slice(0, 5)) note(problem)
  return [
    row('unplugged and plugged in again', cycles),
    row('of these, a packet went both ways afterwards', talked),
    row('bridge open again after the return, median', quantile(bridgeMs, 0.5) / 1000, 's'),
    row('bridge open again after the return, longest', Math.max(...bridgeMs) / 1000, 's'),
    row('meter open again after the return, longest', Math.max(...meterMs) / 1000, 's'),
    row('"Cannot lock port" and other problems', problems.length),
    row('open files more than before', after.files - before.files),
    row('listeners more than before', after.listeners - before.listeners),
    row('heap more than before', (after.heapBytes - before.heapBytes) / 1024, 'KB'),
    row(
      '  of this, each opening in the native binding alone (its Poller is never freed)',
      native.heapBytes / 1024,
      'KB',
    ),
    row('open files more than before, native binding alone', native.files),
  ]
}
