// Calls from one process to another over the channel that Node gives a child: structured clone, many in one message.

/** What can be called; arguments and results are plain data. */
export type Handlers = { [name: string]: (argument: never) => unknown }

export interface Calls {
  /** Resolves with what the other side's handler answers. Rejects with its error, and when the other process is gone. */
  call(name: string, argument: unknown): Promise<unknown>
  /** Rejects what is unanswered: the other process is gone. */
  end(why: string): void
}

type Message =
  | { kind: 'ask'; id: number; name: string; argument: unknown }
  | { kind: 'answer'; id: number; result: unknown }
  | { kind: 'problem'; id: number; problem: string }

/** The channel as a process has it to a child, and a child to its parent. */
export interface Channel {
  connected: boolean
  send(message: object): unknown
  on(event: 'message', listener: (message: { calls?: Message[] }) => void): unknown
}

/** Of either side. Messages of others on the channel, the cluster module's own, are let by. */
export function createCalls(other: Channel, handlers: Handlers): Calls {
  const unanswered = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>()
  let next = 1
  let waiting: Message[] = []
  let ended: string | undefined

  function send(message: Message): void {
    // Under load many calls are made before the loop turns: a write for each would cost more than the calls.
    if (waiting.push(message) === 1) setImmediate(flush)
  }

  function flush(): void {
    const calls = waiting
    waiting = []
    if (other.connected) other.send({ calls })
  }

  async function answer({ id, name, argument }: Extract<Message, { kind: 'ask' }>): Promise<void> {
    try {
      send({ kind: 'answer', id, result: await handlers[name]!(argument as never) })
    } catch (error) {
      send({ kind: 'problem', id, problem: (error as Error).message })
    }
  }

  other.on('message', (message) => {
    for (const one of message.calls ?? []) {
      if (one.kind === 'ask') {
        void answer(one)
        continue
      }
      const asker = unanswered.get(one.id)
      unanswered.delete(one.id)
      if (one.kind === 'answer') asker?.resolve(one.result)
      else asker?.reject(new Error(one.problem))
    }
  })

  return {
    call(name, argument) {
      if (ended !== undefined || !other.connected)
        return Promise.reject(new Error(ended ?? 'the other process is gone'))
      return new Promise((resolve, reject) => {
        const id = next++
        unanswered.set(id, { resolve, reject })
        send({ kind: 'ask', id, name, argument })
      })
    },
    end(why) {
      ended = why
      for (const { reject } of unanswered.values()) reject(new Error(why))
      unanswered.clear()
    },
  }
}
