// Output of the board's commands.

import type { TakeLock } from '../emulator/flash-file.ts'

/** Output of a command, and the locks of files that other processes may use. */
export interface Io {
  stdout(text: string): void
  stderr(text: string): void
  /** True when a person watches stderr. */
  isTerminal: boolean
  env: Record<string, string | undefined>
  takeLock?: TakeLock | undefined
}

/** An instant for a person: UTC, to the minute. */
export function instant(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 16)}Z`
}
