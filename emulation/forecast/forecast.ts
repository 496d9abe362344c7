// What market-wide half-hourly settlement adds to the DCC's systems: table 5 of the SECMP0162 preliminary impact
// assessment from its parameters, and what follows from it. Pure arithmetic; every figure carries its formula.

import {
  duisBytesFixedPerDay,
  duisBytesPerRequest,
  type ForecastParameters,
  monthlyPerDay,
  type ParameterName,
} from './parameters.ts'

export type FigureName =
  | 'additionalShare'
  | 'requestsPerDay'
  | 'duisBytesPerDay'
  | 'requestsPerSecond'
  | 'totalRequestsPerDay'
  | 'totalRequestsPerSecond'
  | 'duisMbitPerSecond'
  | 'dcoCallsInProgress'
  | 'deviceReadsPerDayUncached'
  | 'deviceReadsPerDay'
  | 'duisKbPerMeterMonth'
  | 'lanes'
  | 'smets1RequestsPerDay'
  | 'smets1RequestsPerSecond'
  | 'smets1DeviceReadsPerDayUncached'
  | 'smets1DeviceReadsPerDay'
  | 'smets1DeviceReadsPerSecond'
  | 'smets1DcoCallsInProgress'
  | 'smsPerMeterMonth'
  | 'smsCostPerMeterMonth'
  | 'wanKbPerMeterMonth'

export interface FigureFacts {
  title: string
  unit: string
  formula: string
  /** Parameters that it depends on beyond those of the figures in its formula. */
  uses: readonly ParameterName[]
}

export type Forecast = { readonly [name in FigureName]: number }

const demand: readonly ParameterName[] = ['exportTakeUp', 'mdrShare', 'reuse', 'meters', 'attempts', 'dailyExportReads']
const smets1: readonly ParameterName[] = ['exportTakeUp', 'mdrShare', 'reuse', 'meters', 'attempts', 'smets1Share']

/** Every figure in the order in which it is shown. */
export const figures: { readonly [name in FigureName]: FigureFacts } = {
  additionalShare: {
    title: 'Share of the reads that is additional',
    unit: '',
    formula: 'mdr + (1 − mdr) × (1 − reuse)',
    uses: ['mdrShare', 'reuse'],
  },
  requestsPerDay: {
    title: 'Service Requests a day',
    unit: '/day',
    formula: 'additional share × meters × attempts × [(1 + 12/365) + export × (daily export reads + 12/365)]',
    uses: demand,
  },
  duisBytesPerDay: {
    title: 'DUIS data a day',
    unit: 'B/day',
    formula:
      '1,219 B × requests a day + 1.58 GB (two constants that reproduce table 5; what the 1.58 GB is, is not said)',
    uses: demand,
  },
  requestsPerSecond: {
    title: 'Service Requests a second in the window',
    unit: '/s',
    formula: 'requests a day ÷ window',
    uses: [...demand, 'windowHours'],
  },
  totalRequestsPerDay: {
    title: 'With what is there already, a day',
    unit: '/day',
    formula: 'requests a day + baseline',
    uses: [...demand, 'baselinePerDay'],
  },
  totalRequestsPerSecond: {
    title: 'With what is there already, a second',
    unit: '/s',
    formula: '(requests a day + baseline) ÷ window: both in the same window',
    uses: [...demand, 'baselinePerDay', 'windowHours'],
  },
  duisMbitPerSecond: {
    title: 'DUIS data rate in the window',
    unit: 'Mbit/s',
    formula: 'DUIS data a day × 8 ÷ window',
    uses: [...demand, 'windowHours'],
  },
  dcoCallsInProgress: {
    title: 'DCO calls in progress, one a request',
    unit: '',
    formula: 'requests a second × DCO seconds',
    uses: [...demand, 'windowHours', 'dcoSeconds'],
  },
  deviceReadsPerDayUncached: {
    title: 'Device reads a day without a cache',
    unit: '/day',
    formula: 'requests a day',
    uses: demand,
  },
  deviceReadsPerDay: {
    title: 'Device reads a day with the cache',
    unit: '/day',
    formula:
      'additional share × meters × attempts × [(1 − cache) × (1 + export × daily export reads) + 12/365 × (1 + export)]: monthly reads are never cached',
    uses: [...demand, 'cacheShare'],
  },
  duisKbPerMeterMonth: {
    title: 'DUIS data a meter and month',
    unit: 'kB',
    formula: 'DUIS data a day × 365/12 ÷ meters',
    uses: demand,
  },
  lanes: {
    title: 'Motorway lanes',
    unit: '',
    formula: 'requests a second ÷ lane capacity (section 5.5 says 0 to 6 and no capacity)',
    uses: [...demand, 'windowHours', 'laneCapacity'],
  },
  smets1RequestsPerDay: {
    title: 'Service Requests a day to S1SPs',
    unit: '/day',
    formula: 'additional share × meters × SMETS1 share × attempts × (1 + 12/365) × (1 + export): one export read a day',
    uses: smets1,
  },
  smets1RequestsPerSecond: {
    title: 'Service Requests a second to S1SPs',
    unit: '/s',
    formula: 'SMETS1 requests a day ÷ window',
    uses: [...smets1, 'windowHours'],
  },
  smets1DeviceReadsPerDayUncached: {
    title: 'SMETS1 device reads a day without a cache',
    unit: '/day',
    formula: 'SMETS1 requests a day',
    uses: smets1,
  },
  smets1DeviceReadsPerDay: {
    title: 'SMETS1 device reads a day with the cache',
    unit: '/day',
    formula:
      'additional share × meters × SMETS1 share × attempts × [(1 − cache) + 12/365] × (1 + export): monthly reads are never cached',
    uses: [...smets1, 'cacheShare'],
  },
  smets1DeviceReadsPerSecond: {
    title: 'SMETS1 device reads a second in the window',
    unit: '/s',
    formula: 'SMETS1 device reads a day ÷ window',
    uses: [...smets1, 'cacheShare', 'windowHours'],
  },
  smets1DcoCallsInProgress: {
    title: 'DCO calls in progress for SMETS1 reads',
    unit: '',
    formula: 'SMETS1 device reads a second × DCO calls a read × DCO seconds',
    uses: [...smets1, 'cacheShare', 'windowHours', 'dcoCallsPerRead', 'dcoSeconds'],
  },
  smsPerMeterMonth: {
    title: 'Wake-up SMS a SMETS1 meter and month',
    unit: '',
    formula: 'SMETS1 device reads a day × SMS a read × 365/12 ÷ SMETS1 meters',
    uses: [...smets1, 'cacheShare', 'smsPerRead'],
  },
  smsCostPerMeterMonth: {
    title: 'Cost of those SMS a meter and month',
    unit: '£',
    formula: 'SMS a meter and month × SMS price',
    uses: [...smets1, 'cacheShare', 'smsPerRead', 'smsPrice'],
  },
  wanKbPerMeterMonth: {
    title: 'SMETS1 WAN data a meter and month',
    unit: 'kB',
    formula: 'SMETS1 device reads a day × WAN bytes a read × 365/12 ÷ SMETS1 meters (the line, not the DUIS XML)',
    uses: [...smets1, 'cacheShare', 'wanBytesPerRead'],
  },
}

