// What a collector is sent: responses to its requests, results of its schedules, and alerts. Each is on disk before it is
// taken (204); the DCC sends it again otherwise. The same response twice changes nothing.

import { dayMs, halfHourMs } from '../../protocol/half-hour.ts'
import { readAlert } from '../duis/read-non-device.ts'
import type { DailyRead, HalfHourEntry } from '../duis/read-payload.ts'
import { openResponse, type ServiceResponse } from '../duis/read-response.ts'
import type { Asks } from './asks.ts'
import type { CollectorEnv, CollectorSettings } from './env.ts'
import { dayKey, type KeptDay, type KeptPlan, openDay, openRegisters, placeOf, sealDay, sealRegisters } from './kept.ts'
import { agreementKey } from './portfolio.ts'
import { dropMended, noteFailure, setDay, type Work } from './work.ts'

export interface Receiving {
  env: CollectorEnv
  settings: CollectorSettings
  asks: Asks
  /** Agreements by RequestID of an open request, in upper case. */
  asked: Map<string, Work>
  works(): Iterable<Work>
  bySchedule(id: bigint): Work | undefined
}

/** The period that a response covers as a whole; of a response of which that is not known, its entries say what there is. */
interface Covered {
  startMs: number
  endMs: number
}

function flagsOf(wh: number, stampMs: number, { flagAboveWh }: CollectorSettings): KeptDay['flags'] {
  if (wh > flagAboveWh) return [{ stampMs, why: 'more than a connection carries', wh }]
  return wh < 0 ? [{ stampMs, why: 'negative', wh }] : []
}

/** Puts a value into a day. The first value that came stays; another one later is flagged. */
function put(kept: KeptDay, index: number, wh: number, stampMs: number, settings: CollectorSettings): void {
  const before = kept.wh[index]
  const flags = before === null ? flagsOf(wh, stampMs, settings) : []
  if (before === null) kept.wh[index] = wh
  else if (before !== wh) flags.push({ stampMs, why: 'another value came later', wh })
  for (const flag of flags) {
    const isNew = !kept.flags.some((one) => one.stampMs === flag.stampMs && one.why === flag.why && one.wh === flag.wh)
    if (isNew) kept.flags.push(flag)
  }
}

function createKeeper({ env, settings }: Receiving) {
  const { store, sealing, log } = env

  /** The days that the entries of a response change, and which of their half-hours the meter has not. */
  function daysWith(work: Work, entries: readonly HalfHourEntry[], covered: Covered | undefined) {
    const { mpan } = work.row.agreement
    const days = new Map<number, KeptDay>()
    const dayOf = (day: number) => {
      const kept = days.get(day) ?? openDay(store, sealing, dayKey(mpan, day))
      days.set(day, kept)
      return kept
    }
    let others = 0
    for (const { stampMs, wh } of entries) {
      if (wh === undefined) continue
      const atMs = settings.stamps === 'end' ? stampMs - halfHourMs : stampMs
      if (atMs < work.startMs || atMs >= work.endMs) others += 1
      else put(dayOf(placeOf(atMs).day), placeOf(atMs).index, wh, stampMs, settings)
    }
    if (others > 0) log({ event: 'not ours', mpan, halfHours: others })
    if (covered === undefined) return days
    const endMs = Math.min(covered.endMs, work.endMs, env.nowMs())
    for (let atMs = Math.max(covered.startMs, work.startMs); atMs + halfHourMs <= endMs; atMs += halfHourMs) {
      const { day, index } = placeOf(atMs)
      const { wh, absent } = dayOf(day)
      if (wh[index] === null && !absent.includes(index)) absent.push(index)
    }
    return days
  }

  return {
    /** Keeps half-hours, with what `work.row` has become: in one write. */
    halfHours(work: Work, entries: readonly HalfHourEntry[], covered: Covered | undefined): Promise<void> {
      const kept = work.turn.then(async () => {
        const { mpan } = work.row.agreement
        const days = daysWith(work, entries, covered)
        for (const [day, one] of days) setDay(work, day, one)
        dropMended(work)
        await store.write((batch) => {
          for (const [day, one] of days) batch.put('days', dayKey(mpan, day), sealDay(sealing, dayKey(mpan, day), one))
          batch.put('agreements', agreementKey(work.row.agreement), work.row)
        })
      })
      work.turn = kept.catch(() => {})
      return kept
    },
    registers(work: Work, reads: readonly { stampMs: number; wh: number }[]): Promise<void> {
      const kept = work.turn.then(async () => {
        const { mpan } = work.row.agreement
        const registers = openRegisters(store, sealing, mpan)
        for (const read of reads) if (!registers.some(({ stampMs }) => stampMs === read.stampMs)) registers.push(read)
        registers.sort((a, b) => a.stampMs - b.stampMs)
        const midnights = reads.filter(({ stampMs }) => stampMs % dayMs === 0).map(({ stampMs }) => stampMs / dayMs)
        if (midnights.length > 0) {
          work.row.registersTo = Math.max(work.row.registersTo ?? 0, ...midnights)
          delete work.row.registersFailed
        }
        await store.write((batch) => {
          batch.put('registers', mpan, sealRegisters(sealing, mpan, registers))
          batch.put('agreements', agreementKey(work.row.agreement), work.row)
        })
      })
      work.turn = kept.catch(() => {})
      return kept
    },
  }
}

