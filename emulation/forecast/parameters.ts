// The parameters of the demand forecast: those of table 5 of the SECMP0162 preliminary impact assessment, and what the
// assessment leaves open, each with its source or named as an assumption.

/** Every parameter. Shares are 0 to 1. */
export interface ForecastParameters {
  /** Share of meters that export. */
  exportTakeUp: number
  /** Share of MHHS data that Meter Data Retrievers collect; suppliers collect the rest. */
  mdrShare: number
  /** Share of what the registered supplier needs that it has collected already. */
  reuse: number
  /** Meters read daily. */
  meters: number
  /** Attempts per read. */
  attempts: number
  /** Requests a day for the export of an exporting meter: 2 in table 5, 1 on SMETS1, which has no 4.6.2. */
  dailyExportReads: number
  /** Share of the meters that are SMETS1. */
  smets1Share: number
  /** Length of the window in which the requests are executed, hours. */
  windowHours: number
  /** Share of daily reads that another party has read within 25 hours: the S1SP's cache answers them. */
  cacheShare: number
  /** Time that the DCO takes for a request, seconds. */
  dcoSeconds: number
  /** Service Requests a day that are there already; undefined: as many again as the forecast adds. */
  baselinePerDay: number | undefined
  /** Service Requests a second that one motorway lane carries. */
  laneCapacity: number
  /** Price of one wake-up SMS, pounds. */
  smsPrice: number
  /** Bytes on the SMETS1 WAN of one read of a day from a meter. */
  wanBytesPerRead: number
  /** Wake-up SMS of one read from a meter. */
  smsPerRead: number
  /** DCO calls of one read from a meter. */
  dcoCallsPerRead: number
}

export type ParameterName = keyof ForecastParameters

export interface ParameterFacts {
  /** Flag of `smets1 forecast` without its dashes, and key of a scenario file. */
  flag: string
  /** What it is, with its unit. */
  meaning: string
  /** Document and place, or "assumption" and its reason. */
  source: string
  min: number
  max: number
}

/** Meters times attempts that reproduce table 5: 35.92 million (35.916 to 35.938 million fit its printed digits). */
export const meterReadsPerDay = 35.92e6

const attempts = 1.2

/** Bytes of DUIS traffic of one Service Request, and the fixed part of a day: together they reproduce table 5. */
export const duisBytesPerRequest = 1219
export const duisBytesFixedPerDay = 1.58e9

/** Monthly reads, spread evenly over the year. */
export const monthlyPerDay = 12 / 365

