// The packets of the line as a table (protocol/SPEC.md section 4), for `smets1 trace` and the Wireshark dissector.

import { euiFromBytes, getU16, getU32, toHex } from '../../protocol/bytes.ts'
import { tagBytes } from '../../protocol/limits.ts'
import { kind, lineVersion } from '../../protocol/link.ts'

/** How a field is shown: an EUI-64, a number (little-endian), bytes in hexadecimal. */
export type FieldForm = 'eui' | 'u8' | 'u16' | 'u32' | 'hex'

export interface PacketField {
  name: string
  form: FieldForm
  /** Size; `rest`: the remaining bytes, at least one. */
  bytes: number | 'rest'
  about: string
}

export interface PacketRow {
  /** The low half of the first byte; the high half is the version. */
  code: number
  name: string
  about: string
  fields: readonly PacketField[]
  /** Wakes and awakes of other versions have the same layout. */
  everyVersion?: true
}

const counter = { name: 'counter', form: 'u16', bytes: 2, about: 'asks of this session, from 1; 0 for alerts' } as const
const block = { name: 'block', form: 'u8', bytes: 1, about: 'answer frames of this ask, from 0' } as const
const sealed = {
  name: 'sealed',
  form: 'hex',
  bytes: 'rest',
  about: `secretbox: tag (${tagBytes} bytes), then ciphertext`,
} as const

/** Shown in the place of a name when a frame holds none of these packets. */
export const noPacket = 'no packet of this line'

export const packetTable: readonly PacketRow[] = [
  {
    code: kind.wake & 15,
    name: 'wake',
    about: 'bridge to meter',
    everyVersion: true,
    fields: [
      { name: 'eui', form: 'eui', bytes: 8, about: 'EUI-64 of the meter that is meant' },
      { name: 'hostNonce', form: 'hex', bytes: 8, about: 'random bytes of the DCO, fresh for every wake' },
    ],
  },
  {
    code: kind.awake & 15,
    name: 'awake',
    about: 'meter to bridge',
    everyVersion: true,
    fields: [
      { name: 'tag', form: 'hex', bytes: 2, about: 'first bytes of the hostNonce that is answered' },
      { name: 'boot', form: 'u32', bytes: 4, about: 'starts of the meter' },
      { name: 'session', form: 'u16', bytes: 2, about: 'sessions since that start' },
    ],
  },
  { code: kind.ask & 15, name: 'ask', about: 'bridge to meter', fields: [counter, sealed] },
  { code: kind.answer & 15, name: 'answer', about: 'meter to bridge, more follow', fields: [counter, block, sealed] },
  { code: kind.lastAnswer & 15, name: 'last answer', about: 'meter to bridge', fields: [counter, block, sealed] },
]

export type PacketFields = { [name: string]: string | number }

export interface ReadPacket {
  name: string
  version: number
  fields: PacketFields
}

function fieldValue(form: FieldForm, bytes: Uint8Array): string | number {
  if (form === 'eui') return euiFromBytes(bytes)
  if (form === 'hex') return toHex(bytes)
  return form === 'u8' ? (bytes[0] ?? 0) : form === 'u16' ? getU16(bytes, 0) : getU32(bytes, 0)
}

/** Reads a packet by the table; `undefined` when it is none of the five, as `decodePacket` returns. */
export function readPacket(bytes: Uint8Array): ReadPacket | undefined {
  const [first = 0] = bytes
  const version = first >> 4
  const row = packetTable.find(({ code }) => code === (first & 15))
  if (row === undefined || (version !== lineVersion && row.everyVersion !== true)) return undefined
  const fields: PacketFields = {}
  let at = 1
  for (const { name, form, bytes: size } of row.fields) {
    const end = size === 'rest' ? bytes.length : at + size
    if (end > bytes.length || end === at) return undefined
    fields[name] = fieldValue(form, bytes.subarray(at, end))
    at = end
  }
  return at === bytes.length ? { name: row.name, version, fields } : undefined
}
