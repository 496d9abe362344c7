// Work shared between as many processes as the machine runs at once.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'

/**
 * Has tasks done by processes that run `part`: each answers a task by one message. Each outcome depends on its task alone.
 * @throws Error naming the task with which a process ended
 */
export async function share<Task extends object, Done>(
  part: URL,
  tasks: readonly Task[],
  done: (outcome: Done, task: Task) => void,
): Promise<void> {
  let next = 0
  async function worker(): Promise<void> {
    const child = fork(part)
    let doing: Task | undefined
    const ended = once(child, 'exit').then(() => {
      if (doing !== undefined) throw new Error(`the process ended that did ${JSON.stringify(doing)}`)
    })
    while (next < tasks.length) {
      const task = tasks[next++]!
      doing = task
      const told = new Promise<Done>((resolve) => child.once('message', (message) => resolve(message as Done)))
      child.send(task)
      done((await Promise.race([told, ended])) as Done, task)
    }
    doing = undefined
    child.disconnect()
    await ended
  }
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), tasks.length) }, worker))
}