/** All figures for one set of parameters. The parameters must be valid (`parameterProblem`). */
export function forecast(p: ForecastParameters): Forecast {
  const windowSeconds = p.windowHours * 3600
  const daysPerMonth = 365 / 12
  const additionalShare = p.mdrShare + (1 - p.mdrShare) * (1 - p.reuse)
  const reads = additionalShare * p.meters * p.attempts
  const daily = 1 + p.exportTakeUp * p.dailyExportReads
  const monthly = monthlyPerDay * (1 + p.exportTakeUp)
  const requestsPerDay = reads * (daily + monthly)
  const totalRequestsPerDay = requestsPerDay + (p.baselinePerDay ?? requestsPerDay)
  const duisBytesPerDay = duisBytesPerRequest * requestsPerDay + duisBytesFixedPerDay
  const requestsPerSecond = requestsPerDay / windowSeconds

  const smets1Meters = p.meters * p.smets1Share
  const smets1Reads = reads * p.smets1Share * (1 + p.exportTakeUp)
  const smets1RequestsPerDay = smets1Reads * (1 + monthlyPerDay)
  const smets1DeviceReadsPerDay = smets1Reads * (1 - p.cacheShare + monthlyPerDay)
  const smets1DeviceReadsPerSecond = smets1DeviceReadsPerDay / windowSeconds
  const perMeterMonth = (perDay: number) => (smets1Meters === 0 ? 0 : (perDay * daysPerMonth) / smets1Meters)
  const smsPerMeterMonth = perMeterMonth(smets1DeviceReadsPerDay * p.smsPerRead)
  return {
    additionalShare,
    requestsPerDay,
    duisBytesPerDay,
    requestsPerSecond,
    totalRequestsPerDay,
    totalRequestsPerSecond: totalRequestsPerDay / windowSeconds,
    duisMbitPerSecond: (duisBytesPerDay * 8) / windowSeconds / 1e6,
    dcoCallsInProgress: requestsPerSecond * p.dcoSeconds,
    deviceReadsPerDayUncached: requestsPerDay,
    deviceReadsPerDay: reads * ((1 - p.cacheShare) * daily + monthly),
    duisKbPerMeterMonth: (duisBytesPerDay * daysPerMonth) / p.meters / 1000,
    lanes: requestsPerSecond / p.laneCapacity,
    smets1RequestsPerDay,
    smets1RequestsPerSecond: smets1RequestsPerDay / windowSeconds,
    smets1DeviceReadsPerDayUncached: smets1RequestsPerDay,
    smets1DeviceReadsPerDay,
    smets1DeviceReadsPerSecond,
    smets1DcoCallsInProgress: smets1DeviceReadsPerSecond * p.dcoCallsPerRead * p.dcoSeconds,
    smsPerMeterMonth,
    smsCostPerMeterMonth: smsPerMeterMonth * p.smsPrice,
    wanKbPerMeterMonth: perMeterMonth(smets1DeviceReadsPerDay * p.wanBytesPerRead) / 1000,
  }
}

export interface Range {
  low: number
  high: number
}

/**
 * The lowest and highest value of each figure where some parameters are ranges. Every figure rises or falls steadily
 * with each parameter, so the extremes lie at combinations of the ends.
 */
export function forecastRange(
  base: ForecastParameters,
  ranges: Partial<Record<ParameterName, Range>>,
): Record<FigureName, Range> {
  const named = Object.entries(ranges) as [ParameterName, Range][]
  const found = {} as Record<FigureName, Range>
  for (let corner = 0; corner < 2 ** named.length; corner++) {
    const ends = named.map(([name, { low, high }], bit) => [name, (corner >> bit) & 1 ? high : low])
    for (const [name, value] of Object.entries(forecast({ ...base, ...Object.fromEntries(ends) })) as [
      FigureName,
      number,
    ][]) {
      const range = found[name] ?? { low: value, high: value }
      found[name] = { low: Math.min(range.low, value), high: Math.max(range.high, value) }
    }
  }
  return found
}
