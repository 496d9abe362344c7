// Two connected serial devices, as pseudo-terminals: plugged in and unplugged under given paths.

import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { until } from '../until.ts'

/** Creates the two ends at their paths. `unplug` removes them; it resolves when they are gone. */
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
