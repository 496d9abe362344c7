// Traffic for settlement outside schedules, when it keeps to a window too (setting `settlementWindow`).

import { dayMs } from '../../protocol/half-hour.ts'
import type { DeviceDetails } from '../access/device-details.ts'
import { type ScheduleSettings, windowFor } from './settings.ts'
import { placeInWindow } from './windows.ts'

/** The request: what decides its window, and its deadline. */
interface WindowedRequest {
  forSettlement: boolean
  device: DeviceDetails
  /** Places the request in its window: the lower 32 bits of its counter, say. */
  number: number
  deadlineMs: number
}

/**
 * When a request may be executed, milliseconds UTC: `nowMs` when it does not wait. One that comes outside the window is
 * spread over the next one (risk R1), as far as its target response time reaches.
 */
export function executionTime(
  settings: ScheduleSettings,
  { forSettlement, device, number, deadlineMs }: WindowedRequest,
  nowMs: number,
): number {
  if (settings.settlementWindow === 'scheduled' || !forSettlement) return nowMs
  const { startMs, lengthMs } = windowFor(settings, true, device)
  const today = Math.floor(nowMs / dayMs)
  // The window of the day before may reach into this one.
  const starts = [today - 1, today, today + 1].map((day) => day * dayMs + startMs)
  if (starts.some((start) => start <= nowMs && nowMs < start + lengthMs)) return nowMs
  const start = starts.find((one) => one > nowMs) ?? nowMs
  const end = Math.min(start + lengthMs, deadlineMs)
  return start >= end ? start : start + Math.floor(placeInWindow(number, settings.seed) * (end - start))
}
