// The model's time: days, midnights, billing dates, the clock, starts (plain-meter.ts).

import { eventCode } from '../../../protocol/event-entry.ts'
import { type RegisterSnapshot, snapshotCause } from '../../../protocol/register-snapshot.ts'
import { beginHalfHour, count, isCheckpointDue } from './plain-counting.ts'
import {
  addEvent,
  clockSetMs,
  commit,
  commitAll,
  commitToNone,
  copyOfDay,
  dayMs,
  durable,
  halfHourMs,
  note,
  type PlainMeter,
  type StoredRequest,
  timeOf,
} from './plain-meter.ts'
import { plainRegister, secureProfile } from './plain-settings.ts'

function snapshot(
  kept: StoredRequest,
  cause: number,
  late: boolean,
  number: number,
  atSeconds: number,
): RegisterSnapshot {
  return { cause, late, number, atSeconds, registers: [...kept.registers], matrix: [...kept.matrix] }
}

/** Adds an entry to the billing data log and to the event log. Returns its number. */
export function takeBilling(meter: PlainMeter, cause: number, late: boolean, atSeconds: number): number {
  const number = (meter.kept.billing.at(-1)?.number ?? 0) + 1
  meter.ringRecords += 1
  durable(meter, (kept) => kept.billing.push(snapshot(kept, cause, late, number, atSeconds)))
  addEvent(meter, eventCode.billing, atSeconds, number, cause)
  return number
}

/** The latest billing date up to a day; 0 when there is none. */
function billingDate(billingDay: number, day: number): number {
  if (billingDay === 0) return 0
  const date = new Date(day * dayMs)
  const thisMonth = Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), billingDay) / dayMs
  return thisMonth <= day ? thisMonth : Date.UTC(date.getUTCFullYear(), date.getUTCMonth() - 1, billingDay) / dayMs
}

/** The meter's time is in `day` for the first time: the day before is over, a billing date may be due, a daily read is. */
function onSettlementDayChange(meter: PlainMeter, day: number, late: boolean): void {
  const { kept } = meter
  const before = kept.dailyReads.at(-1)?.number ?? 0
  if (kept.openDay > 0 && kept.openDay < day) {
    const open = kept.openDay
    for (let channel = 0; channel < 4; channel++) {
      if (kept.days.get(open)!.closed[channel]) continue
      meter.ringRecords += 1
      durable(meter, () => {
        const over = copyOfDay(kept.days.get(open))
        over.closed[channel] = true
        kept.days.set(open, over)
        kept.newest = Math.max(kept.newest, open * 48 + 47)
      })
    }
    kept.openDay = 0
  }
  if (before >= day) return
  const due = billingDate(kept.settings.billingDay, day)
  const isTaken = (kept.billing.at(-1)?.atSeconds ?? -1) >= (due * dayMs) / 1000
  if (before > 0 && due > before && !isTaken)
    takeBilling(meter, snapshotCause.billingDate, late || due < day, (due * dayMs) / 1000)
  meter.ringRecords += 1
  durable(meter, () => kept.dailyReads.push(snapshot(kept, snapshotCause.midnight, late, day, (day * dayMs) / 1000)))
}

/** Switches to the TOU register of the time; what was counted until then belongs to the previous one. */
function switchTariff(meter: PlainMeter): void {
  const register = plainRegister(meter.kept.settings.tariff, timeOf(meter))
  if (register === meter.ram.tou) return
  commitAll(meter)
  meter.ram.tou = register
}

/** A meter of this make takes midnight snapshots by an estimate of the time. */
function goesByEstimate(meter: PlainMeter): boolean {
  return meter.kept.settings.deviceProfile === secureProfile
}

const none = [0, 0, 0, 0]

/** A day that the meter's time has not been in, or one after that being recorded, which is over then. */
function isNewDay(meter: PlainMeter, day: number): boolean {
  const { kept, ram } = meter
  if (ram.lost && !goesByEstimate(meter)) return false
  return day > ram.day || (kept.openDay > 0 && day > kept.openDay)
}

/** Time has passed, or was changed: then `stepped`. */
function passTime(meter: PlainMeter, stepped: boolean, pulses: readonly number[]): void {
  const { ram } = meter
  const halfHour = Math.floor(timeOf(meter) / halfHourMs)
  const passed = halfHour - ram.halfHour
  const disturbed = stepped || passed > 1 || passed < 0
  if (ram.lost) {
    count(meter, pulses)
    if (passed !== 0) commitToNone(meter)
  } else if (passed === 0) {
    count(meter, pulses)
    if (stepped) ram.marked = true
  } else {
    // Energy during a step of the clock belongs to no half-hour.
    if (!disturbed) count(meter, pulses)
    if (passed > 0) commit(meter, 'ended', ram.marked || disturbed || ram.excessWh > 0)
    if (disturbed) {
      count(meter, pulses)
      commitToNone(meter)
    }
    ram.marked = disturbed
  }
  if (passed !== 0) beginHalfHour(meter, halfHour)
  const day = Math.floor(halfHour / 48)
  if (isNewDay(meter, day)) {
    ram.day = Math.max(ram.day, day)
    onSettlementDayChange(meter, day, disturbed || ram.lost)
  }
  switchTariff(meter)
  if (isCheckpointDue(meter)) {
    ram.checkpoints -= 1
    commitAll(meter)
  }
}

