// What a collector sends: 5.1, 5.2 and 5.3 to the DCC, and reads on demand.
//
// What was decided is on disk before it is sent. A request whose fate is not known is sent again with the same RequestID: the
// DCC takes each one once, and refuses it as a replay when it has it already.

import { faultCodes } from '../catalogue/response-code.ts'
import { formatDateTime } from '../duis/date-time.ts'
import { formatRequest } from '../duis/format.ts'
import { formatNonDeviceRequest, type NonDeviceRequest } from '../duis/format-non-device.ts'
import type { ScheduleDetails } from '../duis/non-device-fields.ts'
import { readScheduleId, readSchedules } from '../duis/read-non-device.ts'
import { parseResponse, type ServiceResponse, verifyResponse } from '../duis/read-response.ts'
import { parseRequestId, requestIdOf } from '../duis/request.ts'
import { signDocument } from '../duis/sign.ts'
import type { CollectorEnv, CollectorSettings } from './env.ts'
import type { Asking, KeptPlan } from './kept.ts'
import { periodOfHalfHours } from './plans.ts'
import { agreementKey } from './portfolio.ts'
import type { Work } from './work.ts'

/** The counter marks that one write reserves: a restart goes on above them. */
const counterBlock = 10_000

/** Counters of RequestIDs that are issued once. */
function createCounters({ store, counterMs }: Pick<CollectorEnv, 'store' | 'counterMs'>) {
  let reserved = store.get('counters', 'request') ?? 0
  let next = reserved
  return async () => {
    const counter = Math.max(next, Math.ceil(counterMs()))
    next = counter + 1
    if (counter >= reserved) {
      reserved = counter + counterBlock
      await store.put('counters', 'request', reserved)
    }
    return BigInt(counter)
  }
}

const minuteMs = 60_000
/** When a refused schedule is tried again. */
const refusedAgainMs = 86_400_000

function same(a: ScheduleDetails, b: ScheduleDetails): boolean {
  const { serviceReference: _a, ...one } = a
  const { serviceReference: _b, ...other } = b
  const text = (details: object) => JSON.stringify(Object.entries(details).sort(([x], [y]) => (x < y ? -1 : 1)))
  const flat = ({ period, ...rest }: typeof one) => text({ ...rest, ...period })
  return flat(one) === flat(other)
}

/** Sends, and reads what the DCC answers at once. */
function createDcc(env: CollectorEnv) {
  const { identity, log } = env
  const nextCounter = createCounters(env)

  /** What the DCC answers at once; undefined when nobody answered, or not as the DCC does. */
  async function ask(service: 'serviceD' | 'serviceS', xml: string) {
    try {
      const bytes = await env.send(service, xml)
      const parsed = parseResponse(bytes)
      if (parsed.ok) return { bytes, response: parsed.response }
      log({ event: 'not reachable', problem: `an answer cannot be read: ${parsed.detail}` })
    } catch (error) {
      log({ event: 'not reachable', problem: (error as Error).message })
    }
    return undefined
  }

  return {
    ask,
    nextCounter,
    /** An answer of the DCC itself, which has to be signed when it grants something. */
    async askDcc(request: NonDeviceRequest): Promise<ServiceResponse | undefined> {
      const requestId = requestIdOf(identity.eui, env.dspEui, await nextCounter())
      const answer = await ask('serviceD', signDocument(formatNonDeviceRequest(requestId, request), identity.signer))
      if (answer === undefined || !answer.response.code.startsWith('I')) return answer?.response
      const verified = verifyResponse(answer.bytes, env.trust, { nowMs: env.nowMs() })
      if (verified.ok) return answer.response
      log({ event: 'response refused', problem: verified.detail })
      return undefined
    },
  }
}

type Dcc = ReturnType<typeof createDcc>
type Keep = (work: Work) => Promise<void>

