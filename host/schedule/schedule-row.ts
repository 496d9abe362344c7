// A DCC schedule as it is listed.

import type { ScheduleDetails } from '../duis/non-device-fields.ts'
import { formatUtcDate, formatUtcTime } from '../duis/utc-date.ts'

/** `-1 00:00:00Z to 0 00:00:00Z`. */
function periodText({ period }: ScheduleDetails): string {
  if (period === undefined) return ''
  const { startDays, startTimeMs, endDays, endTimeMs } = period
  return `${startDays} ${formatUtcTime(startTimeMs)} to ${endDays} ${formatUtcTime(endTimeMs)}`
}

export function scheduleRow(id: number, details: ScheduleDetails) {
  const { endDay, executionTimeMs } = details
  return {
    id,
    frequency: details.frequency,
    start: formatUtcDate(details.startDay),
    end: endDay === undefined ? '' : formatUtcDate(endDay),
    at: executionTimeMs === undefined ? '' : formatUtcTime(executionTimeMs),
    srv: details.variant,
    device: details.deviceEui,
    period: periodText(details),
  }
}
