// Registration messages, each applied once: to the registry in the store, in groups that reach the disk together.
//
// What is known of messages and registrations decides about repeats and order. An answer that was given is given again.

import { createHash } from 'node:crypto'
import { changeByPlan } from '../access/registry-changes.ts'
import { type RegistryRows, recordsOf } from '../access/registry-rows.ts'
import { type JudgedMessage, type RegistryTables, storedRows, writePlan } from '../access/registry-store.ts'
import { settlementDayOf } from '../access/settlement-day.ts'
import type { Batch } from '../store/store.ts'
import { type FeedMessage, type FeedRegistration, type FeedStore, type FeedTables, rowKey } from './feed-store.ts'
import { type FeedPolicy, type Judged, judge, type Rejected } from './judge.ts'
import { type FeedAnswer, isMessage, messageProblems, type RegistrationMessage, type RejectionCode } from './message.ts'

export interface FeedParts {
  store: FeedStore
  policy: FeedPolicy
  /** The present time; or the time by which a message is judged. */
  nowMs(message?: RegistrationMessage): number
}

export interface WaitingMessage {
  eventId: string
  since: string
  registrationId: string
  mpans: number
}

export interface Feed {
  /**
   * Applies messages in their order; resolves with their answers when all is on disk. Nobody else may change the registry
   * meanwhile, and one call at a time may be under way.
   */
  apply(values: readonly unknown[]): Promise<FeedAnswer[]>
  /** Messages that wait for an operator. */
  waiting(): WaitingMessage[]
  /** Applies a message that waits. @throws Error when none does */
  release(eventId: string): Promise<FeedAnswer>
  /** Rejects a message that waits. @throws Error when none does */
  drop(eventId: string): Promise<FeedAnswer>
}

/** Messages that are written together at most. */
const groupMax = 500
/** Rights that an answer lists at most. */
const rightsMax = 100

/** Messages that are judged and not written yet. No two touch the same MPAN, registration or message. */
interface Group {
  plan: Judged['plan']
  registrations: Map<string, { before: FeedRegistration | undefined; after: FeedRegistration }>
  messages: Map<string, FeedMessage>
  mpans: Set<string>
  day: string
}

const newGroup = (): Group => ({
  plan: { devices: new Map(), mpans: new Map() },
  registrations: new Map(),
  messages: new Map(),
  mpans: new Set(),
  day: '',
})

const sha256 = (value: unknown) => createHash('sha256').update(JSON.stringify(value)).digest('hex')

/** What a version says, whatever its ids and times. */
function substanceOf({ eventStatus, data }: RegistrationMessage): string {
  const appointments = data.appointments.map(({ mpxn, marketRole, mpid, effectiveFromDate, effectiveToDate = '' }) =>
    [mpxn, marketRole, mpid.toUpperCase(), effectiveFromDate, effectiveToDate].join(' '),
  )
  return sha256([eventStatus === 'Cancelled', ...(eventStatus === 'Cancelled' ? [] : appointments.sort())])
}

function answerTo(
  { eventId, correlationId, version, data }: RegistrationMessage,
  outcome: FeedAnswer['outcome'],
  more: Partial<FeedAnswer> = {},
): FeedAnswer {
  const of = { eventId, registrationId: data.registrationId, version, outcome }
  const about = { ...of, ...(correlationId !== undefined && { correlationId }) }
  return { ...about, cachesEmptied: [], schedulesChecked: [], rights: [], ...more }
}

const rejected = (message: RegistrationMessage, { code, reason }: Rejected) =>
  answerTo(message, 'Rejected', { code, reason })

/** The answer to what is no message. */
function malformed(value: unknown): FeedAnswer {
  const { eventId, version, data } = (typeof value === 'object' && value !== null ? value : {}) as {
    [name: string]: unknown
  }
  const { registrationId } = (typeof data === 'object' && data !== null ? data : {}) as { [name: string]: unknown }
  const text = (one: unknown) => (typeof one === 'string' ? one.slice(0, 64) : '')
  return {
    eventId: text(eventId),
    registrationId: text(registrationId),
    version: typeof version === 'number' ? version : 0,
    outcome: 'Rejected',
    code: 'Format',
    reason: messageProblems(value).join('; '),
    cachesEmptied: [],
    schedulesChecked: [],
    rights: [],
  }
}

