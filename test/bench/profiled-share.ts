// The share of processor time that some functions take, with all that they call: by samples of the profiler of this process.

import { type Profiler, Session } from 'node:inspector/promises'

/** Microseconds between samples. */
const intervalUs = 1000

/** Time by node of the profile, in the profiler's microseconds. */
function timeByNode({ samples = [], timeDeltas = [] }: Profiler.Profile): Map<number, number> {
  const times = new Map<number, number>()
  samples.forEach((id, i) => {
    times.set(id, (times.get(id) ?? 0) + (timeDeltas[i] ?? 0))
  })
  return times
}

/** Runs `work`; returns its result, and which share of the time that was not idle these functions took. */
export async function profiledShare<T>(
  names: readonly string[],
  work: () => Promise<T>,
): Promise<{ result: T; share: number }> {
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.setSamplingInterval', { interval: intervalUs })
  await session.post('Profiler.start')
  const result = await work()
  const { profile } = await session.post('Profiler.stop')
  session.disconnect()
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]))
  const times = timeByNode(profile)
  const root = profile.nodes[0]
  let [inside, all] = [0, 0]
  const open = root === undefined ? [] : [{ node: root, isInside: false }]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { functionName } = next.node.callFrame
    const isInside = next.isInside || names.includes(functionName)
    const own = functionName === '(idle)' ? 0 : (times.get(next.node.id) ?? 0)
    all += own
    if (isInside) inside += own
    for (const id of next.node.children ?? []) {
      const node = nodes.get(id)
      if (node !== undefined) open.push({ node, isInside })
    }
  }
  return { result, share: all === 0 ? 0 : inside / all }
}
