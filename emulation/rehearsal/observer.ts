// Turns what the bridge does into counts.

import { halfHoursServed } from '../../host/audit/served.ts'
import { srvRow } from '../../host/catalogue/srv-table.ts'
import { targetMs } from '../../host/catalogue/target-times.ts'
import type { BridgeConfig } from '../../host/config/config.ts'
import type { CompletedRequest } from '../../host/requests/accepted-request.ts'
import { dayMs } from '../../protocol/half-hour.ts'
import type { createCompleteness } from './completeness.ts'
import type { Wanted } from './demand.ts'
import { count, heldBackBy, type Measures, type RequestKey, requestsOf, wanOf, wrongMax } from './measures.ts'
import { indexOfMeter } from './population.ts'
import type { Party } from './scenario.ts'
import { addAt } from './series.ts'

interface ObserverParts {
  measures: Measures
  config: BridgeConfig
  startMs: number
  nowMs(): number
  completeness: ReturnType<typeof createCompleteness>
  /** Called with a request that failed, after it was counted. */
  failed(wanted: Wanted): void
}

/** A schedule that a party created, for as long as the rehearsal lasts: the bridge forgets it with its last run. */
export interface CreatedSchedule {
  party: Party
  srv: string
}

const hourMs = 3_600_000

/** Events of the bridge's log that no rehearsal should bring. */
const problems = ['fault', 'answer failed', 'schedule failed', 'audit', 'cache', 'cache not emptied', 'dropped']

/** Counts where the half-hours of a response came from, and those that settlement now has. */
function noteProvenance(
  { measures, completeness, nowMs }: ObserverParts,
  { provenance, srv }: CompletedRequest,
  party: Party,
  eui: string,
): void {
  if (provenance === undefined) return
  const { halfHours, ageHours } = measures.cache
  halfHours.cache += provenance.fromCache
  halfHours.meter += provenance.fromMeter
  halfHours.shared += provenance.shared
  halfHours.notRecorded += provenance.notRecorded
  if (provenance.fromCache > 0) {
    const hours = Math.floor(provenance.oldestMs / hourMs)
    ageHours[hours] = (ageHours[hours] ?? 0) + 1
  }
  const channel = srv === '4.8.1' ? 'import' : srv === '4.8.3' ? 'export' : undefined
  const [served] = provenance.served
  if (!party.forSettlement || channel === undefined || served === undefined) return
  const meter = indexOfMeter(eui)
  let first = 0
  let length = 0
  const flush = () => length > 0 && completeness.delivered(meter, channel, first, length, nowMs())
  for (const { halfHour, from } of halfHoursServed(served)) {
    if (from === 'n') continue
    if (length > 0 && halfHour === first + length) length += 1
    else {
      flush()
      first = halfHour
      length = 1
    }
  }
  flush()
}

/** Counts an answer, with data or with a failure code, under its key. */
function countAnswer({ measures, config }: ObserverParts, key: RequestKey, completed: CompletedRequest): void {
  const { code, tookMs, provenance } = completed
  const counts = requestsOf(measures, key)
  count(measures.codes, code)
  if (code !== 'I0') {
    counts.failed += 1
    return
  }
  const row = srvRow(key.srv)
  const kind = key.service === 'scheduled' ? 'scheduled' : key.settlement ? 'settlement' : 'onDemand'
  const trtMs = row === undefined ? undefined : targetMs(row, kind, config.targetResponseTimes)
  counts.answered += 1
  if (trtMs !== undefined && tookMs <= trtMs) counts.within += 1
  counts.tookMsSum += tookMs
  counts.tookMsMax = Math.max(counts.tookMsMax, tookMs)
  counts.saved += provenance?.saved.deviceReads ?? 0
}

const hourOf = ({ startMs }: ObserverParts, atMs: number) => Math.floor((atMs - startMs) / hourMs)

function keyOfWanted(parts: ObserverParts, { party, srv, executionMs, atMs }: Wanted): RequestKey {
  return {
    hour: hourOf(parts, executionMs ?? atMs),
    srv,
    party: party.name,
    service: executionMs === undefined ? 'on demand' : 'future-dated',
    settlement: party.forSettlement,
  }
}