function rightsAfter({ mpans }: Judged['plan'], { rows }: FeedRegistration): FeedAnswer['rights'] {
  const rights: FeedAnswer['rights'] = []
  const roles = new Set(rows.map(({ mpan, role }) => `${mpan} ${role}`))
  for (const key of roles) {
    const [mpan = '', role] = key.split(' ')
    const step = mpans.get(mpan)
    const marketRole = rows.find((row) => row.role === role)?.role
    if (step === undefined || marketRole === undefined) continue
    for (const { mpid, from, until } of recordsOf(mpan, step.after, marketRole)) {
      rights.push({ mpxn: mpan, marketRole, mpid, from, ...(until !== undefined && { to: until }) })
      if (rights.length === rightsMax) return rights
    }
  }
  return rights
}

/** Decides about one message, and adds to the group what is to be written. */
function decide(value: unknown, group: Group, parts: FeedParts, rows: RegistryRows, isReleased = false): FeedAnswer {
  if (!isMessage(value)) return malformed(value)
  const { store, policy } = parts
  const { eventId, data, version } = value
  const content = sha256(value)
  const known = isReleased ? undefined : store.get('feedMessages', eventId)
  if (known !== undefined) {
    if (known.content !== content)
      return rejected(value, { code: 'EventIdReused', reason: `another message had the eventId ${eventId}` })
    return { ...(JSON.parse(known.answer) as FeedAnswer), repeated: true }
  }
  const keep = (answer: FeedAnswer, waiting?: string): FeedAnswer => {
    const kept = { content, answer: JSON.stringify(answer), ...(waiting !== undefined && { waiting }) }
    group.messages.set(eventId, kept)
    return answer
  }
  if (value.eventType === 'Pending' || value.eventType === 'Validation')
    return keep(answerTo(value, 'Ignored', { reason: `${value.eventType} changes nothing` }))
  const before = store.get('feedRegistrations', data.registrationId)
  const substance = substanceOf(value)
  if (before !== undefined && version <= before.version) {
    const last = `version ${before.version} came by message ${before.eventId}`
    if (version < before.version) return keep(answerTo(value, 'Ignored', { reason: `superseded: ${last}` }))
    if (before.content === substance)
      return keep(answerTo(value, 'Ignored', { repeated: true, reason: `the same as message ${before.eventId}` }))
    return keep(rejected(value, { code: 'VersionReused', reason: `${last}, and says something else` }))
  }
  const mpans = new Set([...data.appointments.map(({ mpxn }) => mpxn), ...(before?.rows ?? []).map(({ mpan }) => mpan)])
  if (mpans.size > policy.mpansMax && !isReleased) {
    const reason = `it moves ${mpans.size} MPANs; more than ${policy.mpansMax} wait for an operator: smets1 feed release ${eventId}`
    return keep(answerTo(value, 'Waiting', { reason }), JSON.stringify(value))
  }
  const nowMs = parts.nowMs(value)
  const judged = judge({ message: value, content: substance, before, rows, nowMs, policy })
  if ('code' in judged) return keep(rejected(value, judged))
  group.day = settlementDayOf(nowMs)
  const { lost, devices = [] } = changeByPlan(rows, judged.plan, group.day)
  for (const [mpan, step] of judged.plan.mpans) group.plan.mpans.set(mpan, step)
  group.registrations.set(data.registrationId, { before, after: judged.registration })
  return keep(
    answerTo(value, 'Accepted', {
      ...(judged.late && { late: true }),
      cachesEmptied: lost.map(({ eui }) => eui),
      schedulesChecked: [...devices],
      rights: rightsAfter(judged.plan, judged.registration),
    }),
  )
}

