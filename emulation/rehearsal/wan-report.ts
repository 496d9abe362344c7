// What the SMETS1 WAN had to carry: the five questions of section 5.4.1 of the impact assessment, by cohort.

import { addCounts, noWan, type WanCounts } from './measures.ts'
import { mostAtOnce, peak } from './series.ts'

/** The five questions of section 5.4.1. */
export interface WanRow {
  cohort: string
  meters: number
  kilobytesPerMeterMonth: number
  smsPerMeterMonth: number
  peakKilobitsPerSecond: number
  peakApiCallsPerSecond: number
  peakApiCallsPerMinute: number
  peakApiCallsPerHour: number
  contexts: number
  mostContextsAtOnce: number
  meanContextSeconds: number
  longestContextSeconds: number
}

const daysPerMonth = 365 / 12
export const round = (value: number, digits = 3) => Number(value.toFixed(digits))
export const ratio = (part: number, whole: number) => (whole === 0 ? 0 : round(part / whole, 6))

/** The row of a cohort, over so many days. */
export function wanRow(cohort: string, meters: number, days: number, wan: WanCounts): WanRow {
  const perMonth = (amount: number) => (meters === 0 ? 0 : round((amount / meters / days) * daysPerMonth))
  return {
    cohort,
    meters,
    kilobytesPerMeterMonth: perMonth((wan.bytesOut + wan.bytesIn + wan.failureBytes) / 1000),
    smsPerMeterMonth: perMonth(wan.wakeUps),
    peakKilobitsPerSecond: round((peak(wan.bytesBySecond, 1) * 8) / 1000),
    peakApiCallsPerSecond: peak(wan.wakeUpsBySecond, 1),
    peakApiCallsPerMinute: peak(wan.wakeUpsBySecond, 60),
    peakApiCallsPerHour: peak(wan.wakeUpsBySecond, 3600),
    contexts: wan.contexts,
    mostContextsAtOnce: mostAtOnce(wan.begunBySecond, wan.endedBySecond),
    meanContextSeconds: ratio(wan.contextMsSum, wan.contexts * 1000),
    longestContextSeconds: round(wan.contextMsMax / 1000),
  }
}

/** The WANs of several cohorts together. */
export function joined(all: Iterable<WanCounts>): WanCounts {
  const total = noWan()
  for (const one of all) addCounts(total, one)
  return total
}
