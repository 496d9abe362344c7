// Execution of an accepted request, on demand, scheduled or future-dated: the service of its variant reads the device and
// formats the response; a failure becomes a response code.

import { tooLargeForBoxed, tooLongForBoxed } from '../access/boxed-limits.ts'
import type { FaultCodes } from '../catalogue/response-code.ts'
import { formatFailure, type Smets1Answer } from '../duis/format.ts'
import type { Signer } from '../pki/signer.ts'
import { StoppedError } from '../wan/line-queue.ts'
import { ReadError } from '../wan/read-error.ts'
import type { Timing } from '../wan/timing.ts'
import { addUsage, type Usage } from '../wan/usage.ts'
import { type AcceptedRequest, type CompletedRequest, countedFromMs, type Handler } from './accepted-request.ts'
import { faultOf, Refusal } from './refusal.ts'
import type { RequestFaults } from './request-faults.ts'

export interface ExecutionParts {
  timing: Timing
  codes: FaultCodes
  dsp: Signer
  s1sp: Signer
  /** The services by Service Request Variant. */
  handlers: { [variant: string]: Handler }
  /** Checks a message that is about to be sent (`schemaCheck`). */
  checkOwn(xml: string, id: string): void
  /** Awaited before the cache is used for a device, which is removed from it when it has changed supplier today. */
  settlementDay(eui: string): Promise<unknown>
  /** What all executions cost so far. */
  total: Usage
  faults?: Omit<RequestFaults, 'refuse'> | undefined
}

/** A final response. `forUser`: why it failed, as far as the User may know; '' when it did not. */
export interface Responded {
  xml: string
  completed: CompletedRequest
  forUser: string
  /** Before when it is not to be sent, milliseconds of UTC. */
  notBeforeMs?: number
}

export interface Execution {
  /** Whether there is a service for a variant. */
  offers(variant: string): boolean
  /**
   * Reads the device and formats the response. Adds the cost to `usage`.
   * @throws ReadError when the device does not answer in time; Refusal when the response cannot be sent to its User
   */
  execute(accepted: AcceptedRequest, usage: Usage): ReturnType<Handler>
  /** The final response, with data or with a failure code. @throws StoppedError when the bridge stops before there is one */
  respond(accepted: AcceptedRequest, usage: Usage): Promise<Responded>
}

export function createExecution(parts: ExecutionParts): Execution {
  const { codes, timing } = parts
  const { nowMs } = timing

  async function run(accepted: AcceptedRequest, usage: Usage): ReturnType<Handler> {
    if (nowMs() >= accepted.deadlineMs) throw new ReadError('too late', 'the target response time had passed')
    const chosen = parts.faults?.fail(accepted)
    if (chosen !== undefined) throw new Refusal('internal', chosen.code, chosen.why)
    const { row, allowed } = accepted
    const isBoxed = allowed.user.mode === 'boxed'
    // The mode of a User may have changed since a schedule was made.
    const tooLong = tooLongForBoxed(row, allowed.user, allowed.entries, nowMs())
    if (tooLong !== undefined) throw new Refusal('tooLargeForBoxed', codes.tooLargeForBoxed, tooLong)
    const handler = parts.handlers[row.variant]
    if (handler === undefined) throw new Error(`there is no service for ${row.variant}`)
    const undisturb = parts.faults?.disturb(accepted)
    try {
      const response = await untilDeadline(timing, accepted, handler(accepted, answerTo(accepted, parts), usage))
      const tooLarge = isBoxed ? tooLargeForBoxed(response.xml) : undefined
      if (tooLarge !== undefined) throw new Refusal('tooLargeForBoxed', codes.tooLargeForBoxed, tooLarge)
      parts.checkOwn(response.xml, accepted.id)
      return response
    } finally {
      undisturb?.()
      addUsage(parts.total, usage)
    }
  }

  function failure(accepted: AcceptedRequest, error: unknown) {
    const isFutureDated = accepted.request.executionMs !== undefined
    const fault = error instanceof ReadError ? faultOf(error, isFutureDated) : 'internal'
    const code = error instanceof Refusal ? error.code : codes[fault]
    const detail = error instanceof Error ? error.message : String(error)
    const xml = formatFailure({ ...answerTo(accepted, parts), code })
    parts.checkOwn(xml, accepted.id)
    // What failed inside is for the operator.
    const isOurs = !(error instanceof ReadError) && !(error instanceof Refusal)
    const forUser = isOurs ? 'the bridge failed; its log says why' : detail
    return { xml, forUser, result: { code, detail, ...(error instanceof ReadError && { fault: error.fault }) } }
  }

  return {
    offers: (variant) => parts.handlers[variant] !== undefined,
    async execute(accepted, usage) {
      await parts.settlementDay(accepted.allowed.device.eui)
      return run(accepted, usage)
    },
    async respond(accepted, usage) {
      await parts.settlementDay(accepted.allowed.device.eui)
      const { id, row } = accepted
      const completed = (
        result: Pick<CompletedRequest, 'code' | 'detail' | 'fault' | 'provenance'>,
      ): CompletedRequest => {
        return { id, srv: row.variant, usage, ...result, tookMs: nowMs() - countedFromMs(accepted) }
      }
      try {
        const { xml, provenance } = await run(accepted, usage)
        const result = { code: 'I0', detail: '', ...(provenance && { provenance }) }
        return { xml, completed: completed(result), forUser: '', ...heldBy(parts.faults, accepted) }
      } catch (error) {
        if (error instanceof StoppedError) throw error
        const { xml, result, forUser } = failure(accepted, error)
        return { xml, completed: completed(result), forUser, ...heldBy(parts.faults, accepted) }
      }
    },
  }
}

function heldBy(faults: ExecutionParts['faults'], accepted: AcceptedRequest): Pick<Responded, 'notBeforeMs'> {
  const notBeforeMs = faults?.holdUntilMs(accepted)
  return notBeforeMs === undefined ? {} : { notBeforeMs }
}

/** A session that ends at its deadline knows more of the cause than the clock: it has this time to say so. */
const graceMs = 50

/**
 * Awaits a response until its deadline, whatever it waits for: the line, the meter, or a read that another request began.
 * @throws ReadError
 */
async function untilDeadline<T>(timing: Timing, { deadlineMs }: AcceptedRequest, response: Promise<T>): Promise<T> {
  let timer: { cancel(): void } | undefined
  const late = new Promise<never>((_, reject) => {
    const end = () => reject(new ReadError('too late', 'no answer within the target response time'))
    timer = timing.after(Math.max(0, deadlineMs - timing.nowMs()), () => {
      timer = timing.after(graceMs, end)
    })
  })
  try {
    return await Promise.race([response, late])
  } finally {
    timer?.cancel()
  }
}

function answerTo({ request, schedule, allowed }: AcceptedRequest, parts: ExecutionParts): Smets1Answer {
  const { requestId, schemaVersion, serviceReferenceVariant } = request
  const { dsp, s1sp } = parts
  const boxedCompat = allowed.user.mode === 'boxed'
  const about = { requestId, code: 'I0', nowMs: parts.timing.nowMs(), schemaVersion, serviceReferenceVariant }
  return { ...about, dsp, s1sp, schedule, boxedCompat }
}
