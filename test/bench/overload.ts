// Twice the rate that the bridge can sustain, for a minute: what is lost, what callers get, what memory does, and how soon all
// is as before. Bridge and Users are processes of their own. The sustainable rate is found in the same run, warm.

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fillBench } from '../../emulation/cli/new-bench.ts'
import { provisionFlash } from '../../hardware/cli/provision.ts'
import { createState, statePaths } from '../../host/state/state-directory.ts'
import { fillCache, fillRegistry } from './cached-devices.ts'
import type { BridgeState } from './overload-bridge.ts'
import type { Outcome, Task } from './overload-load.ts'
import type { Bench, Row } from './row.ts'

const devices = 2000
const inFlight = 96
/** Requests until the code is compiled, and those by which the rate is found. */
const warmUp = 20_000
const steady = 10_000
const overloadSeconds = 60
const times = 2

const row = (name: string, value: number, unit: string) => ({ bench: 'overload', name, value, unit })

function started(part: string, directory: string): ChildProcess {
  return fork(fileURLToPath(new URL(part, import.meta.url)), [directory])
}

async function answerOf<Answer>(child: ChildProcess, message?: object | string): Promise<Answer> {
  if (message !== undefined) child.send(message)
  const [answer] = (await once(child, 'message')) as [Answer & { problem?: string }]
  if (answer.problem !== undefined) throw new Error(answer.problem)
  return answer
}

const mib = (bytes: number) => bytes / 2 ** 20

interface Measured {
  /** Requests a second. */
  sustainable: number
  atRate: Outcome
  /** Processor time of the bridge for a request at that rate, microseconds. */
  cpuEach: number
  loaded: Outcome
  memory: { before: BridgeState; most: BridgeState; after: BridgeState }
  again: Outcome
}

function rowsOf({ sustainable, atRate, cpuEach, loaded, memory, again }: Measured): Row[] {
  const { before, most, after } = memory
  const { accepted, shed, failed, ackMs, shedMs, finalMs } = loaded
  return [
    row('rate that is sustained, warm', sustainable, 'requests/s'),
    row('  acknowledgement, 99 % within', atRate.ackMs[1], 'ms'),
    row('  processor time of the bridge', cpuEach, 'µs/request'),
    row('load for a minute, as it was sent', loaded.sentPerSecond, 'requests/s'),
    row('  accepted (I99)', accepted / (loaded.tookMs / 1000), 'requests/s'),
    row('  share turned away (503)', shed / (accepted + shed + failed), ''),
    row('  other answers, or none', failed, ''),
    row('  accepted and not answered', loaded.lost, ''),
    row('  answered twice', loaded.twice, ''),
    row('  acknowledgement, half within', ackMs[0], 'ms'),
    row('  acknowledgement, 99 % within', ackMs[1], 'ms'),
    row('  503, 99 % within', shedMs[1], 'ms'),
    row('  response, 99 % within', finalMs[1], 'ms'),
    row(
      '  processor time of the bridge for a 503',
      (after.cpuMicros - before.cpuMicros - accepted * cpuEach) / shed,
      'µs',
    ),
    row('memory of the bridge before', mib(before.rss), 'MiB'),
    row('  at its most', mib(most.rss), 'MiB'),
    row('  after', mib(after.rss), 'MiB'),
    row('  JavaScript heap before, collected', mib(before.heapUsed), 'MiB'),
    row('  JavaScript heap after, collected', mib(after.heapUsed), 'MiB'),
    row('from the last acknowledgement to the last response', loaded.drainMs, 'ms'),
    row('rate that is sustained afterwards', again.accepted / (again.tookMs / 1000), 'requests/s'),
    row('  acknowledgement, 99 % within', again.ackMs[1], 'ms'),
  ]
}

export const overload: Bench = async (note) => {
  const directory = mkdtempSync(join(tmpdir(), 'smets1-bench-'))
  const paths = statePaths(join(directory, 'state'))
  await createState(paths, (made) => fillBench(made, provisionFlash))
  const users = started('./overload-load.js', paths.root)
  const { callback } = await answerOf<{ callback: string }>(users)
  fillRegistry(paths.registry, devices, callback)
  await fillCache(paths, devices, Date.now())
  const bridge = started('./overload-bridge.js', paths.root)
  const { url } = await answerOf<{ url: string }>(bridge)
  const run = (task: Omit<Task, 'url' | 'devices'>) => answerOf<Outcome>(users, { url, devices, ...task })
  const stateOf = (how: 'state' | 'collected') => answerOf<BridgeState>(bridge, how)

  await run({ count: warmUp, inFlight })
  const warm = await stateOf('state')
  const atRate = await run({ count: steady, inFlight })
  const sustainable = atRate.accepted / (atRate.tookMs / 1000)
  note(`${Math.round(sustainable)} requests/s can be sustained`)
  const before = await stateOf('collected')

  let most = before
  let looking = true
  const look = async () => {
    while (looking) {
      const now = await stateOf('state')
      if (now.rss > most.rss) most = now
      await new Promise((resolve) => setTimeout(resolve, 500))
    }
  }
  const looked = look()
  const perSecond = times * sustainable
  const loaded = await run({ count: Math.round(perSecond * overloadSeconds), perSecond })
  looking = false
  await looked
  note(`${loaded.accepted} accepted, ${loaded.shed} turned away`)
  const after = await stateOf('collected')
  const cpuEach = (before.cpuMicros - warm.cpuMicros) / atRate.accepted
  const again = await run({ count: steady, inFlight })
  bridge.send('stop')
  await once(bridge, 'exit')
  users.disconnect()
  rmSync(directory, { recursive: true, force: true })

  return rowsOf({ sustainable, atRate, cpuEach, loaded, memory: { before, most, after }, again })
}