function noteOutage(meter: PlainMeter): void {
  const { ram, kept } = meter
  if (ram.offSinceMs < 0) return
  const seconds = Math.floor((timeOf(meter) - (ram.upMs - ram.startUpMs) - ram.offSinceMs) / 1000)
  const isEstimate = kept.lastCode === eventCode.lastGasp ? 0 : 1
  const since = Math.floor(ram.offSinceMs / 1000)
  ram.offSinceMs = -1
  if (seconds > 0) addEvent(meter, eventCode.powerOutage, since, seconds, isEstimate)
}

/** What the clock is ahead of the board's after a start: set when the board's showed nothing, it says nothing any more. */
export function aheadAtStart({
  clockAheadMs,
  clockSetSeconds,
}: Pick<StoredRequest, 'clockAheadMs' | 'clockSetSeconds'>): number {
  return clockSetSeconds * 1000 - clockAheadMs < clockSetMs ? 0 : clockAheadMs
}

/** The meter starts. */
export function boot(meter: PlainMeter, boardMs: number, upMs: number): void {
  const { kept } = meter
  durable(meter, () => {
    kept.boots += 1
  })
  const lost = boardMs < clockSetMs
  kept.clockAheadMs = aheadAtStart(kept)
  const aliveMs = Math.max(kept.aliveMs, kept.lastSeconds * 1000)
  const isFirst = kept.aliveMs === 0
  const ram = {
    wh: [0, 0, 0, 0],
    rest: [0, 0, 0, 0],
    room: [0, 0, 0, 0],
    excessWh: 0,
    wasOver: false,
    checkpoints: 255,
    checkpointUpMs: 0,
    halfHour: 0,
    marked: true,
    day: kept.dailyReads.at(-1)?.number ?? 0,
    tou: 0,
    lost,
    boardMs,
    upMs,
    startUpMs: upMs,
    estimateMs: aliveMs,
    offSinceMs: isFirst ? -1 : aliveMs,
  }
  meter.ram = ram
  const halfHour = Math.floor(timeOf(meter) / halfHourMs)
  if (kept.running !== undefined && (lost || kept.running.halfHour !== halfHour)) {
    // Power failed in that half-hour: what is committed of it is what it had.
    ram.halfHour = kept.running.halfHour
    commit(meter, 'ended', true)
  }
  beginHalfHour(meter, halfHour)
  ram.marked = timeOf(meter) % halfHourMs !== 0
  if (lost) note(meter, eventCode.clockLost, 0, 0)
  else noteOutage(meter)
  note(meter, eventCode.started, kept.boots, 0)
  const day = Math.floor(halfHour / 48)
  // A new meter has passed no midnight.
  if (isFirst && !lost) ram.day = day
  if (isNewDay(meter, day)) {
    ram.day = Math.max(ram.day, day)
    onSettlementDayChange(meter, day, lost || timeOf(meter) % dayMs !== 0)
  }
  switchTariff(meter)
}

function setBy(stepMs: number): number {
  if (Math.abs(stepMs) < 2000) return eventCode.clockSet
  return stepMs > 0 ? eventCode.clockForward : eventCode.clockBack
}

/** The clock is set, by a command or because the board's own clock was. */
export function changeClock(meter: PlainMeter, utcMs: number, unasked: boolean): void {
  const { ram, kept } = meter
  const wasLost = ram.lost
  const stepMs = wasLost ? 0 : utcMs - timeOf(meter)
  const elapsed = utcMs / 1000 - kept.clockSetSeconds
  const ppm = Math.round((-stepMs * 1000) / elapsed)
  const isDrift = !wasLost && kept.clockSetSeconds > 0 && elapsed >= 3600 && Math.abs(ppm) <= 1000
  if (wasLost) commitToNone(meter)
  ram.lost = false
  durable(meter, () => {
    kept.clockAheadMs = utcMs - ram.boardMs
    kept.clockSetSeconds = Math.floor(utcMs / 1000)
    if (isDrift) kept.driftPpm = ppm
  })
  const code = setBy(stepMs)
  note(meter, code, code === eventCode.clockSet ? 0 : Math.round(Math.abs(stepMs) / 1000), unasked ? 1 : 0)
  noteOutage(meter)
  if (wasLost) {
    beginHalfHour(meter, Math.floor(utcMs / halfHourMs))
    ram.marked = true
  }
  passTime(meter, code !== eventCode.clockSet || wasLost, none)
}

/** The meter does what is due. */
export function step(meter: PlainMeter, boardMs: number, upMs: number, pulses: readonly number[]): void {
  const { ram, kept } = meter
  let jumpMs = boardMs - ram.boardMs - (upMs - ram.upMs)
  const isSet = ram.boardMs < clockSetMs && boardMs >= clockSetMs
  ram.boardMs = boardMs
  ram.upMs = upMs
  if (isSet && ram.lost) {
    count(meter, pulses)
    changeClock(meter, boardMs, true)
    return
  }
  if (isSet) {
    // From now on the board's clock is used without an offset.
    jumpMs -= kept.clockAheadMs
    durable(meter, () => {
      kept.clockAheadMs = 0
      kept.clockSetSeconds = Math.floor(boardMs / 1000)
    })
  }
  const stepped = !ram.lost && Math.abs(jumpMs) >= 2000
  if (stepped) note(meter, setBy(jumpMs), Math.round(Math.abs(jumpMs) / 1000), 1)
  passTime(meter, stepped, pulses)
}

/** Power is about to fail. */
export function powerFails(meter: PlainMeter): void {
  commitAll(meter)
  note(meter, eventCode.lastGasp, 0, 0)
}
