// The self-test: whether the logs still prove themselves, and the registers add up (SPEC.md section 7).

import type { Metering } from './counting.ts'
import { pageKind, readHeader } from './flash-pages.ts'
import type { RecordRing } from './record-ring.ts'
import { isWholeSlot, type SlotLog, slotAt } from './slot-log.ts'

/** Bits of what was found. */
export const fault = {
  /** The time is lost. */
  clockLost: 1,
  /** Of the newest 64 records of the journal and of the event log some do not prove themselves; `spoilt` counts them. */
  slots: 2,
  /** The newest page of a ring has no header any more. */
  ring: 4,
  /** The tariff TOU register matrix does not add up to the active import register. */
  matrix: 8,
  /** The settings in flash have no header any more. */
  settings: 16,
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

function hasHeader(ring: RecordRing): boolean {
  return ring.page < 0 || readHeader(ring.flash, ring.page, ring.kind) !== undefined
}

/** Tests the meter without changing anything. */
export function selfTest(metering: Metering): { faults: number; spoilt: number } {
  const logs = metering.logs
  const flash = metering.board.flash
  const spoilt = spoiltIn(logs.journal.slots) + spoiltIn(logs.events.slots)
  let sum = 0
  for (let i = 0; i < logs.journal.matrix.length; i++) sum += logs.journal.matrix[i]!
  const rings =
    hasHeader(logs.imports) && hasHeader(logs.others) && hasHeader(logs.dailyReads) && hasHeader(logs.billing)
  const settings =
    readHeader(flash, 0, pageKind.settings) !== undefined || readHeader(flash, 1, pageKind.settings) !== undefined
  const faults =
    (metering.lost ? fault.clockLost : 0) |
    (spoilt > 0 ? fault.slots : 0) |
    (rings ? 0 : fault.ring) |
    (sum === logs.journal.registers[0] ? 0 : fault.matrix) |
    (settings ? 0 : fault.settings)
  return { faults: faults, spoilt: spoilt }
}
