// Register snapshots (SPEC.md section 9): every register of a meter at an instant, the same bytes in flash and on the line.

import { crc16, getU16, getU32, putU16, putU32 } from './bytes.ts'
import { snapshotBytesMax, touRegisters } from './limits.ts'
import { putVarint, varintBytes } from './varint.ts'

/** Why a snapshot was taken. 4 and above are causes that an ask may name. */
export const snapshotCause = {
  now: 0,
  midnight: 1,
  billingDate: 2,
  tariffChange: 3,
  onDemand: 4,
  changeOfSupplier: 5,
  changeOfTenancy: 6,
  modeChange: 7,
} as const

export interface RegisterSnapshot {
  cause: number
  /** True when it was taken after its instant: power was off then, or the clock was stepped over it. */
  late: boolean
  /** Day number for a daily read, count of the entry for billing, 0 for the registers as they are. */
  number: number
  /** UTC, whole seconds since 1970; 0 when the meter had lost its clock. */
  atSeconds: number
  /** Active import, active export in Wh; reactive import, reactive export in varh. */
  registers: number[]
  /** The tariff TOU register matrix, 48 values in Wh. Their sum is the active import register. */
  matrix: number[]
}

const late = 64

/** The bytes of a snapshot; `undefined` when it is longer than 228 (over 38 TOU registers of more than 268 MWh each). */
export function encodeSnapshot(snapshot: RegisterSnapshot): Uint8Array | undefined {
  let length = 16
  for (let i = 0; i < 4; i++) length += varintBytes(snapshot.registers[i]!)
  for (let i = 0; i < touRegisters; i++) if (snapshot.matrix[i]! > 0) length += varintBytes(snapshot.matrix[i]!)
  if (length > snapshotBytesMax) return undefined
  const bytes = new Uint8Array(length)
  bytes[0] = length
  bytes[1] = snapshot.cause | (snapshot.late ? late : 0)
  putU16(bytes, 2, snapshot.number)
  putU32(bytes, 4, snapshot.atSeconds)
  let at = 14
  for (let i = 0; i < 4; i++) at = putVarint(bytes, at, snapshot.registers[i]!)
  for (let i = 0; i < touRegisters; i++) {
    if (snapshot.matrix[i]! === 0) continue
    bytes[8 + (i >> 3)] = bytes[8 + (i >> 3)]! | (1 << (i & 7))
    at = putVarint(bytes, at, snapshot.matrix[i]!)
  }
  putU16(bytes, at, crc16(bytes, 0, at))
  return bytes
}

/** The snapshot in exactly these bytes; `undefined` for anything that `encodeSnapshot` does not write. */
export function decodeSnapshot(bytes: Uint8Array): RegisterSnapshot | undefined {
  const length = bytes.length
  if (length < 20 || length > snapshotBytesMax || bytes[0] !== length || (bytes[1]! & 0xb0) !== 0) return undefined
  if (crc16(bytes, 0, length - 2) !== getU16(bytes, length - 2)) return undefined
  let at = 14
  let good = true

  function takeVarint(): number {
    let value = 0
    let scale = 1
    let byte = 128
    while (byte >= 128) {
      if (at >= length - 2 || scale > 0x2000000000000) {
        good = false
        return 0
      }
      byte = bytes[at]!
      at += 1
      value += (byte & 127) * scale
      scale *= 128
    }
    // The shortest form only.
    if (byte === 0 && scale > 128) good = false
    return value
  }

  const registers: number[] = []
  const matrix: number[] = []
  for (let i = 0; i < 4; i++) registers.push(takeVarint())
  for (let i = 0; i < touRegisters; i++) {
    const there = (bytes[8 + (i >> 3)]! & (1 << (i & 7))) !== 0
    matrix.push(there ? takeVarint() : 0)
    if (there && matrix[i] === 0) good = false
  }
  if (!good || at !== length - 2) return undefined
  return {
    cause: bytes[1]! & 15,
    late: (bytes[1]! & late) !== 0,
    number: getU16(bytes, 2),
    atSeconds: getU32(bytes, 4),
    registers: registers,
    matrix: matrix,
  }
}

/** The snapshots that lie one after the other in `bytes`; `undefined` when they are not whole. */
export function decodeSnapshots(bytes: Uint8Array): RegisterSnapshot[] | undefined {
  const found: RegisterSnapshot[] = []
  for (let at = 0; at < bytes.length; at += bytes[at]!) {
    const snapshot = bytes[at] === 0 ? undefined : decodeSnapshot(bytes.subarray(at, at + bytes[at]!))
    if (snapshot === undefined) return undefined
    found.push(snapshot)
  }
  return found
}