/** Makes and ends schedules. */
function createScheduling({ log, nowMs }: CollectorEnv, { askDcc }: Dcc, keep: Keep) {
  /** Looks for a schedule that was made although its number did not arrive. @returns false when that is not known */
  async function adopt(work: Work, plan: KeptPlan): Promise<boolean> {
    const answer = await askDcc({ variant: '5.2', subject: { deviceEui: work.row.agreement.device } })
    if (answer === undefined) return false
    const schedules = answer.code === 'I0' ? readSchedules(answer.message) : []
    const made =
      typeof schedules === 'string' ? undefined : schedules.find(({ details }) => same(details, plan.details))
    if (made !== undefined) plan.id = made.id
    return true
  }

  /** Notes what the DCC has answered to 5.1. */
  function note(plan: KeptPlan, { code, message }: ServiceResponse, mpan: string): void {
    const id = code.startsWith('I') ? readScheduleId(message) : undefined
    if (id === undefined) {
      plan.refused = code
      plan.againMs = nowMs() + refusedAgainMs
      log({ event: 'schedule refused', mpan, plan: plan.name, code })
      return
    }
    plan.id = id
    delete plan.refused
    delete plan.againMs
  }

  return {
    /** Makes a schedule. @returns whether its fate is known */
    async create(work: Work, plan: KeptPlan): Promise<boolean> {
      const { mpan } = work.row.agreement
      if (work.row.creating === plan.name && !(await adopt(work, plan))) return false
      if (plan.id === undefined) {
        work.row.creating = plan.name
        await keep(work)
        const answer = await askDcc({ variant: '5.1', schedule: plan.details })
        if (answer === undefined) return false
        note(plan, answer, mpan)
      }
      delete work.row.creating
      if (plan.id !== undefined) log({ event: 'schedule made', mpan, plan: plan.name, id: plan.id })
      await keep(work)
      return true
    },
    /** Deletes a schedule that is not wanted any more. The DCC may have removed it itself. */
    async end(work: Work, plan: KeptPlan): Promise<void> {
      if (plan.id === undefined) return
      const answer = await askDcc({ variant: '5.3', subject: { scheduleId: plan.id } })
      if (answer === undefined) return
      plan.ended = true
      log({ event: 'schedule ended', mpan: work.row.agreement.mpan, plan: plan.name, code: answer.code })
      await keep(work)
    },
  }
}

/** @param asked receives each request that waits for its response, by RequestID in upper case */
export function createAsks(env: CollectorEnv, settings: CollectorSettings, asked: Map<string, Work>) {
  const { store, identity, log } = env
  const keep: Keep = (work) => store.put('agreements', agreementKey(work.row.agreement), work.row)
  const dcc = createDcc(env)
  return {
    keep,
    ...createScheduling(env, dcc, keep),
    /** Decides on a request to the meter: on disk when it resolves, and sent by `deliver`. */
    async decide(work: Work, srv: string, period: { startMs: number; endMs: number }): Promise<void> {
      const requestId = requestIdOf(identity.eui, work.row.agreement.device, await dcc.nextCounter()).text
      const { startMs, endMs } = period
      work.row.asking = { requestId, srv, startMs, endMs, sentMs: env.nowMs(), accepted: false }
      await keep(work)
      asked.set(requestId.toUpperCase(), work)
      const { mpan } = work.row.agreement
      log({ event: 'asked', mpan, srv, from: formatDateTime(startMs), to: formatDateTime(endMs) })
    },
    /** Sends what was decided, or sends it again. @returns the code of a refusal */
    async deliver(work: Work, asking: Asking): Promise<string | undefined> {
      const requestId = parseRequestId(asking.requestId)
      if (requestId === undefined) throw new Error(`${asking.requestId} is no RequestID`)
      const { srv, startMs, endMs } = asking
      const isRegisters = srv === '4.1.1' || srv === '4.2'
      const period = srv === '4.6.1' ? { startMs, endMs } : periodOfHalfHours(startMs, endMs, settings.stamps)
      const fields = { requestId, serviceReferenceVariant: srv, ...(!isRegisters && { period }) }
      const answer = await dcc.ask('serviceS', signDocument(formatRequest(fields), identity.signer))
      // Its response may have come meanwhile.
      if (answer === undefined || work.row.asking !== asking) return undefined
      const { code } = answer.response
      if (code !== 'I99' && code !== faultCodes.replayed) return code
      asking.accepted = true
      await keep(work)
      return undefined
    },
    /** When a look that could not be finished is made again, ms. */
    againMs: minuteMs,
  }
}

export type Asks = ReturnType<typeof createAsks>
