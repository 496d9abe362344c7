// The self-test: whether the logs still prove themselves, and the registers add up (SPEC.md section 7).

import type { Metering } from './counting.ts'
import { readHeader } from './flash-pages.ts'
import { isWholeSlot, type SlotLog, slotAt } from './slot-log.ts'

/** Bits of what was found. */
export const fault = {
  /** The time is lost. */
  clockLost: 1,
  /** Of the newest 64 records of the journal and of the event log some do not prove themselves; `spoilt` counts them. */
  slots: 2,
  /** The newest page of a log has no header any more. */
  page: 4,
  /** The tariff TOU register matrix does not add up to the active import register. */
  matrix: 8,
  /** Something in the logs could not be read at the start, and was left out. */
  unreadable: 16,
  /** Inputs count more than the connection can carry, in this half-hour or in the one before. */
  overCapacity: 32,
} as const

/** How many of the newest records are checked, so that a board is done before its watchdog is. */
const checkedMax = 64

/** Of the newest records those that do not prove themselves; a burnt one (first byte 0) is none. */
function spoiltIn(log: SlotLog): number {
  let spoilt = 0
  for (let slot = Math.max(0, log.used - checkedMax); slot < log.used; slot++) {
    const bytes = slotAt(log, log.page, slot)
    if (bytes[0] !== 0 && !isWholeSlot(bytes)) spoilt += 1
  }
  return spoilt
}

/** Tests the meter without changing anything. */
export function selfTest(metering: Metering): { faults: number; spoilt: number } {
  const logs = metering.logs
  const flash = metering.board.flash
  const journal = logs.journal
  const spoilt = spoiltIn(journal.slots) + spoiltIn(logs.events.slots)
  let sum = 0
  for (let i = 0; i < journal.matrix.length; i++) sum += journal.matrix[i]!
  let faults =
    (metering.lost ? fault.clockLost : 0) |
    (spoilt > 0 ? fault.slots : 0) |
    (sum === journal.registers[0] ? 0 : fault.matrix) |
    (logs.isJournalLost || logs.spoilt > 0 ? fault.unreadable : 0) |
    (metering.wasOver || metering.excessWh > 0 ? fault.overCapacity : 0)
  const pages = [journal.slots, logs.events.slots, logs.imports, logs.others, logs.dailyReads, logs.billing]
  for (let i = 0; i < pages.length; i++) {
    if (pages[i]!.page >= 0 && !readHeader(flash, pages[i]!.page, pages[i]!.kind, 0)) faults |= fault.page
  }
  return { faults: faults, spoilt: spoilt }
}
