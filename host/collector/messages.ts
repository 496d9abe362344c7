// Messages between a supplier's side and its MDR: start (IF-061, answered by IF-062), stop (IF-063), read (IF-065).
//
// Assumption: that there are these interfaces, what each is for, and that days are UTC days in IF-064 and Settlement Days in
// appointments is public; the names of fields are this file's, in the style of the DIP. Replace them here.

import { isMpan } from '../access/mpan.ts'
import { isDate } from '../access/settlement-day.ts'
import { type JsonSchema, objectSchema, schemaCheck } from '../state/json-schema.ts'
import { type Agreement, agreementOf, overlaps } from './portfolio.ts'

export const interfaceIds = ['IF-061', 'IF-063', 'IF-065'] as const

/** A message to the MDR. Which fields each interface needs is said in the schema. */
export interface AgentMessage {
  interfaceId: (typeof interfaceIds)[number]
  /** Repeated in the answer. The same message twice has the same answer. */
  correlationId: string
  mpanCore: string
  /** IF-061: the meter; may be left out where an earlier agreement of the MPAN names it. */
  deviceId?: string
  /** IF-061: the role, `MDR` unless given; which energy, `AI` unless given; the consent. */
  role?: string
  measurementQuantity?: 'AI' | 'AE'
  consentGranularity?: string
  /** IF-061: EFD. */
  effectiveFromDate?: string
  /** IF-063: ETD, the last Settlement Day. */
  effectiveToDate?: string
  /** IF-065: consumption of these UTC days, both included. */
  fromDate?: string
  toDate?: string
}

const date: JsonSchema = { type: 'string', pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' }
const text: JsonSchema = { type: 'string', minLength: 1, maxLength: 64 }

export const agentMessageSchema: JsonSchema = objectSchema(
  {
    interfaceId: { enum: interfaceIds },
    correlationId: { type: 'string', pattern: '^[A-Za-z0-9._:-]{1,64}$' },
    mpanCore: { type: 'string', pattern: '^[0-9]{13}$' },
    deviceId: { ...text, description: 'IF-061: EUI-64 of the meter' },
    role: text,
    measurementQuantity: { enum: ['AI', 'AE'] },
    consentGranularity: { enum: ['H', 'D', 'M', 'N'] },
    effectiveFromDate: { ...date, description: 'IF-061: first Settlement Day' },
    effectiveToDate: { ...date, description: 'IF-063: last Settlement Day' },
    fromDate: { ...date, description: 'IF-065: first UTC day' },
    toDate: { ...date, description: 'IF-065: last UTC day' },
  },
  ['interfaceId', 'correlationId', 'mpanCore'],
)

const check = schemaCheck(agentMessageSchema, 10)

export const agentMessageProblems = (value: unknown): string[] => check(value)

export function isAgentMessage(value: unknown): value is AgentMessage {
  return check(value).length === 0
}

export interface AgentAnswer {
  /** IF-062 answers a start; a stop and a read are answered under their own name. */
  interfaceId: 'IF-062' | 'IF-063' | 'IF-065'
  correlationId: string
  mpanCore: string
  outcome: 'Accepted' | 'Rejected'
  reason?: string
}

/** What a message makes of the portfolio: the agreement that is new or changed, or why nothing is. */
export type Applied = { answer: AgentAnswer; agreement?: Agreement }

function answerTo({ interfaceId, correlationId, mpanCore }: AgentMessage, reason?: string): AgentAnswer {
  const about = { correlationId, mpanCore, interfaceId: interfaceId === 'IF-061' ? 'IF-062' : interfaceId } as const
  return reason === undefined ? { ...about, outcome: 'Accepted' } : { ...about, outcome: 'Rejected', reason }
}

function start(message: AgentMessage, own: readonly Agreement[]): Agreement | string {
  const device = message.deviceId ?? own.at(-1)?.device
  if (device === undefined) return `the meter of ${message.mpanCore} is not known: name it in deviceId`
  const read = agreementOf({
    mpan: message.mpanCore,
    device,
    role: message.role ?? '',
    direction: message.measurementQuantity === 'AE' ? 'export' : '',
    consent: message.consentGranularity ?? '',
    from: message.effectiveFromDate ?? '',
  })
  if (typeof read === 'string') return read
  const before = own.find(({ from }) => from === read.from)
  // The same start again changes nothing, also after its stop.
  if (before !== undefined) return { ...read, ...(before.to !== undefined && { to: before.to }) }
  const [problem] = overlaps([...own, read])
  return problem ?? read
}

function stop({ mpanCore, effectiveToDate: to = '' }: AgentMessage, own: readonly Agreement[]): Agreement | string {
  if (!isDate(to)) return 'effectiveToDate is the last Settlement Day, YYYY-MM-DD'
  const running = own.find((one) => one.from <= to && (one.to === undefined || one.to >= to))
  return running === undefined ? `${mpanCore} is not collected on ${to}` : { ...running, to }
}

/** What a message makes of the agreements of its MPAN, in the order of their first days. */
export function applyMessage(message: AgentMessage, agreements: readonly Agreement[]): Applied {
  const { interfaceId, mpanCore, fromDate = '', toDate = '' } = message
  if (!isMpan(mpanCore)) return { answer: answerTo(message, `${mpanCore} is no MPAN`) }
  const own = agreements.filter(({ mpan }) => mpan === mpanCore).sort((a, b) => (a.from < b.from ? -1 : 1))
  if (interfaceId === 'IF-065') {
    const isPeriod = isDate(fromDate) && isDate(toDate) && fromDate <= toDate
    const why =
      own.length === 0
        ? `${mpanCore} is not collected`
        : isPeriod
          ? undefined
          : 'fromDate and toDate are UTC days, YYYY-MM-DD, in this order'
    return { answer: answerTo(message, why) }
  }
  const made = interfaceId === 'IF-061' ? start(message, own) : stop(message, own)
  return typeof made === 'string' ? { answer: answerTo(message, made) } : { answer: answerTo(message), agreement: made }
}
