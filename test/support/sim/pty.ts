// Two serial devices that are joined, as pseudo-terminals: plugged in and pulled out by a path of their own.

import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { until } from '../until.ts'

/** Makes the two ends appear at their paths. `unplug` makes them go away; it resolves when they have. */
export async function plugPty(oneEnd: string, otherEnd: string): Promise<{ unplug(): Promise<void> }> {
  const socat = spawn('socat', [`pty,rawer,link=${oneEnd}`, `pty,rawer,link=${otherEnd}`], { stdio: 'ignore' })
  const kill = () => void socat.kill()
  process.once('exit', kill)
  const ended = new Promise<void>((resolve) => socat.once('close', () => resolve()))
  await until(() => existsSync(oneEnd) && existsSync(otherEnd), 'pair of pseudo-terminals')
  return {
    async unplug() {
      process.off('exit', kill)
      kill()
      await ended
    },
  }
}