/** Midnights as registers. */
const midnights = (reads: readonly DailyRead[]) =>
  reads.flatMap(({ stampMs, importWh }) => (importWh === undefined ? [] : [{ stampMs, wh: importWh }]))

/** The whole UTC day that a run of the daily schedule has read, by its last entry. */
function dayOfRun(entries: readonly HalfHourEntry[], { stamps }: CollectorSettings): Covered | undefined {
  const last = entries.at(-1)
  if (last === undefined) return undefined
  const { day } = placeOf(stamps === 'end' ? last.stampMs - halfHourMs : last.stampMs)
  return { startMs: day * dayMs, endMs: (day + 1) * dayMs }
}

/** The period that the run of a schedule for what was before has read. */
function periodBefore({ details }: KeptPlan, { stamps }: CollectorSettings): Covered | undefined {
  const { period, startDay } = details
  if (period === undefined) return undefined
  const startMs = (startDay + period.startDays) * dayMs + period.startTimeMs
  const endMs = (startDay + period.endDays) * dayMs + period.endTimeMs
  return stamps === 'end' ? { startMs: startMs - halfHourMs, endMs } : { startMs, endMs: endMs + halfHourMs }
}

/** The agreement of a meter and variant that a response names. */
function byDevice(works: Iterable<Work>, response: ServiceResponse): Work | undefined {
  const device = (response.requestId?.target ?? response.responseId?.originator ?? '').toUpperCase()
  const direction = /^(4\.8\.3|4\.2)$/.test(response.serviceReferenceVariant ?? '') ? 'export' : 'import'
  const atMs = response.entries?.at(-1)?.stampMs ?? response.responseMs
  const own = [...works].filter(({ row }) => row.agreement.device === device && row.agreement.direction === direction)
  return own.find(({ startMs, endMs }) => atMs > startMs && atMs <= endMs) ?? own.at(-1)
}

