// What the meter does for each message of the table. Answers come in parts that each fit one frame.

import { eventCode } from '../protocol/event-entry.ts'
import { answerBytesMax } from '../protocol/limits.ts'
import type { Answer, Ask, MessageName } from '../protocol/messages.ts'
import { encodeAnswer, encodeRefusal, errorCode } from '../protocol/messages.ts'
import { deviceProfile } from './device-profiles.ts'
import { acknowledgeAlerts, entriesOf } from './event-log.ts'
import { historyOf } from './flash-map.ts'
import { readBilling, readDailyReads, readProfile, snapshotNow, takeBilling } from './logs.ts'
import { changeClock, commitAll, configure, type Metering, note, secondsOf, timeOf } from './metering.ts'
import type { NextRecord } from './record-ring.ts'
import { selfTest } from './self-test.ts'
import { decodeConfiguration, encodeConfiguration, writeSettings } from './settings.ts'

/** One open message of an answer, and whether it is the last. */
export interface AnswerPart {
  message: Uint8Array
  last: boolean
}

/** Gives the parts of an answer in order; called until one is the last. */
export type NextPart = () => AnswerPart

function whole(message: Uint8Array): NextPart {
  return () => ({ message: message, last: true })
}

function refusal(error: number): NextPart {
  return whole(encodeRefusal(error))
}

/** Whole records, as many in a frame as fit. `encode` makes the message of those that lie one after the other. */
function inParts(next: NextRecord, encode: (bytes: Uint8Array) => Uint8Array): NextPart {
  // One record is always read ahead: only then is it known whether a part is the last.
  let ahead = next()

  return () => {
    const bytes = new Uint8Array(answerBytesMax)
    let used = 0
    while (ahead !== undefined && used + ahead.length <= answerBytesMax) {
      bytes.set(ahead, used)
      used += ahead.length
      ahead = next()
    }
    return { message: encode(bytes.subarray(0, used)), last: ahead === undefined }
  }
}

function blocksMessage(blocks: Uint8Array): Uint8Array {
  return encodeAnswer('readProfile', { blocks: blocks })
}

function snapshotsMessage(snapshots: Uint8Array): Uint8Array {
  return encodeAnswer('readDailyReads', { snapshots: snapshots })
}

/** Entries of equal length, as many in a frame as fit. */
function entriesInParts(entries: Uint8Array): NextPart {
  const each = answerBytesMax - (answerBytesMax % 16)
  let at = 0
  return () => {
    const part = entries.subarray(at, Math.min(at + each, entries.length))
    at += each
    return { message: encodeAnswer('readEvents', { entries: part }), last: at >= entries.length }
  }
}

/** Alerts that were not acknowledged, for one frame; `undefined` when there are none. */
export function alertsMessage(metering: Metering): Uint8Array | undefined {
  const entries = entriesOf(metering.logs.events, 0, 0)
  if (entries.length === 0) return undefined
  const fit = answerBytesMax - (answerBytesMax % 16)
  return encodeAnswer('readEvents', { entries: entries.subarray(0, Math.min(fit, entries.length)) })
}

function writeConfiguration(metering: Metering, ask: Ask<'writeSettings'>): NextPart {
  const settings = metering.settings
  if (ask.version !== settings.version) return refusal(errorCode.versionConflict)
  const configuration = decodeConfiguration(ask.settings)
  if (configuration === undefined) return refusal(errorCode.outOfRange)
  // What was counted until now was counted under the old settings.
  commitAll(metering)
  settings.configuration = configuration
  settings.version += 1
  writeSettings(metering.board.flash, settings)
  note(metering, eventCode.settingsWritten, settings.version, 0)
  configure(metering)
  return whole(encodeAnswer('writeSettings', { version: settings.version }))
}

