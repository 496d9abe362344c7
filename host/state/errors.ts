// The errors that end a command: one table of codes with meaning, exit code and what to do.

export interface ErrorRow {
  exitCode: number
  meaning: string
  /** What the user can do. */
  fix: string
}

/** The errors of this program by code. Each message says in one sentence what is wrong, where, and how to correct it. */
export const errorTable = {
  failed: {
    exitCode: 1,
    meaning: 'an expectation failed: a request was refused, a check found a fault, or the program itself failed',
    fix: 'read the message; smets1 doctor checks line and meter, smets1 access explains a refusal',
  },
  usage: {
    exitCode: 2,
    meaning: 'a command was called with wrong options or arguments',
    fix: 'correct the option that the message names; --help lists all of them',
  },
  configuration: {
    exitCode: 2,
    meaning: 'the configuration, the registry or the state directory is wrong',
    fix: 'correct the file that the message names; smets1 validate checks all of them',
  },
  recording: {
    exitCode: 2,
    meaning: 'a file is not a recording of a line, or cannot be read to its end',
    fix: 'name a pcapng file; what precedes the fault is shown',
  },
  keyMissing: {
    exitCode: 3,
    meaning: 'a key or certificate is missing or cannot be used',
    fix: 'restore the file that the message names, or create keys with smets1 provision',
  },
  schema: {
    exitCode: 10,
    meaning: 'a document is not valid by the DUIS schema',
    fix: 'correct the document where the message says',
  },
  portUnavailable: {
    exitCode: 20,
    meaning: 'a serial port or socket cannot be opened',
    fix: 'do what the message says; smets1 doctor checks ports and permissions',
  },
  timedOut: {
    exitCode: 124,
    meaning: 'an answer did not come in time',
    fix: 'see the log and smets1 pending; --timeout sets a longer time',
  },
} as const satisfies { readonly [code: string]: ErrorRow }

export type ErrorCode = keyof typeof errorTable

/** Exit codes; every command's help lists them. */
export const exitCode = {
  ok: 0,
  failed: errorTable.failed.exitCode,
  usage: errorTable.usage.exitCode,
  keyMissing: errorTable.keyMissing.exitCode,
  schema: errorTable.schema.exitCode,
  portUnavailable: errorTable.portUnavailable.exitCode,
  timedOut: errorTable.timedOut.exitCode,
} as const

/** An error of the table. The message is one sentence and is shown without a stack trace. */
export class ProgramError extends Error {
  readonly exitCode: number
  constructor(exitCode: number, message: string) {
    super(message)
    this.exitCode = exitCode
  }
}

/** Ends a command with the given exit code. */
export class CommandError extends ProgramError {}

/** Wrong configuration, registry or state. */
export class ConfigurationError extends ProgramError {
  constructor(message: string) {
    super(errorTable.configuration.exitCode, message)
  }
}