function keyOfRun(parts: ObserverParts, { party, srv }: CreatedSchedule, dueMs: number): RequestKey {
  return { hour: hourOf(parts, dueMs), srv, party: party.name, service: 'scheduled', settlement: party.forSettlement }
}

/** A session waited for a limit of the WAN. */
function noteHeldBack(measures: Measures, limit: string, ms: number): void {
  const counts = heldBackBy(measures, limit)
  counts.sessions += 1
  counts.msSum += ms
  counts.msMax = Math.max(counts.msMax, ms)
}

/** A wake-up that the model lost on its way: it was sent, and no line saw it. */
function noteLostWake({ measures, startMs, nowMs }: ObserverParts, cohort: string): void {
  const wan = wanOf(measures, cohort)
  wan.wakeUps += 1
  wan.smsLost += 1
  addAt(wan.wakeUpsBySecond, nowMs() - startMs, 1)
}

/** Counts requests when they are sent, or when a schedule's run has its outcome, and what becomes of them. */
export function createObserver(parts: ObserverParts) {
  const { measures, nowMs } = parts
  /** Requests that were sent and are not answered, by RequestID. */
  const open = new Map<string, Wanted>()
  const schedules = new Map<number, CreatedSchedule>()
  function givenUp(scheduleId: number, day: number): void {
    const schedule = schedules.get(scheduleId)
    if (schedule === undefined) return
    const counts = requestsOf(measures, keyOfRun(parts, schedule, day * dayMs))
    counts.requests += 1
    counts.failed += 1
    count(measures.codes, 'alert')
  }

  return {
    open,
    completeness: parts.completeness.counts,
    scheduled(id: number, schedule: CreatedSchedule): void {
      schedules.set(id, schedule)
      measures.schedulesCreated += 1
    },
    sent(wanted: Wanted, id: string): void {
      requestsOf(measures, keyOfWanted(parts, wanted)).requests += 1
      open.set(id, wanted)
    },
    /** The acknowledgement of a request: anything but I99 ends it. */
    acknowledged(id: string, code: string): void {
      const wanted = open.get(id)
      if (wanted === undefined || code === 'I99') return
      open.delete(id)
      requestsOf(measures, keyOfWanted(parts, wanted)).refused += 1
      count(measures.codes, code)
    },
    completed(completed: CompletedRequest): void {
      const [originator = '', target = ''] = completed.id.split(':')
      if (completed.scheduleId !== undefined) {
        const schedule = schedules.get(completed.scheduleId)
        if (schedule === undefined) return
        const key = keyOfRun(parts, schedule, nowMs() - completed.tookMs)
        requestsOf(measures, key).requests += 1
        countAnswer(parts, key, completed)
        // The ResponseID of a run: the meter, then the User.
        noteProvenance(parts, completed, schedule.party, originator)
        return
      }
      const wanted = open.get(completed.id)
      open.delete(completed.id)
      if (wanted === undefined) return
      countAnswer(parts, keyOfWanted(parts, wanted), completed)
      noteProvenance(parts, completed, wanted.party, target)
      if (completed.code !== 'I0') parts.failed(wanted)
    },
    log(event: string, fields: { [name: string]: unknown }): void {
      if (event === 'scheduled request failed') measures.retries += 1
      else if (event === 'schedule removed') measures.schedulesRemoved += 1
      else if (event === 'wan held back') noteHeldBack(measures, String(fields.by), Number(fields.ms))
      else if (event === 'wan sms lost' || event === 'wan unreachable') noteLostWake(parts, String(fields.cohort))
      else if (event === 'scheduled request given up') givenUp(Number(fields.scheduleId), Number(fields.day))
      else if (problems.includes(event) && measures.wrong.length < wrongMax) {
        measures.wrong.push(`bridge: ${event}: ${JSON.stringify(fields).slice(0, 300)}`)
      }
    },
  }
}
