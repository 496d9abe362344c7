// Requests that the DCC answers itself, in the HTTP response: 5.1, 5.2, 5.3 and 8.2.

import type { Refused, UserAllowed } from '../access/access-control.ts'
import type { Fault } from '../catalogue/response-code.ts'
import type { SrvRow } from '../catalogue/srv-table.ts'
import type { DirectBody, DirectRequest } from '../duis/request.ts'

/** The answer: a code, canonical text for the content of ResponseMessage, and the reason for the log. */
export type DirectAnswer = { code: string; content: string; reason: string }

/** The same with the key of its request, the User's EUI-64, the row, and whether it serves settlement. */
export type Direct = DirectAnswer & { id: string; user: string; row: SrvRow; forSettlement: boolean }

/** Why there is no answer, and the decision of access control if that is why. */
export type DirectRefusal = { fault: Fault; reason: string; decision?: Refused }

/** Answers a request of a User who may send it. Changes are on disk when it resolves. */
export type DirectHandler<Kind extends DirectBody['kind']> = (
  request: Extract<DirectRequest, { kind: Kind }>,
  user: UserAllowed,
  nowMs: number,
) => Promise<DirectAnswer | DirectRefusal>

export type DirectHandlers = { [Kind in DirectBody['kind']]: DirectHandler<Kind> }
