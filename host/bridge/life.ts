// One life of a bridge in an environment that goes on: when it ends, nothing of it has any effect any more. Its timers do
// not run, its lines are closed, and what it still writes, sends, records or logs goes nowhere.

import { CommandError, exitCode } from '../state/errors.ts'
import type { Port } from '../wan/bindings.ts'
import type { Timing } from '../wan/timing.ts'
import type { BridgeEnv } from './env.ts'
import { createLifecycle } from './lifecycle.ts'

export interface Life {
  /** The environment as the bridge of this life has it. Its lifecycle is that of this life. */
  env: BridgeEnv
  /** Rejects when the life ends; never resolves. */
  ended: Promise<never>
  /** Ends it at once, in the middle of whatever it does. Resolves when its lines are closed. */
  end(): Promise<void>
}

/** Why a request or a call is not answered while a bench is reset: it may be sent again. */
export class ResetError extends CommandError {
  constructor(message: string) {
    super(exitCode.failed, message)
  }
}

function mortalTiming(timing: Timing): { timing: Timing; cancelAll(): void } {
  const timers = new Set<{ cancel(): void }>()
  let isOver = false
  return {
    timing: {
      ...timing,
      after(ms, call) {
        if (isOver) return { cancel() {} }
        const timer = timing.after(ms, () => {
          timers.delete(timer)
          if (!isOver) call()
        })
        timers.add(timer)
        return {
          cancel() {
            timers.delete(timer)
            timer.cancel()
          },
        }
      },
    },
    cancelAll() {
      isOver = true
      for (const timer of timers) timer.cancel()
      timers.clear()
    },
  }
}

export function createLife(env: BridgeEnv): Life {
  const { disk, wan, network, parties } = env
  const { store, audit } = disk
  let isAlive = true
  let reject: (error: Error) => void = () => {}
  const ended = new Promise<never>((_, no) => {
    reject = no
  })
  ended.catch(() => {})
  /** What a life that has ended still awaits. */
  const never = new Promise<never>(() => {})
  const whileAlive = <Result>(act: () => Promise<Result>): Promise<Result> => (isAlive ? act() : never)
  const timers = mortalTiming(env.timing)
  const ports = new Set<Port>()

  const living: BridgeEnv = {
    ...env,
    timing: timers.timing,
    lifecycle: createLifecycle(),
    wan: {
      ...wan,
      async openPort(url, baud, on) {
        if (!isAlive) return never
        const port: Port = await wan.openPort(url, baud, {
          data: (bytes) => isAlive && on.data(bytes),
          closed() {
            ports.delete(port)
            if (isAlive) on.closed()
          },
        })
        ports.add(port)
        if (isAlive) return port
        // The life has ended while it was opened.
        await port.close()
        return never
      },
    },
    network: { ...network, post: (...args) => whileAlive(() => network.post(...args)) },
    disk: {
      ...disk,
      store: {
        ...store,
        put: (table, key, value) => whileAlive(() => store.put(table, key, value)),
        remove: (table, key) => whileAlive(() => store.remove(table, key)),
        write: (fill) => whileAlive(() => store.write(fill)),
      },
      audit: {
        record: (event) => isAlive && audit.record(event),
        committed: () => whileAlive(audit.committed),
      },
    },
    parties: {
      ...parties,
      onChange: (changed) => parties.onChange?.((change) => isAlive && changed(change)),
    },
    log: (event, fields) => isAlive && env.log(event, fields),
    completed: (completed) => isAlive && env.completed?.(completed),
  }

  return {
    env: living,
    ended,
    async end() {
      isAlive = false
      timers.cancelAll()
      reject(new ResetError('the bench was reset while this request was under way: send it again'))
      await Promise.all([...ports].map((port) => port.close().catch(() => {})))
    },
  }
}