export const parameterFacts: { readonly [name in ParameterName]: ParameterFacts } = {
  exportTakeUp: {
    flag: 'export',
    meaning: 'share of meters that export',
    source: 'table 5, % Export Take Up',
    min: 0,
    max: 1,
  },
  mdrShare: {
    flag: 'mdr',
    meaning: 'share of MHHS data that MDRs collect, suppliers collect the rest',
    source: 'table 5, % MHHS data collected by MDR',
    min: 0,
    max: 1,
  },
  reuse: {
    flag: 'reuse',
    meaning: 'share of the registered supplier’s data that it has collected already',
    source: 'table 5, % of Data Re-use for MHHS by Registered Supplier',
    min: 0,
    max: 1,
  },
  meters: {
    flag: 'meters',
    meaning: 'meters read daily',
    source: `assumption: table 5 fixes only meters × attempts, ${meterReadsPerDay / 1e6} million`,
    min: 1,
    max: 1e9,
  },
  attempts: {
    flag: 'attempts',
    meaning: 'attempts per read',
    source: 'assumption: table 5 fixes only meters × attempts',
    min: 1,
    max: 100,
  },
  dailyExportReads: {
    flag: 'daily-export-reads',
    meaning: 'requests a day for the export of an exporting meter',
    source: 'assumption: 2 reproduces table 5 (4.6.2 and 4.8.3 fit SMETS2); SMETS1 has only 4.8.3',
    min: 0,
    max: 10,
  },
  smets1Share: {
    flag: 'smets1-share',
    meaning: 'share of the meters that are SMETS1',
    source: 'assumption: 9.7 million enrolled in January 2023, which may include gas meters, of 29.9 million',
    min: 0,
    max: 1,
  },
  windowHours: {
    flag: 'window',
    meaning: 'length of the window, hours',
    source: 'sections 4.1 and 5.5: 00:00 to 06:00 today; 8, 12 and 13 hours are proposed',
    min: 1 / 60,
    max: 24,
  },
  cacheShare: {
    flag: 'cache',
    meaning: 'share of daily reads that another party has read within 25 hours',
    source: 'MP256: any party is served from the cache; the share is an assumption',
    min: 0,
    max: 1,
  },
  dcoSeconds: {
    flag: 'dco-seconds',
    meaning: 'time that the DCO takes for a request, seconds',
    source: 'issue MP162-I2: the target of 4 s applies to all requests',
    min: 0.001,
    max: 3600,
  },
  baselinePerDay: {
    flag: 'baseline',
    meaning: 'Service Requests a day that are there already',
    source:
      'assumption: as many again as the forecast adds (A11; section 5.5: processing will "roughly double in size")',
    min: 0,
    max: 1e12,
  },
  laneCapacity: {
    flag: 'lane-capacity',
    meaning: 'Service Requests a second that one motorway lane carries',
    source:
      'assumption: scenario C in 6 hours, 3,408 a second, on the 6 lanes that section 5.5 names as the most; no capacity is printed',
    min: 0.001,
    max: 1e9,
  },
  smsPrice: {
    flag: 'sms-price',
    meaning: 'price of one wake-up SMS, pounds',
    source: 'assumption: none; 0 unless given',
    min: 0,
    max: 1000,
  },
  wanBytesPerRead: {
    flag: 'wan-bytes',
    meaning: 'bytes on the SMETS1 WAN of one read of a day from a meter',
    source: 'measured on this product’s own line (npm run bench -- wire); a real SMETS1 meter’s is not public',
    min: 0,
    max: 1e9,
  },
  smsPerRead: {
    flag: 'sms-per-read',
    meaning: 'wake-up SMS of one read from a meter',
    source: 'measured on this product’s own line: one wake-up a session',
    min: 0,
    max: 1000,
  },
  dcoCallsPerRead: {
    flag: 'dco-calls',
    meaning: 'DCO calls of one read from a meter',
    source: 'measured on this product’s own line; table 5 is reckoned with one call a Service Request',
    min: 0,
    max: 1000,
  },
}

const common: Omit<ForecastParameters, 'exportTakeUp' | 'mdrShare' | 'reuse'> = {
  meters: meterReadsPerDay / attempts,
  attempts,
  dailyExportReads: 2,
  smets1Share: 0.32,
  windowHours: 6,
  cacheShare: 0,
  dcoSeconds: 4,
  baselinePerDay: undefined,
  laneCapacity: 568,
  smsPrice: 0,
  wanBytesPerRead: 183,
  smsPerRead: 1,
  dcoCallsPerRead: 3,
}

/** The scenarios of table 5. */
export const scenarios: { readonly [name in 'A' | 'B' | 'C']: ForecastParameters } = {
  A: { ...common, exportTakeUp: 0.1, mdrShare: 0.25, reuse: 1 },
  B: { ...common, exportTakeUp: 0.3, mdrShare: 0.5, reuse: 0.5 },
  C: { ...common, exportTakeUp: 0.5, mdrShare: 1, reuse: 0 },
}

/** What is wrong with a parameter's value, or undefined. */
export function parameterProblem(name: ParameterName, value: number): string | undefined {
  const { flag, min, max } = parameterFacts[name]
  if (Number.isFinite(value) && value >= min && value <= max) return undefined
  return `--${flag} is from ${min} to ${max}, not ${value}`
}
