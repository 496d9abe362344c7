// Exit codes, and the error that ends a command with one of them.

/** Exit codes; every command's help lists them. */
export const exitCode = {
  ok: 0,
  failed: 1,
  usage: 2,
  keyMissing: 3,
  schema: 10,
  portUnavailable: 20,
  timedOut: 124,
} as const

/** A mistake that ends a command with its exit code. The message is one sentence and is shown without a stack trace. */
export class CommandError extends Error {
  readonly exitCode: number
  constructor(code: number, message: string) {
    super(message)
    this.exitCode = code
  }
}
