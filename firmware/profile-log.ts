// The profile data log of active import: half-hours go to the journal as they end, a finished day becomes a block.

import { dayOfHalfHour, firstHalfHourOfDay } from '../protocol/half-hour.ts'
import { halfHoursPerDay } from '../protocol/limits.ts'
import type { ProfileDay } from '../protocol/profile-coding.ts'
import { decodeDayBlock, emptyDay, encodeDayBlock, halfHourWhMax } from '../protocol/profile-coding.ts'
import type { Flash } from './board.ts'
import type { DayCursor } from './day-blocks.ts'
import { openDayBlocks } from './day-blocks.ts'
import { flashMap } from './flash-map.ts'
import { openJournal, recordType } from './journal.ts'

export interface ProfileLog {
  /** Starts of the meter, this one included. */
  boot(): number
  /** Counts a start more, in flash before it returns: for when the session numbers of this one are used up. */
  countBoot(): void
  /** The active import register as it was last committed, in Wh. */
  committedWh(): number
  /** The newest half-hour recorded, -1 when there is none. */
  lastHalfHour(): number
  /**
   * Records a half-hour that has ended, and the register at that moment. What is not newer than everything recorded is
   * left out: a clock that was set back never overwrites.
   */
  record(halfHour: number, wh: number, marked: boolean, importWh: number): void
  /** Turns the day being recorded into a block if it is before this one. */
  closeDaysBefore(day: number): void
  /** Day blocks that touch `count` half-hours from `first` on, oldest first. */
  read(first: number, count: number): DayCursor
}

function lastOf(profile: ProfileDay): number {
  for (let i = halfHoursPerDay - 1; i >= 0; i--) if (profile.wh[i]! >= 0) return firstHalfHourOfDay(profile.day) + i
  return -1
}

/** Opens the log; finds what a power cut left and finishes it. */
export function openProfileLog(flash: Flash): ProfileLog {
  const blocks = openDayBlocks(flash, flashMap.importAt, flashMap.importPages)
  const journal = openJournal(flash, flashMap.journalAt, (halfHour) => dayOfHalfHour(halfHour) > blocks.lastDay())
  // The day being recorded; day 0 stands for none.
  let today = emptyDay(0)
  let newest = -1

  function note(halfHour: number, wh: number, marked: boolean): void {
    const day = dayOfHalfHour(halfHour)
    if (day !== today.day) today = emptyDay(day)
    const at = halfHour - firstHalfHourOfDay(day)
    today.wh[at] = wh
    today.marked[at] = marked ? 1 : 0
    newest = halfHour
  }

  function closeDaysBefore(day: number): void {
    if (today.day === 0 || today.day >= day) return
    journal.append({
      type: recordType.dayClosing,
      number: today.day,
      flags: 0,
      wh: 0,
      importWh: journal.lastImportWh(),
    })
    blocks.append(encodeDayBlock(today))
    today = emptyDay(0)
  }

  function record(halfHour: number, wh: number, marked: boolean, importWh: number): void {
    const day = dayOfHalfHour(halfHour)
    if (halfHour <= newest || day <= blocks.lastDay() || wh > halfHourWhMax) return
    closeDaysBefore(day)
    journal.append({ type: recordType.halfHour, number: halfHour, flags: marked ? 1 : 0, wh: wh, importWh: importWh })
    note(halfHour, wh, marked)
  }

  function read(first: number, count: number): DayCursor {
    const fromDay = dayOfHalfHour(first)
    const toDay = dayOfHalfHour(first + count - 1)
    const past = blocks.read(fromDay, toDay)
    let todayLeft = today.day >= fromDay && today.day <= toDay && today.day > 0

    function next(): Uint8Array | undefined {
      const block = past.next()
      if (block !== undefined || !todayLeft) return block
      todayLeft = false
      // The day may have become a block while this read went on; then the ring has given it already.
      if (today.day < fromDay || today.day > toDay || today.day === 0) return undefined
      today.open = true
      const open = encodeDayBlock(today)
      today.open = false
      return open
    }

    return { next: next }
  }

  function lastHalfHour(): number {
    return newest
  }

  if (blocks.lastDay() > 0) {
    const block = blocks.read(blocks.lastDay(), blocks.lastDay()).next()
    const profile = block === undefined ? undefined : decodeDayBlock(block)
    if (profile !== undefined) newest = lastOf(profile)
  }
  let closing = 0
  journal.forEach((entry) => {
    if (entry.type === recordType.dayClosing) closing = entry.number
    if (entry.type !== recordType.halfHour || dayOfHalfHour(entry.number) <= blocks.lastDay()) return
    note(entry.number, entry.wh, entry.flags === 1)
  })
  // A block was being written when power failed: nothing of it may stay where the next one goes.
  if (closing > blocks.lastDay()) blocks.burnTail()

  return {
    boot: journal.boot,
    countBoot: journal.countBoot,
    committedWh: journal.lastImportWh,
    lastHalfHour: lastHalfHour,
    record: record,
    closeDaysBefore: closeDaysBefore,
    read: read,
  }
}
