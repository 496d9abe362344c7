// Output of the board's commands.

/** Output of a command. */
export interface Io {
  stdout(text: string): void
  stderr(text: string): void
  /** True when a person watches stderr. */
  isTerminal: boolean
  env: Record<string, string | undefined>
}

/** An instant for a person: UTC, to the minute. */
export function instant(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 16)}Z`
}
