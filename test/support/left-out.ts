// Tests that this machine cannot run: counted as skipped and named, with the reason and what to install.

import { spawnSync } from 'node:child_process'

/** Whether a program is installed. */
export function hasProgram(name: string, flag = '--version'): boolean {
  return spawnSync(name, [flag]).status === 0
}

export const hasSocat = hasProgram('socat', '-V')
export const hasJava = hasProgram('java', '-version')

/** Counts as one skipped test; the runner repeats the line. */
export function leaveOut(group: { skip(): void }, what: string, why: string): void {
  group.skip()
  console.log(`  left out: ${what}, because ${why}`)
}
