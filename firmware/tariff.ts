// The tariff switching table: which TOU register counts at an instant (SPEC.md section 11).

import { getU16 } from '../protocol/bytes.ts'
import { dateOfDay, dayMs, localAheadMs, weekdayOfDay } from '../protocol/half-hour.ts'
import { tariffBytesMax, touRegisters } from '../protocol/limits.ts'

/** Milliseconds of the grain of switching, of which a half-hour is two: nothing is due by the clock in between. */
export const switchGrainMs = 900000

/** Where day profile `wanted` begins; the length of the table when it has no such profile. */
function profileAt(table: Uint8Array, wanted: number): number {
  let at = 4 + 3 * table[3]!
  for (let profile = 0; profile < wanted && at < table.length; profile++) at += 1 + 2 * table[at]!
  return at
}

/**
 * True for a table that can be used: every day has a profile, every profile begins at midnight and goes forward, every
 * register is 0 to 47. An empty table is one: register 0, always.
 */
export function isTariff(table: Uint8Array): boolean {
  const length = table.length
  if (length === 0) return true
  if (length < 7 || length > tariffBytesMax || table[0]! > 1) return false
  let profiles = 0
  let at = profileAt(table, 0)
  while (at < length) {
    const switches = table[at]!
    if (switches === 0 || at + 1 + 2 * switches > length) return false
    for (let i = 0; i < switches; i++) {
      const quarter = table[at + 1 + 2 * i]!
      if (quarter > 95 || table[at + 2 + 2 * i]! >= touRegisters) return false
      if (i === 0 ? quarter !== 0 : quarter <= table[at - 1 + 2 * i]!) return false
    }
    at += 1 + 2 * switches
    profiles += 1
  }
  if (at !== length || table[1]! >= profiles || table[2]! >= profiles) return false
  for (let i = 0; i < table[3]!; i++) if (table[6 + 3 * i]! >= profiles) return false
  return true
}

/** The day profile of a day: that of the first special day that matches, of the weekend, of a weekday. */
function profileOfDay(table: Uint8Array, day: number): number {
  const date = dateOfDay(day)
  for (let i = 0; i < table[3]!; i++) {
    const special = getU16(table, 4 + 3 * i)
    const everyYear = 0x8000 + date.month * 32 + date.day
    if (special === day || special === everyYear) return table[6 + 3 * i]!
  }
  const weekday = weekdayOfDay(day)
  return weekday === 0 || weekday === 6 ? table[2]! : table[1]!
}

/** The register, 0 to 47, that counts active import at an instant (ms of UTC). The table is one that `isTariff` takes. */
export function registerAt(table: Uint8Array, atMs: number): number {
  if (table.length === 0) return 0
  const localMs = atMs + (table[0] === 1 ? localAheadMs(atMs) : 0)
  const day = Math.floor(localMs / dayMs)
  const quarter = Math.floor((localMs - day * dayMs) / switchGrainMs)
  const at = profileAt(table, profileOfDay(table, day))
  let register = 0
  for (let i = 0; i < table[at]! && table[at + 1 + 2 * i]! <= quarter; i++) register = table[at + 2 + 2 * i]!
  return register
}