function inventory(metering: Metering): Answer<'readInventory'> {
  const number = metering.settings.configuration.deviceProfile
  const profile = deviceProfile(number)
  const history = historyOf(metering.board.flash.pages)
  return {
    eui: metering.settings.eui,
    manufacturer: profile.manufacturer,
    model: profile.model,
    firmwareVersion: profile.firmwareVersion,
    deviceProfile: number,
    quirks: metering.quirks,
    importDays: history.importHalfHours / 48,
    otherDays: history.otherHalfHours / 48,
    dailyReads: metering.dailyReads,
  }
}

function registers(metering: Metering): NextPart {
  commitAll(metering)
  const snapshot = snapshotNow(metering.logs, secondsOf(metering))
  return snapshot === undefined ? refusal(errorCode.outOfRange) : whole(snapshotsMessage(snapshot))
}

/** Counts of what came over the line, for the self-test. */
export interface LineCounts {
  framesDropped: number
  notOpened: number
}

/** The answer to an ask that was decoded; `undefined` for `sleep`, which is not answered. */
export function answerTo(
  metering: Metering,
  counts: LineCounts,
  ask: { name: MessageName; fields: unknown } | { error: number },
): NextPart | undefined {
  if ('error' in ask) return refusal(ask.error)
  const logs = metering.logs
  const fields = ask.fields
  switch (ask.name) {
    case 'sleep':
      return undefined
    case 'readProfile': {
      const read = fields as Ask<'readProfile'>
      return inParts(readProfile(logs, read.channel, read.firstHalfHour, read.count), blocksMessage)
    }
    case 'readRegisters':
      return registers(metering)
    case 'readDailyReads': {
      const read = fields as Ask<'readDailyReads'>
      return inParts(readDailyReads(logs, read.firstDay, read.count, metering.dailyReads), snapshotsMessage)
    }
    case 'readBilling':
      return inParts(readBilling(logs, (fields as Ask<'readBilling'>).firstNumber), snapshotsMessage)
    case 'takeBilling': {
      commitAll(metering)
      const number = takeBilling(logs, (fields as Ask<'takeBilling'>).cause, false, secondsOf(metering))
      return number === 0 ? refusal(errorCode.outOfRange) : whole(encodeAnswer('takeBilling', { number: number }))
    }
    case 'readEvents': {
      const read = fields as Ask<'readEvents'>
      return entriesInParts(entriesOf(logs.events, read.log, read.firstSequence))
    }
    case 'acknowledgeAlerts':
      acknowledgeAlerts(logs.events, (fields as Ask<'acknowledgeAlerts'>).sequence)
      return whole(encodeAnswer('acknowledgeAlerts', {}))
    case 'readClock': {
      const setMs = logs.journal.clockSetSeconds * 1000
      const status = metering.lost ? 1 : 0
      return whole(
        encodeAnswer('readClock', {
          utcMs: Math.floor(timeOf(metering)),
          status: status,
          lastSetMs: setMs,
          driftPpm: logs.journal.driftPpm,
        }),
      )
    }
    case 'setClock': {
      const stepMs = changeClock(metering, (fields as Ask<'setClock'>).utcMs, 0)
      return whole(encodeAnswer('setClock', { stepMs: Math.round(stepMs) }))
    }
    case 'readInventory':
      return whole(encodeAnswer('readInventory', inventory(metering)))
    case 'readSettings': {
      const settings = metering.settings
      const bytes = encodeConfiguration(settings.configuration)
      return whole(encodeAnswer('readSettings', { version: settings.version, settings: bytes }))
    }
    case 'writeSettings':
      return writeConfiguration(metering, fields as Ask<'writeSettings'>)
    case 'selfTest': {
      const result = selfTest(metering)
      if (result.faults > 0) note(metering, eventCode.selfTestFailed, result.faults, 0)
      return whole(
        encodeAnswer('selfTest', {
          faults: result.faults,
          spoilt: result.spoilt,
          framesDropped: counts.framesDropped,
          notOpened: counts.notOpened,
        }),
      )
    }
  }
}
