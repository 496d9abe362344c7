// What the meter does for each message of the table. Answers come in parts that each fit one frame.

import type { CborValue } from '../protocol/cbor.ts'
import { eventCode } from '../protocol/event-entry.ts'
import { answerBytesMax } from '../protocol/limits.ts'
import { answerMessage, encodeRefusal, errorCode, messageCode, takeAsk } from '../protocol/message-layout.ts'
import { type Metering, secondsOf, timeOf } from './counting.ts'
import { deviceProfile } from './device-profiles.ts'
import { entriesOf } from './event-log.ts'
import { daysIn, flashMapOf } from './flash-map.ts'
import { readBilling, readDailyReads, readProfile, snapshotNow } from './logs.ts'
import { act, action } from './metering.ts'
import type { NextRecord } from './record-ring.ts'
import { selfTest } from './self-test.ts'
import { encodeConfiguration, isConfiguration } from './settings.ts'

/** One open message of an answer, and whether it is the last. */
export interface AnswerPart {
  message: Uint8Array
  last: boolean
}

/** Gives the parts of an answer in order; called until one is the last. */
export type NextPart = () => AnswerPart

/** Counts of what came over the line, for the self-test. */
export interface LineCounts {
  framesDropped: number
  notOpened: number
}

function whole(message: Uint8Array): NextPart {
  return () => ({ message: message, last: true })
}

function answer(fields: CborValue[]): NextPart {
  return whole(answerMessage(fields))
}

function refusal(error: number): NextPart {
  return whole(encodeRefusal(error))
}

/** Whole records, as many in a frame as fit. */
function inParts(next: NextRecord): NextPart {
  // One record is always read ahead: only then is it known whether a part is the last.
  let ahead = next()

  return () => {
    const bytes = new Uint8Array(answerBytesMax)
    let used = 0
    while (ahead && used + ahead.length <= answerBytesMax) {
      bytes.set(ahead, used)
      used += ahead.length
      ahead = next()
    }
    return { message: answerMessage([bytes.subarray(0, used)]), last: !ahead }
  }
}

/** Alerts that were not acknowledged, the oldest that one frame takes; `undefined` when there are none. */
export function alertsMessage(metering: Metering): Uint8Array | undefined {
  return entriesOf(metering.logs.events, 0, 0)() ? inParts(entriesOf(metering.logs.events, 0, 0))().message : undefined
}

function configure(metering: Metering, version: number, bytes: Uint8Array): NextPart {
  if (version !== metering.settings.version) return refusal(errorCode.versionConflict)
  if (!isConfiguration(bytes)) return refusal(errorCode.outOfRange)
  act(metering, action.configure, 0, 0, bytes)
  return answer([metering.settings.version])
}

function inventory(metering: Metering): NextPart {
  const number = metering.settings.configuration.deviceProfile
  const profile = deviceProfile(number)
  const map = flashMapOf(metering.board.flash.pages)
  return answer([
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

function registers(metering: Metering): NextPart {
  act(metering, action.commit)
  const snapshot = snapshotNow(metering.logs, secondsOf(metering))
  return snapshot ? answer([snapshot]) : refusal(errorCode.outOfRange)
}

function billing(metering: Metering, cause: number): NextPart {
  const number = act(metering, action.takeBilling, cause)
  return number > 0 ? answer([number]) : refusal(errorCode.outOfRange)
}

function tested(metering: Metering, counts: LineCounts): NextPart {
  const result = selfTest(metering)
  if (result.faults > 0) act(metering, action.note, eventCode.selfTestFailed, result.faults)
  return answer([result.faults, result.spoilt, counts.framesDropped, counts.notOpened])
}

/** The answer to the open message of an ask; `undefined` for `sleep`, which is not answered. */
export function answerTo(metering: Metering, counts: LineCounts, message: Uint8Array): NextPart | undefined {
  const logs = metering.logs
  const ask = takeAsk(message)
  const fields = ask.fields as number[]
  const first = fields[0]!
  const second = fields[1]!
  switch (ask.code) {
    case messageCode.sleep:
      return undefined
    case messageCode.readProfile:
      return inParts(readProfile(logs, first, second, fields[2]!))
    case messageCode.readRegisters:
      return registers(metering)
    case messageCode.readDailyReads:
      return inParts(readDailyReads(logs, first, second, metering.dailyReads))
    case messageCode.readBilling:
      return inParts(readBilling(logs, first))
    case messageCode.takeBilling:
      return billing(metering, first)
    case messageCode.readEvents:
      return inParts(entriesOf(logs.events, first, second))
    case messageCode.acknowledgeAlerts:
      act(metering, action.acknowledge, first)
      return answer([])
    case messageCode.readClock:
      return answer([
        Math.floor(timeOf(metering)),
        metering.lost ? 1 : 0,
        logs.journal.clockSetSeconds * 1000,
        logs.journal.driftPpm,
      ])
    case messageCode.setClock:
      return answer([Math.round(act(metering, action.setClock, first))])
    case messageCode.readInventory:
      return inventory(metering)
    case messageCode.readSettings:
      return answer([metering.settings.version, encodeConfiguration(metering.settings.configuration)])
    case messageCode.writeSettings:
      return configure(metering, first, ask.fields[1] as Uint8Array)
    case messageCode.selfTest:
      return tested(metering, counts)
  }
  return refusal(-ask.code)
}
