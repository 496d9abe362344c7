// A call of the control API. HTTP, the OpenAPI document and `smets1 control` come from the same table of calls.

import { ProgramError } from '../../state/errors.ts'
import type { Controlled } from './controlled.ts'
import type { Shape } from './shape.ts'

/** What a token allows. Each of `operate` and `test` has the rights of those before it. */
export const scopes = ['read', 'feed', 'operate', 'test'] as const
export type Scope = (typeof scopes)[number]

/** The scopes of the calls that a token may make. */
export const grants: { readonly [scope in Scope]: readonly Scope[] } = {
  read: ['read'],
  feed: ['feed'],
  operate: ['read', 'feed', 'operate'],
  test: scopes,
}

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

/** A call, as everything that lists calls sees it. */
export interface Call {
  /** Its word on the command line and `operationId` in OpenAPI: `pending-retry`. */
  name: string
  method: Method
  /** `/pending/{id}/retry`; a name in braces is a member of the input. */
  path: string
  scope: Scope
  /** One line. */
  summary: string
  /** Members that are not in the path are in the query of a GET or DELETE, otherwise in a JSON body. */
  input: Shape<object>
  output: Shape<unknown>
  /** Largest body, bytes; 64 KB unless given. */
  bodyBytesMax?: number
  /** Whether a GET with this input shows MPANs or readings: it is then on record, as changes are. */
  isPersonal?(input: object): boolean
  /** @throws CallError, ProgramError */
  answer(controlled: Controlled, input: unknown): Promise<unknown>
}

/** A call that cannot be answered: an HTTP status, and one sentence that says what is wrong and how to correct it. */
export class CallError extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

interface NewCall<Input extends object, Output> extends Omit<Call, 'input' | 'output' | 'answer'> {
  input: Shape<Input>
  output: Shape<Output>
  run(controlled: Controlled, input: Input): Output | Promise<Output>
}

/** A row of the table: its input is checked before `run` sees it. */
export function call<Input extends object, Output>({ run, ...row }: NewCall<Input, Output>): Call {
  return {
    ...row,
    async answer(controlled, input) {
      if (row.input.has(input)) return run(controlled, input)
      throw new CallError(400, `${row.name}: ${row.input.problems(input).slice(0, 10).join('; ')}`)
    },
  }
}

/** Exit codes of `ProgramError` as HTTP: a mistake of the caller, or a state in which the call cannot be done. */
export function statusOf(error: unknown): number {
  if (error instanceof CallError) return error.status
  if (!(error instanceof ProgramError)) return 500
  return { 2: 400, 124: 504 }[error.exitCode] ?? 409
}

/** A part that only some benches have. @throws CallError saying how to start one that has it */
export function needed<Part>(part: Part | undefined, why: string): Part {
  if (part === undefined) throw new CallError(409, why)
  return part
}

/** Members of the input that are in the path. */
export function pathMembers({ path }: Pick<Call, 'path'>): string[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
}