/** Whether a message touches what the group has changed already. */
function touches(value: unknown, group: Group, store: FeedStore): boolean {
  if (!isMessage(value)) return false
  const { eventId, data } = value
  if (group.messages.has(eventId) || group.registrations.has(data.registrationId)) return true
  const before = store.get('feedRegistrations', data.registrationId)?.rows ?? []
  const mpans = [...data.appointments.map(({ mpxn }) => mpxn), ...before.map(({ mpan }) => mpan)]
  if (mpans.some((mpan) => group.mpans.has(mpan))) return true
  for (const mpan of mpans) group.mpans.add(mpan)
  return false
}

type FeedBatch = Batch<RegistryTables & FeedTables>

function writeGroup(batch: FeedBatch, { registrations, messages }: Group, since: string): void {
  for (const [registrationId, { before, after }] of registrations) {
    batch.put('feedRegistrations', registrationId, after)
    for (const row of before?.rows ?? []) batch.remove('feedRows', rowKey(row))
    for (const row of after.rows) batch.put('feedRows', rowKey(row), registrationId)
  }
  for (const [eventId, message] of messages) {
    batch.put('feedMessages', eventId, message)
    if (message.waiting === undefined) batch.remove('feedWaiting', eventId)
    else batch.put('feedWaiting', eventId, since)
  }
}

function judgedMessage({ eventId, registrationId, version, outcome, code }: FeedAnswer): JudgedMessage {
  return { eventId, registrationId, version, outcome, ...(code !== undefined && { code }) }
}

export function createFeed(parts: FeedParts): Feed {
  const { store } = parts
  const rows = storedRows(store)

  async function flush(group: Group): Promise<void> {
    const { registrations, messages } = group
    if (messages.size === 0) return
    const [first = ''] = registrations.keys()
    const from = registrations.size === 1 ? `registration ${first}` : `${registrations.size} registrations`
    const nowMs = parts.nowMs()
    const since = new Date(nowMs).toISOString()
    const last = (batch: FeedBatch) => writeGroup(batch, group, since)
    const judged = [...messages.values()].map(({ answer }) => judgedMessage(JSON.parse(answer) as FeedAnswer))
    const day = group.day || settlementDayOf(nowMs)
    await writePlan(store, group.plan, { from: `feed: ${from}`, day, messages: judged, last })
  }

  async function one(value: unknown, isReleased: boolean): Promise<FeedAnswer> {
    const group = newGroup()
    const answer = decide(value, group, parts, rows, isReleased)
    await flush(group)
    return answer
  }

  function waitingMessage(eventId: string): RegistrationMessage {
    const waiting = store.get('feedMessages', eventId)?.waiting
    const value: unknown = waiting === undefined ? undefined : JSON.parse(waiting)
    if (!isMessage(value)) throw new Error(`no message ${eventId} waits for an operator`)
    return value
  }

  return {
    async apply(values) {
      const answers: FeedAnswer[] = []
      let group = newGroup()
      for (const value of values) {
        if (group.messages.size >= groupMax || touches(value, group, store)) {
          await flush(group)
          group = newGroup()
          touches(value, group, store)
        }
        answers.push(decide(value, group, parts, rows))
      }
      await flush(group)
      return answers
    },
    waiting: () =>
      [...store.range('feedWaiting', '', '\uffff')].map(({ key: eventId, value: since }) => {
        const { data } = waitingMessage(eventId)
        const mpans = new Set(data.appointments.map(({ mpxn }) => mpxn)).size
        return { eventId, since, registrationId: data.registrationId, mpans }
      }),
    release: async (eventId) => one(waitingMessage(eventId), true),
    async drop(eventId) {
      const message = waitingMessage(eventId)
      const code: RejectionCode = 'Dropped'
      const answer = rejected(message, { code, reason: 'an operator has dropped it' })
      const group = newGroup()
      group.messages.set(eventId, { content: sha256(message), answer: JSON.stringify(answer) })
      await flush(group)
      return answer
    },
  }
}
