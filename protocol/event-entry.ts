// Entries of the event log and the security log (SPEC.md section 10): 16 bytes, the same in flash and on the line.

import { crc16, getU16, getU24, getU32, putU16, putU24, putU32 } from './bytes.ts'
import { eventBytes } from './limits.ts'

/** What happened. Codes 32 and above belong to the security log. `value` and `detail` mean what the comment says. */
export const eventCode = {
  /** The meter started. value: starts so far. */
  started: 1,
  /** Power was off. The time is when it failed; value: seconds it lasted; detail: 1 when the beginning is an estimate. */
  powerOutage: 2,
  /** Power is about to fail, told by the board before it did (last gasp). */
  lastGasp: 3,
  /** The clock does not show the time. */
  clockLost: 4,
  /** The clock was set forward. value: seconds; detail: 1 when nobody set it (the board's clock jumped). */
  clockForward: 5,
  /** The clock was set back. value: seconds; detail: 1 when nobody set it. */
  clockBack: 6,
  /** The clock was set by less than 2 s, or found. */
  clockSet: 7,
  /** A register snapshot did not fit its record and was not taken. */
  snapshotTooLong: 8,
  /** Billing data log entry. value: its number; detail: its cause. */
  billing: 9,
  /** In a half-hour more was counted than the connection can carry, and in the one before not. value: Wh and varh counted apart. */
  overCapacity: 10,
  /** The firmware met an error of its own, and restarts. */
  exception: 11,
  /** Something in the logs could not be read at the start, and was left out. value: records; detail: 1 for the whole journal. */
  logsUnreadable: 12,
  /** Settings were written. value: their version. */
  settingsWritten: 32,
  /** Asks did not open: somebody without the key, or a DCO with another one. value: how many since the last entry. */
  badAsk: 33,
  /** The self-test found faults. value: its fault bits. */
  selfTestFailed: 34,
} as const

/** Codes of the security log begin here. Codes end at 62. */
export const securityCodesFrom = 32

/** The two logs, as `readEvents` names them: what happened to the meter, and what was done to it. */
export const eventLog = { event: 1, security: 2 } as const

/** Events that are pushed on the next wake, until they are acknowledged: powerOutage to clockBack. */
export function isAlert(code: number): boolean {
  return code >= eventCode.powerOutage && code <= eventCode.clockBack
}

export interface EventEntry {
  code: number
  /** Counts every entry of both logs, from 1. */
  sequence: number
  /** UTC, whole seconds since 1970; 0 when the meter had lost its clock. */
  atSeconds: number
  value: number
  detail: number
}

export function encodeEvent(entry: EventEntry): Uint8Array {
  const bytes = new Uint8Array(eventBytes)
  bytes[0] = entry.code
  putU24(bytes, 1, entry.sequence)
  putU32(bytes, 4, entry.atSeconds)
  putU32(bytes, 8, entry.value)
  putU16(bytes, 12, entry.detail)
  putU16(bytes, 14, crc16(bytes, 0, 14))
  return bytes
}

/** The entry in the 16 bytes from `at` on; `undefined` when they are none. */
export function decodeEvent(bytes: Uint8Array, at: number): EventEntry | undefined {
  if (at + eventBytes > bytes.length || bytes[at] === 0) return undefined
  if (crc16(bytes, at, at + 14) !== getU16(bytes, at + 14)) return undefined
  return {
    code: bytes[at]!,
    sequence: getU24(bytes, at + 1),
    atSeconds: getU32(bytes, at + 4),
    value: getU32(bytes, at + 8),
    detail: getU16(bytes, at + 12),
  }
}
