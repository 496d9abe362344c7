// Meters that misbehave on a line of many: how long their requests take, and what the other meters notice; in virtual time.
// And the processor time of the line's queue.

import { defaultLineLimits } from '../../host/wan/line-limits.ts'
import { createLineQueue } from '../../host/wan/line-queue.ts'
import type { Line } from '../../host/wan/serial-line.ts'
import { noUsage } from '../../host/wan/usage.ts'
import { type Priority, priority } from '../../host/wan/waiting-requests.ts'
import { readAmongDead, readBehindLong, readBeside, trtMs } from '../support/bench/hostile-bench.ts'
import { behaviours } from '../support/sim/hostile-meter.ts'
import type { Bench, Row } from './row.ts'

/** Processor time of one session of the queue, microseconds, with so many waiting at the start. */
async function queueUs(waiting: number): Promise<number> {
  const timing = { nowMs: () => Date.now(), steadyMs: () => performance.now(), after: () => ({ cancel() {} }) }
  const queue = createLineQueue({ lineRate: 0, cohortRate: () => 0 }, timing)
  const line: Line = {
    use: (_usage, session) => session({ limits: defaultLineLimits } as never),
    close: async () => {},
  }
  const urgencies: readonly Priority[] = [priority.onDemand, priority.settlement, priority.scheduled]
  const before = process.cpuUsage()
  const sessions = Array.from({ length: waiting }, (_, i) => {
    const urgency = urgencies[i % 3] ?? priority.onDemand
    const request = {
      line: 'a',
      place: { cohort: 'c', csp: 'w' },
      eui: `${i}`,
      priority: urgency,
      deadlineMs: Date.now() + 3.6e6,
    }
    return queue.forRequest(line, request).use(noUsage(), async () => {})
  })
  await Promise.all(sessions)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / waiting
}

export const hostileMeter: Bench = async (note) => {
  const row = (name: string, value: number, unit: string): Row => ({ bench: 'hostile-meter', name, value, unit })
  const rows: Row[] = []
  for (const behaviour of behaviours) {
    note(behaviour)
    const { aloneMs, hostileMs, longestMs, failed } = await readBeside(behaviour)
    if (failed.length > 0) throw new Error(`${behaviour}: ${failed.join('; ')}`)
    rows.push(row(`${behaviour}: its answer ÷ target response time`, hostileMs / trtMs, ''))
    rows.push(row(`${behaviour}: longest read of another meter, beyond its read alone`, longestMs - aloneMs, 'ms'))
  }
  const { live } = await readAmongDead()
  rows.push(row('ten dead meters: longest read of a live one', Math.max(...live.map(({ tookMs }) => tookMs)), 'ms'))
  const { onDemand } = await readBehindLong()
  rows.push(row('on demand behind a read of 13 months at 9,600 baud', onDemand.tookMs, 'ms'))
  await queueUs(20_000)
  for (const waiting of [10, 10_000]) {
    rows.push(row(`line queue, ${waiting} waiting: processor time a session`, await queueUs(waiting), 'µs'))
  }
  return rows
}
