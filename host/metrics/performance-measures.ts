// Response times against the Target Response Times: counted per UTC day, Service Request Variant and kind of service, and
// summed up as the performance measures of the SECMP0162 preliminary impact assessment (3.1, 3.2, and the 3.3 that it
// expects for settlement). The contracts define them by categories of messages at another interface; that 3.1 stands for
// commands, 3.2 for alerts and 3.3 for meter reads for settlement is an assumption. Section 5.7 names meter reads only:
// 5.1, 5.2, 5.3 and 8.2 count in 3.1, whoever sends them.

import { type SrvRow, srvRow } from '../catalogue/srv-table.ts'
import { type TargetKind, type TargetTimes, targetMs } from '../catalogue/target-times.ts'
import { readNumber, record } from '../store/row-reader.ts'
import type { Store } from '../store/store.ts'
import type { Timing } from '../wan/serial-line.ts'

/** `onDemand`, `scheduled`: responses; `alert`: DCC alerts. */
export type ServiceKind = 'onDemand' | 'scheduled' | 'alert'

export type Answer = {
  /** `4.8.1`; the cause for an alert. */
  srv: string
  kind: ServiceKind
  /** True for what serves settlement (MHHS). */
  settlement: boolean
  trtMs: number
  /** From the request, or from its due time, until the response is sent. */
  tookMs: number
  /** False for a response code that reports a failure (E20, E21, …). */
  good: boolean
}

/** Counts of one day, kind of service and variant. */
export type Count = {
  answers: number
  /** Good ones within the target. */
  within: number
  failed: number
  trtMs: number
  tookMsSum: number
  tookMsMax: number
}

/** Reads a row of the table `performance`. */
export const readCount = record<Count>({
  answers: readNumber,
  within: readNumber,
  failed: readNumber,
  trtMs: readNumber,
  tookMsSum: readNumber,
  tookMsMax: readNumber,
})

type PerformanceStore = Store<{ performance: Count }>

export interface Performance {
  record(answer: Answer): void
  /** Records the response to an on-demand request that was received at `receivedMs`. */
  onDemand(row: SrvRow, settlement: boolean, receivedMs: number, good: boolean): void
  /** Writes counts that are not on disk yet. */
  flush(): Promise<void>
  /** Target Response Time; undefined where a request cannot be made that way. */
  targetMs(row: SrvRow, kind: TargetKind): number | undefined
}

/** Target Response Time of an alert, from its event. No source gives one: an assumption. */
export const alertTargetMs = 60_000
/** Counts are written at the latest after this time; a crash loses no more than that. */
const flushMs = 2_000

export function createPerformance(store: PerformanceStore, timing: Timing, targets: TargetTimes = {}): Performance {
  const counts = new Map<string, Count>()
  const changed = new Set<string>()
  let timer: { cancel(): void } | undefined

  async function flush(): Promise<void> {
    timer?.cancel()
    timer = undefined
    const keys = [...changed]
    changed.clear()
    const writes: Promise<void>[] = []
    for (const key of keys) {
      const count = counts.get(key)
      if (count !== undefined) writes.push(store.put('performance', key, count))
    }
    await Promise.all(writes)
    // Counts of past days are removed from memory; they are read from the store when they are needed again.
    const today = dayOf(timing.nowMs())
    for (const key of counts.keys()) if (!key.startsWith(today) && !changed.has(key)) counts.delete(key)
  }

  function record({ srv, kind, settlement, trtMs, tookMs, good }: Answer): void {
    const key = `${dayOf(timing.nowMs())}/${kind}/${settlement ? 'settlement' : 'other'}/${srv}`
    const count = counts.get(key) ?? store.get('performance', key) ?? noCount()
    count.answers += 1
    if (!good) count.failed += 1
    else if (tookMs <= trtMs) count.within += 1
    count.trtMs = trtMs
    count.tookMsSum += tookMs
    count.tookMsMax = Math.max(count.tookMsMax, tookMs)
    counts.set(key, count)
    changed.add(key)
    timer ??= timing.after(flushMs, () => void flush().catch(() => {}))
  }

  return {
    record,
    onDemand(row, settlement, receivedMs, good) {
      const trtMs = targetMs(row, settlement ? 'settlement' : 'onDemand', targets) ?? 0
      record({ srv: row.variant, kind: 'onDemand', settlement, trtMs, tookMs: timing.nowMs() - receivedMs, good })
    },
    targetMs: (row, kind) => targetMs(row, kind, targets),
    flush,
  }
}

export type PerformanceRow = Count & { kind: string; settlement: boolean; srv: string }

/** Counts from one UTC day to another (`2026-11-22`, both included), summed up by kind of service and variant. */
export function performanceRows(store: Pick<PerformanceStore, 'range'>, from: string, to: string): PerformanceRow[] {
  const rows = new Map<string, PerformanceRow>()
  for (const { key, value } of store.range('performance', from, `${to}/\uffff`)) {
    const [, kind = '', settlement, srv = ''] = key.split('/')
    const name = `${kind}/${settlement}/${srv}`
    const row = rows.get(name) ?? { ...noCount(), kind, settlement: settlement === 'settlement', srv }
    rows.set(name, add(row, value))
  }
  return [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row)
}

export type Measure = { measure: string; what: string; answers: number; within: number }

/** The performance measures: responses, and how many of them were good and in time. */
export function measuresOf(rows: readonly PerformanceRow[]): Measure[] {
  const of = (measure: string, what: string, mine: (row: PerformanceRow) => boolean): Measure => {
    const total = rows.filter(mine).reduce((sum, row) => add(sum, row), noCount())
    return { measure, what, answers: total.answers, within: total.within }
  }
  const isSettlementRead = (row: PerformanceRow) =>
    row.kind !== 'alert' && row.settlement && srvRow(row.srv)?.endpoint === 'serviceS'
  return [
    of('3.1', 'responses within the target response time', (row) => row.kind !== 'alert' && !isSettlementRead(row)),
    of('3.2', 'alerts within the target response time', (row) => row.kind === 'alert'),
    of('3.3', 'meter reads for settlement within the target response time', isSettlementRead),
  ]
}

function noCount(): Count {
  return { answers: 0, within: 0, failed: 0, trtMs: 0, tookMsSum: 0, tookMsMax: 0 }
}

function add<Row extends Count>(to: Row, more: Count): Row {
  return {
    ...to,
    answers: to.answers + more.answers,
    within: to.within + more.within,
    failed: to.failed + more.failed,
    trtMs: more.trtMs,
    tookMsSum: to.tookMsSum + more.tookMsSum,
    tookMsMax: Math.max(to.tookMsMax, more.tookMsMax),
  }
}

function dayOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10)
}
