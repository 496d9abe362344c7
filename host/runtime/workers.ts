// The processes that serve HTTP for a bridge (`bridge-worker.ts`), seen from the one that decides. One that dies is
// replaced; what it had handed on is finished.

import cluster, { type Worker } from 'node:cluster'
import { fileURLToPath } from 'node:url'
import type { Acknowledgement, IncomingRequest } from '../requests/duis-endpoint.ts'
import { CommandError, exitCode } from '../state/command-error.ts'
import type { Timing } from '../wan/line.ts'
import { type Calls, createCalls } from './process-calls.ts'
import type { ToldTrust, WorkerStart } from './worker-messages.ts'

export interface Workers {
  /** Where DUIS is served. */
  url: string
  /** Whose signatures are believed from now on. */
  setTrust(trust: ToldTrust): void
  /** Lets nothing more in. */
  close(): Promise<void>
  /** Ends them. */
  end(): Promise<void>
}

export interface WorkersParts {
  count: number
  /** What each is told first, as things stand. */
  start(): WorkerStart
  decide(asked: IncomingRequest): Promise<Acknowledgement>
  timing: Timing
  log(event: string, fields: { [name: string]: unknown }): void
}

/** One that ends sooner than this has something wrong with it: the next is not started at once. */
const soonMs = 5000
/** Time to end by itself. */
const endMs = 5000

/** Starts them and waits until each serves. @throws CommandError when the port cannot be had */
export async function startWorkers(parts: WorkersParts): Promise<Workers> {
  const { timing, log } = parts
  /** Those that serve. */
  const live = new Map<Worker, Calls>()
  /** Those, and those that are about to. */
  const told = new Set<Calls>()
  let stopping = false

  cluster.setupPrimary({
    exec: fileURLToPath(new URL('./bridge-worker.js', import.meta.url)),
    args: [],
    serialization: 'advanced',
  })

  async function startOne(): Promise<string> {
    const startedMs = timing.nowMs()
    const worker = cluster.fork()
    let serving = (_url: string) => {}
    let failed = (_problem: string) => {}
    const served = new Promise<string>((resolve, reject) => {
      serving = resolve
      failed = (problem) => reject(new Error(problem))
    })
    const calls = createCalls(worker.process, {
      // It asks: what it is told before it can listen to us is lost.
      start: parts.start,
      serving,
      failed,
      decide: parts.decide,
      log: ({ event, fields }: { event: string; fields: { [name: string]: unknown } }) => log(event, fields),
    })
    told.add(calls)
    worker.on('error', () => {})
    worker.once('exit', (code, signal) => {
      live.delete(worker)
      told.delete(calls)
      calls.end('the process that was to do it has ended')
      failed('a process that serves HTTP ended before it did')
      if (stopping) return
      log('worker ended', { pid: worker.process.pid, code, signal })
      const again = () => void startOne().catch((error: Error) => log('worker ended', { problem: error.message }))
      timing.after(timing.nowMs() - startedMs < soonMs ? 1000 : 0, () => stopping || again())
    })
    const url = await served.catch((error) => {
      worker.process.kill('SIGKILL')
      throw error
    })
    live.set(worker, calls)
    return url
  }

  async function end(): Promise<void> {
    stopping = true
    const workers = Object.values(cluster.workers ?? {}).filter((one) => one !== undefined)
    await Promise.all(
      workers.map((worker) => {
        const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
        const timer = timing.after(endMs, () => worker.process.kill('SIGKILL'))
        worker.process.disconnect()
        return ended.finally(timer.cancel)
      }),
    )
  }

  let url: string
  try {
    url = await startOne()
    await Promise.all(Array.from({ length: parts.count - 1 }, startOne))
  } catch (error) {
    await end()
    throw new CommandError(exitCode.portUnavailable, (error as Error).message)
  }
  return {
    url,
    setTrust(trust) {
      for (const calls of told) calls.call('trust', trust).catch(() => {})
    },
    async close() {
      stopping = true
      await Promise.all([...live.values()].map((calls) => calls.call('close', undefined).catch(() => {})))
    },
    end,
  }
}
