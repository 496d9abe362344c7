// What the meter does for each message of the table, and what it answers then, in parts that each fit one frame.

import { getU16, getU24 } from '../protocol/bytes.ts'
import { eventCode } from '../protocol/event-entry.ts'
import { dayMs, firstHalfHourOfDay } from '../protocol/half-hour.ts'
import { answerBytesMax } from '../protocol/limits.ts'
import { answerMessage, encodeRefusal, errorCode, messageCode } from '../protocol/message-layout.ts'
import { type Metering, secondsOf, timeOf } from './counting.ts'
import { deviceProfile } from './device-profiles.ts'
import { entriesOf } from './event-log.ts'
import { daysIn, flashMapOf } from './flash-map.ts'
import type { Answer, Ask, Line, NextPart } from './line.ts'
import { readBilling, readDailyReads, readProfile, snapshotNow } from './logs.ts'
import { act, action } from './metering.ts'
import type { NextRecord } from './record-ring.ts'
import { selfTest } from './self-test.ts'
import { encodeConfiguration, isConfiguration } from './settings.ts'

/** Leaves an ask for a list with what comes after one of its records. */
function advance(ask: Ask, record: Uint8Array): void {
  const fields = ask.fields as number[]
  let at = 0
  let next = getU16(record, 2) + 1
  if (ask.code === messageCode.readProfile) {
    at = 1
    next = firstHalfHourOfDay(next)
  }
  if (ask.code === messageCode.readEvents) {
    at = 1
    next = getU24(record, 1) + 1
  }
  // How many of them, where an ask says so.
  fields[at + 1] = fields[at + 1]! - (next - fields[at]!)
  fields[at] = next
}

/** Whole records, as many in a frame as fit. */
function inParts(ask: Ask, next: NextRecord): NextPart {
  // One record is always read ahead: only then is it known whether a part is the last.
  let ahead = next()

  return () => {
    const bytes = new Uint8Array(answerBytesMax)
    let used = 0
    while (ahead && used + ahead.length <= answerBytesMax) {
      bytes.set(ahead, used)
      used += ahead.length
      advance(ask, ahead)
      ahead = next()
    }
    return { message: answerMessage([bytes.subarray(0, used)]), last: !ahead }
  }
}

/** Alerts that were not acknowledged, the oldest that one frame takes; `undefined` when there are none. */
export function alertsMessage(metering: Metering): Uint8Array | undefined {
  const ask = { code: messageCode.readEvents, fields: [0, 0] }
  const alerts = () => entriesOf(metering.logs.events, 0, 0)
  return alerts()() ? inParts(ask, alerts())().message : undefined
}

/** The error with which an ask to write settings is refused; 0 for none. */
function settingsFault(metering: Metering, version: number, bytes: Uint8Array): number {
  if (version !== metering.settings.version) return errorCode.versionConflict
  return isConfiguration(bytes) ? 0 : errorCode.outOfRange
}

/**
 * Does what an ask changes, or must have committed, before it is answered. What that gave is the `outcome` of `answerTo`:
 * a number, a step in ms, or an error.
 */
export function doAsk(metering: Metering, ask: Ask): number {
  const first = ask.fields[0] as number
  switch (ask.code) {
    case messageCode.readRegisters:
      return act(metering, action.commit)
    case messageCode.takeBilling:
      return act(metering, action.takeBilling, first)
    case messageCode.acknowledgeAlerts:
      return act(metering, action.acknowledge, first)
    case messageCode.setClock:
      // A wrong time that is ahead costs every half-hour until it has come: somebody must mean it.
      if (!metering.lost && !ask.fields[1] && first - timeOf(metering) > dayMs) {
        ask.code = -errorCode.unconfirmed
        return 0
      }
      return act(metering, action.setClock, first)
    case messageCode.writeSettings: {
      const bytes = ask.fields[1] as Uint8Array
      return settingsFault(metering, first, bytes) || act(metering, action.configure, 0, 0, bytes)
    }
  }
  return 0
}

function inventory(metering: Metering): Uint8Array {
  const number = metering.settings.configuration.deviceProfile
  const profile = deviceProfile(number)
  const map = flashMapOf(metering.board.flash.pages)
  return answerMessage([
    metering.settings.eui,
    profile.manufacturer,
    profile.model,
    profile.firmwareVersion,
    number,
    metering.quirks,
    daysIn(map.importPages, 1),
    daysIn(map.othersPages, 3),
    metering.dailyReads,
  ])
}

function registers(metering: Metering): Uint8Array {
  const snapshot = snapshotNow(metering.logs, secondsOf(metering))
  return snapshot ? answerMessage([snapshot]) : encodeRefusal(errorCode.outOfRange)
}

function tested(metering: Metering, line: Line): Uint8Array {
  const result = selfTest(metering)
  if (result.faults > 0) {
    line.event = eventCode.selfTestFailed
    line.eventValue = result.faults
  }
  return answerMessage([
    result.faults,
    result.spoilt,
    line.framesDropped,
    line.notOpened,
    metering.logs.journal.excessWh + metering.excessWh,
  ])
}

/** The answer to an ask that is done; `undefined` for `sleep`, which is not answered. */
export function answerTo(metering: Metering, line: Line, ask: Ask, outcome: number): Answer | undefined {
  const logs = metering.logs
  const fields = ask.fields as number[]
  const first = fields[0]!
  const second = fields[1]!
  switch (ask.code) {
    case messageCode.sleep:
      return undefined
    case messageCode.readProfile:
      return inParts(ask, readProfile(logs, first, second, fields[2]!))
    case messageCode.readRegisters:
      return registers(metering)
    case messageCode.readDailyReads:
      return inParts(ask, readDailyReads(logs, first, second, metering.dailyReads))
    case messageCode.readBilling:
      return inParts(ask, readBilling(logs, first))
    case messageCode.takeBilling:
      return outcome > 0 ? answerMessage([outcome]) : encodeRefusal(errorCode.outOfRange)
    case messageCode.readEvents:
      return inParts(ask, entriesOf(logs.events, first, second))
    case messageCode.acknowledgeAlerts:
      return answerMessage([])
    case messageCode.readClock:
      return answerMessage([
        Math.floor(timeOf(metering)),
        metering.lost ? 1 : 0,
        logs.journal.clockSetSeconds * 1000,
        logs.journal.driftPpm,
      ])
    case messageCode.setClock:
      return answerMessage([Math.round(outcome)])
    case messageCode.readInventory:
      return inventory(metering)
    case messageCode.readSettings:
      return answerMessage([metering.settings.version, encodeConfiguration(metering.settings.configuration)])
    case messageCode.writeSettings:
      return outcome ? encodeRefusal(outcome) : answerMessage([metering.settings.version])
    case messageCode.selfTest:
      return tested(metering, line)
  }
  return encodeRefusal(-ask.code)
}
