// Many emulated meters on one TCP line: what they take, and how fast and how evenly the bridge reads them.

import { createFleetBench } from '../support/bench/fleet-bench.ts'
import { fleetSizes } from './fleet-sizes.ts'
import { type Bench, quantile } from './row.ts'

const meters = 1000
const days = 2
/** Requests at a time; the others wait at the User's. */
const inFlight = 100

export const fleet: Bench = async (note) => {
  const row = (name: string, value: number, unit: string) => ({ bench: 'fleet', name, value, unit })
  const sizes = await fleetSizes(note)
  const beganMs = performance.now()
  const bench = await createFleetBench(meters, days)
  const provisionedMs = performance.now() - beganMs
  note('provisioned')
  const made = await bench.startFleet(115200)
  note('started')
  const paced = await bench.readAll(1, inFlight)
  note('read at 115,200 baud')
  await bench.stopFleet()
  const again = await bench.startFleet(0)
  note('started again')
  const unpaced = await bench.readAll(2, inFlight)
  await bench.end()
  const failed = [...paced.reads, ...unpaced.reads].filter(({ response }) => response.code !== 'I0').length
  const waits = paced.reads.map(({ waitMs }) => waitMs)
  return [
    ...sizes,
    row('provisioning, files and registry included', meters / (provisionedMs / 1000), 'meters/s'),
    row('meters on one line', made.meters, ''),
    row(`start of a new meter with ${days} days, each`, made.startMs / meters, 'ms'),
    row('start of a meter that has its log, each', again.startMs / meters, 'ms'),
    row('reads of a day, 115,200 baud', meters / (paced.tookMs / 1000), 'reads/s'),
    row('reads of a day, a socket as fast as it is', meters / (unpaced.tookMs / 1000), 'reads/s'),
    row(`wait at 115,200 baud, ${inFlight} requests at a time, median`, quantile(waits, 0.5), 'ms'),
    row('  the longest, times the median', Math.max(...waits) / quantile(waits, 0.5), ''),
    row('reads that failed', failed, ''),
  ]
}
