// What is read from the logs, record by record, as it goes over the line.

import { encodeDayPart, partHalfHoursMax } from '../protocol/day-part.ts'
import { dayOfHalfHour, firstHalfHourOfDay } from '../protocol/half-hour.ts'
import { billingEntriesMax, halfHoursPerDay } from '../protocol/limits.ts'
import { dayBlockDay } from '../protocol/profile-coding.ts'
import { blockOfDay, isRightIn, type Logs, lastNumber, rightPlaces } from './logs.ts'
import { type NextRecord, readRing } from './ring-reader.ts'

/** Day blocks of a channel that touch `count` half-hours from `first` on, oldest first; of today what is complete so far. */
export function readProfile(logs: Logs, channel: number, first: number, count: number): NextRecord {
  const journal = logs.journal
  const fromDay = dayOfHalfHour(first)
  const toDay = dayOfHalfHour(first + count - 1)
  const ring = channel === 0 ? logs.imports : logs.others
  // The blocks of a day that was reopened are not those that count.
  const past = readRing(ring, channel, fromDay, Math.min(toDay, lastNumber(ring)), rightPlaces(logs, channel))
  let given = 0

  /** Of a day of which few half-hours are asked, these alone. */
  function asked(block: Uint8Array): Uint8Array {
    const start = firstHalfHourOfDay(given)
    const from = Math.max(first, start)
    const to = Math.min(first + count, start + halfHoursPerDay)
    return to - from > partHalfHoursMax ? block : encodeDayPart(block, from - start, to - from)
  }

  return () => {
    const block = past()
    if (block) {
      given = dayBlockDay(block, 0)
      return asked(block)
    }
    // The day may have become a block while this read went on; then the ring has given it already.
    if (journal.day <= given || journal.day < fromDay || journal.day > toDay) return undefined
    given = journal.day
    return asked(blockOfDay(logs, channel, true))
  }
}

/**
 * Day blocks of a channel that were recorded by a clock that was wrong, in the order of recording, without the first `skip` of
 * them.
 */
export function readWrongTime(logs: Logs, channel: number, skip: number): NextRecord {
  const isRight = rightPlaces(logs, channel)
  const next = readRing(channel === 0 ? logs.imports : logs.others, channel, 0, 65535, (place) => !isRight(place))
  for (let i = 0; i < skip; i++) next()
  return next
}

/** Daily reads of the midnights of `count` days from `firstDay` on, oldest first, of the newest `keep`. */
export function readDailyReads(logs: Logs, firstDay: number, count: number, keep: number): NextRecord {
  const ring = logs.dailyReads
  const isValid = isRightIn(logs, 2)
  // The ring holds more than the log has entries, and days without power have none: look back until there are enough.
  let oldest = lastNumber(ring) + 1
  let numbers: number[] = []
  for (let back = keep; numbers.length < keep && oldest > 0; back *= 2) {
    oldest = Math.max(0, lastNumber(ring) + 1 - back)
    numbers = []
    const next = readRing(ring, 0, oldest, 65535, isValid)
    for (let entry = next(); entry; entry = next()) {
      numbers.push(dayBlockDay(entry, 0))
      if (numbers.length > keep) numbers.shift()
    }
  }
  const from = numbers.length > 0 ? Math.max(firstDay, numbers[0]!) : firstDay
  return readRing(ring, 0, from, firstDay + count - 1, isValid)
}

/** The newest 12 entries of the billing data log from a number on, oldest first. */
export function readBilling(logs: Logs, firstNumber: number): NextRecord {
  const oldest = lastNumber(logs.billing) - billingEntriesMax + 1
  return readRing(logs.billing, 0, Math.max(firstNumber, oldest), 65535, () => true)
}
