// Requests that the DCC answers itself, in the HTTP answer: 5.1, 5.2, 5.3 and 8.2.

import type { UserAllowed } from '../access/access-control.ts'
import type { Fault } from '../catalogue/response-code.ts'
import type { SrvRow } from '../catalogue/srv-table.ts'
import type { ServiceRequest } from '../duis/request.ts'

/** What is answered: a code, the canonical text of what goes into ResponseMessage, and why, for the log. */
export type DirectAnswer = { code: string; content: string; reason: string }

/** The same, and what was asked: its RequestID, by whom, and whether for settlement. */
export type Direct = DirectAnswer & { id: string; user: string; row: SrvRow; forSettlement: boolean }

/** Why there is none. */
export type DirectRefusal = { fault: Fault; reason: string }

/** Answers one such request of a User that may send it. Changes are on disk when it resolves. */
export type DirectHandler = (
  request: ServiceRequest,
  user: UserAllowed,
  nowMs: number,
) => Promise<DirectAnswer | DirectRefusal>
