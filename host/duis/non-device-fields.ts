// The fields of non-device request bodies, as plain values (DUIS XSD: DSPSchedule, ReadSchedule, DeleteSchedule,
// ReadInventory).

/** ScheduleFrequency (DUIS XSD). */
export const frequencies = ['Daily', 'Weekly', 'Monthly', 'Quarterly', 'Half-Yearly', 'Yearly'] as const
export type Frequency = (typeof frequencies)[number]

/** ReadLogPeriodOffset: days before the day of the run (-400 to 0), and times of day in milliseconds, UTC. */
export type PeriodOffset = { startDays: number; startTimeMs: number; endDays: number; endTimeMs: number }

/** A DSPSchedule. Days are days since 1970-01-01, UTC. */
export type ScheduleDetails = {
  frequency: Frequency
  startDay: number
  /** The last day, included (assumption); absent: without an end. */
  endDay?: number
  /** ScheduleExecutionStartTime, milliseconds of the UTC day; absent: the DCC chooses. */
  executionTimeMs?: number
  /** KAPublicSecurityCredential, base64: stored and returned by 5.2; not used for a SMETS1 device. */
  credential?: string
  serviceReference: string
  /** The variant to be sent, `4.8.1`. */
  variant: string
  /** EUI-64, upper case. */
  deviceEui: string
  /** Name of the element with the request to be scheduled, `DSPReadActiveImportProfileData`. */
  readName: string
  /** Absent where that element is empty. */
  period?: PeriodOffset
}

/** One schedule, or all schedules of the User for a device. */
export type ScheduleSubject = { scheduleId: number } | { deviceEui: string }

/** The query of an inventory. UPRN without leading zeros. */
export type InventoryQuery =
  | { by: 'UPRN'; uprn: string }
  | { by: 'DeviceID'; eui: string }
  | { by: 'MPxN'; mpxn: string }
  | { by: 'PropertyFilter'; postcode: string; addressId: string }

/** Bounds of the DUIS XSD. */
export const scheduleLimits = { idMax: 1_000_000_000_000, offsetDaysMin: -400, perUserAndDevice: 99 }