/** Takes what requests on demand bring. */
function createAnswers({ env, settings, asks, asked }: Receiving, keeper: ReturnType<typeof createKeeper>) {
  /** Notes that a request on demand has failed: when the next one goes out, and why half-hours are missing. */
  function failed({ row }: Work, { startMs, endMs }: Covered, code: string): void {
    const waits = settings.againMs
    row.nextMs = env.nowMs() + (waits[Math.min(row.tries, waits.length - 1)] ?? dayMs)
    row.tries += 1
    for (const one of row.failed) if (one.day * dayMs < endMs && (one.day + 1) * dayMs > startMs) one.code = code
    env.log({ event: 'read failed', mpan: row.agreement.mpan, code })
  }

  /** What a response of a meter says, whoever asked for it. */
  async function keepData(work: Work, response: ServiceResponse, covered: Covered | undefined): Promise<void> {
    const { entries, dailyReads, registers } = response
    if (entries !== undefined) return keeper.halfHours(work, entries, covered)
    const instant = registers?.activeWh === undefined ? [] : [{ stampMs: response.responseMs, wh: registers.activeWh }]
    await keeper.registers(work, dailyReads === undefined ? instant : midnights(dailyReads))
  }

  return {
    failed,
    keepData,
    async answered(work: Work, response: ServiceResponse): Promise<void> {
      const { row } = work
      const { asking } = row
      if (asking === undefined) return
      delete row.asking
      if (response.code !== 'I0') {
        failed(work, asking, response.code)
        await asks.keep(work)
      } else {
        row.tries = 0
        row.nextMs = 0
        const toMs = { '4.1.1': asking.startMs, '4.6.1': asking.endMs }[asking.srv]
        if (toMs !== undefined) row.registersTo = Math.max(row.registersTo ?? 0, Math.floor(toMs / dayMs))
        await keepData(work, response, asking)
      }
      asked.delete(asking.requestId.toUpperCase())
      work.lookMs = 0
    },
  }
}

/** Takes what schedules bring, and alerts about them. */
function createScheduled(receiving: Receiving, keepData: ReturnType<typeof createAnswers>['keepData']) {
  const { env, settings, asks, works, bySchedule } = receiving
  return {
    async scheduled(response: ServiceResponse, id: bigint): Promise<void> {
      const work = bySchedule(id) ?? byDevice(works(), response)
      if (work === undefined) return
      const plan = work.row.plans.find((one) => one.id !== undefined && BigInt(one.id) === id)
      if (response.code !== 'I0') {
        if (plan?.name.endsWith('registers')) work.row.registersFailed = true
        else noteFailure(work, env.nowMs(), response.code)
        await asks.keep(work)
      } else {
        // A meter that answers again is asked at once for what it could not answer before.
        if (work.row.tries > 0) work.row.nextMs = 0
        const ofRun = dayOfRun(response.entries ?? [], settings)
        await keepData(work, response, plan?.name === 'before' ? periodBefore(plan, settings) : ofRun)
      }
      work.lookMs = 0
    },
    async alerted({ message }: ServiceResponse): Promise<void> {
      const alert = readAlert(message)
      const work = alert?.scheduleId === undefined ? undefined : bySchedule(BigInt(alert.scheduleId))
      const plan = work?.row.plans.find(({ id }) => id === alert?.scheduleId)
      if (alert === undefined || work === undefined || plan === undefined) return
      if (alert.kind === 'DSPScheduleRemoval') {
        plan.ended = true
        env.log({ event: 'schedule ended', mpan: work.row.agreement.mpan, plan: plan.name, code: alert.code })
      }
      if (plan.name === 'days' || plan.name === 'before') noteFailure(work, env.nowMs(), alert.kind)
      else work.row.registersFailed = true
      await asks.keep(work)
      work.lookMs = 0
    },
  }
}

export function createReceiver(receiving: Receiving) {
  const { env, asked, works } = receiving
  const { failed, answered, keepData } = createAnswers(receiving, createKeeper(receiving))
  const { scheduled, alerted } = createScheduled(receiving, keepData)
  return {
    failed,
    /** Takes a message: resolves when it is on disk; false for one that is not the DCC's. */
    async receive(bytes: Uint8Array): Promise<boolean> {
      const opened = openResponse(bytes, env.trust, { nowMs: env.nowMs() })
      if (!opened.ok) {
        env.log({ event: 'response refused', problem: opened.detail })
        return false
      }
      const { response } = opened
      const id = response.requestId?.text.toUpperCase()
      const work = id === undefined ? undefined : asked.get(id)
      if (response.kind === 'DCCAlertMessage') await alerted(response)
      else if (work !== undefined) await answered(work, response)
      else if (response.scheduleId !== undefined) await scheduled(response, response.scheduleId)
      else if (id !== undefined && response.code === 'I0') {
        // The response to a request that was given up: what it brings is kept.
        const late = byDevice(works(), response)
        if (late !== undefined) await keepData(late, response, undefined)
      }
      return true
    },
  }
}
